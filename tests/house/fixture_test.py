#!/usr/bin/env python3
"""Proves that a check of scripts/check is alive: it must reject a fixture with exactly the complaints listed.

usage: fixture_test.py CHECK/CASE | clean | complete
A fixture is a small tree under fixtures/CHECK/CASE; its file `expected` has a part of each complaint, one
a line. In its files @@ is dropped (so that other searches of this repository do not find what the fixture
plants), and a line `@@REPEAT 3 text` stands for three such lines, @@N in it for a name of its own.
`clean` is the one tree that every check must accept; `complete` asks for a fixture of every check.
Exits 77 (skipped) where a tool of the check is not installed.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
FIXTURES = os.path.join(HERE, 'fixtures')
CHECK = os.path.join(ROOT, 'scripts', 'check')


def expand(text):
    def repeat(match):
        return ''.join(match.group(2).replace('@@N', f'name{i}') + '\n' for i in range(int(match.group(1))))
    return re.sub(r'^@@REPEAT (\d+) (.*)\n', repeat, text, flags=re.M).replace('@@', '')


def materialize(fixture, folder):
    """Writes the fixture's tree to `folder`, with the house's tool settings; returns what is expected."""
    for path, _, files in os.walk(fixture):
        for file in files:
            target = os.path.join(folder, os.path.relpath(path, fixture), file)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(os.path.join(path, file), encoding='utf-8') as source, open(target, 'w', encoding='utf-8') as sink:
                sink.write(expand(source.read()))
    with open(os.path.join(folder, 'expected'), encoding='utf-8') as file:
        expected = file.read().splitlines()
    os.remove(os.path.join(folder, 'expected'))
    for name in ('.clang-format', '.clang-tidy'):
        shutil.copy(os.path.join(ROOT, name), folder)
    commands = [{'directory': folder, 'file': os.path.join(path, file),
                 'command': f'c++ -std=c++20 -I{folder} -I{folder}/include -I{folder}/src -c {os.path.join(path, file)}'}
                for path, _, files in os.walk(folder) for file in files if file.endswith('.cpp')]
    os.makedirs(os.path.join(folder, 'build/release'))
    with open(os.path.join(folder, 'build/release/compile_commands.json'), 'w', encoding='utf-8') as file:
        json.dump(commands, file)
    return expected


def run_check(folder, *arguments):
    return subprocess.run([sys.executable, CHECK, '--root', folder, '--long', *arguments],
                          capture_output=True, text=True)


def skipped(done):
    if re.search(r'^\S+ +skipped:', done.stdout, re.M):
        print(done.stdout)
        sys.exit(77)


def rejects(case):
    with tempfile.TemporaryDirectory() as folder:
        expected = materialize(os.path.join(FIXTURES, case), folder)
        done = run_check(folder, '--only', case.split('/')[0])
        skipped(done)
        complaints = re.findall(r'^  (.*)$', done.stdout, re.M)
        missed = [e for e in expected if not any(e in c for c in complaints)]
        surplus = [c for c in complaints if not any(e in c for e in expected)]
        if done.returncode != 1 or missed or surplus:
            print(done.stdout, done.stderr)
            sys.exit(f'missed: {missed}\nnot expected: {surplus}\nexit status {done.returncode}, 1 expected')


def accepts():
    with tempfile.TemporaryDirectory() as folder:
        materialize(os.path.join(FIXTURES, 'clean'), folder)
        done = run_check(folder)
        if done.returncode != 0:
            sys.exit(done.stdout + done.stderr)
        skipped(done)


def complete():
    listed = subprocess.run([sys.executable, CHECK, '--help'], capture_output=True, text=True, check=True,
                            env={**os.environ, 'COLUMNS': '1000'}).stdout
    checks = re.search(r'several times: ([a-z -]+)', listed).group(1).split()
    without = [check for check in checks if not os.path.isdir(os.path.join(FIXTURES, check))]
    if len(checks) < 10 or without:
        sys.exit(f'checks {checks}; without a fixture: {without}')


if __name__ == '__main__':
    {'clean': accepts, 'complete': complete}.get(sys.argv[1], lambda: rejects(sys.argv[1]))()
