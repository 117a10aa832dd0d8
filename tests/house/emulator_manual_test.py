"""docs/emulator.md names every PTX instruction that kernels/cuda has, each detector, and the tests of planted bugs it promises."""

import glob
import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..')
LEAST_PLANTED = 24


def read(pattern):
    return {os.path.relpath(name, ROOT): open(name, encoding='utf-8').read() for name in glob.glob(os.path.join(ROOT, pattern))}


PLUMBING = ('.reg', 'selp')  # of a predicate into a register


def instructions(text):
    """'cp.async.commit_group', 'mbarrier.init.shared', ...: the mnemonics of what stands in asm; operands' letters have no point."""
    for asm in re.findall(r'\basm\b(.*?)\)\s*;', text, re.DOTALL):
        for line in re.split(r'\\n|\\t|[{};]', ' '.join(re.findall(r'"([^"]*)"', asm))):
            if (m := re.match(r'(?:@!?\w+\s+)?([a-z.][\w.:]*)', line.strip())) and '.' in m[1] and not m[1].startswith(PLUMBING):
                yield m[1]


def is_named(instruction, table):
    """By its first two words or more: `cp.async`, `fence.proxy.async`."""
    words = re.split(r'[.:]+', instruction)
    return any('.'.join(words[:n]) in table for n in range(2, len(words) + 1))


def main():
    manual = read('docs/emulator.md')['docs/emulator.md']
    table = manual[manual.index('## Instruction by instruction'):manual.index('## The device around')]
    complaints, found = [], set()
    for name, text in read('kernels/cuda/*.h').items():
        for instruction in instructions(text):
            found.add(instruction)
            if not is_named(instruction, table):
                complaints.append(f'{name}: {instruction} is not in the table of docs/emulator.md')
    if len(found) < 20:
        complaints.append(f'only {len(found)} instructions were found in kernels/cuda: {sorted(found)}')
    detectors = re.findall(r'return "([a-z-]+)"', read('kernels/emulator/fault.cpp')['kernels/emulator/fault.cpp'])
    tests = ''.join(read('tests/emulator/planted_*.cpp').values())
    for detector in detectors:
        if f'`{detector}`' not in manual:
            complaints.append(f'the detector {detector} is not in docs/emulator.md')
        if f'"{detector}"' not in tests:
            complaints.append(f'no bug is planted for the detector {detector}')
    if len(detectors) < 15:
        complaints.append(f'only {len(detectors)} detectors were found: {detectors}')
    bugs = [line for part in re.findall(r'\n\| (?:planted )?bug \|.*?\n\n', manual, re.DOTALL) for line in part.strip().splitlines()[2:]]
    if len(bugs) < LEAST_PLANTED:
        complaints.append(f'{len(bugs)} planted bugs stand in docs/emulator.md, not {LEAST_PLANTED}')
    for suite, name in re.findall(r'`([A-Z]\w+)\.([A-Z]\w+)`', manual):
        if not any(re.search(rf'TEST\w*\({suite}, {name}\)', text) for text in read('tests/*/*_test.cpp').values()):
            complaints.append(f'docs/emulator.md names the test {suite}.{name}, which is none')
    for complaint in complaints:
        print(complaint)
    return 1 if complaints else 0


if __name__ == '__main__':
    sys.exit(main())
