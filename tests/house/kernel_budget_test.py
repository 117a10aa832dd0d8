"""scripts/kernel_budget reads what ptxas says, complains of what it should, and of nothing else."""

import importlib.machinery
import importlib.util
import os
import sys

sys.dont_write_bytecode = True
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../scripts/kernel_budget')
loader = importlib.machinery.SourceFileLoader('kernel_budget', SCRIPT)
budget = importlib.util.module_from_spec(importlib.util.spec_from_loader('kernel_budget', loader))
loader.exec_module(budget)

KERNEL = '_ZN4weft7kernels50_GLOBAL__N__f20a0b0a_17_attention_sm90_cu_3f7e03de29attention_forward_sm90_kernelILi64EEEvNS1_13HopperForwardE'
REPORT = f"""ptxas info    : Compiling entry function '{KERNEL}' for 'sm_90a'
ptxas info    : Function properties for {KERNEL}
    8 bytes stack frame, 12 bytes spill stores, 16 bytes spill loads
ptxas info    : Used 168 registers, used 16 barriers
"""
NAME = 'attention_forward_sm90_kernel<64>'
KEY = ('sm_90a', NAME)


def expect(what, found, wanted):
    found = list(found)
    if len(found) != len(wanted) or not all(w in f for f, w in zip(found, wanted)):
        raise SystemExit(f'{what}: {found}, not {wanted}')


def main():
    report = budget.read_report(REPORT)
    names = budget.short_names([KERNEL])
    expect('names', names.values(), [NAME])
    entries = {(a, names[s]): e for (a, s), e in report.items()}
    entry = budget.Entry(registers=168, stores=12, loads=16, stack=8)
    if entries != {KEY: entry}:
        raise SystemExit(f'read {entries}')

    reasons = {('sm_90a', 'attention_forward_sm90'): 'planted'}
    whole = {KEY: entry}
    expect('as budgeted', budget.complaints_of(entries, whole, reasons), [])
    expect('no reason', budget.complaints_of(entries, whole, {}), ['spills 12 bytes'])
    expect('reason of another', budget.complaints_of(entries, whole, {('sm_80', 'attention'): ''}), ['spills 12 bytes'])
    expect('more registers', budget.complaints_of(entries, {KEY: entry._replace(registers=160)}, reasons), ['registers 168, the budget is 160'])
    expect('new', budget.complaints_of(entries, {}, reasons), ['is not in kernels/budget.txt'])
    expect('gone', budget.complaints_of({}, whole, reasons), ['and no kernel'])

    meant = {'HGMMA', 'UTMALDG', 'FFMA'}
    expect('as meant', budget.complaints_of_instructions('x', {KERNEL: meant}), [])
    expect('no wgmma', budget.complaints_of_instructions('x', {KERNEL: meant - {'HGMMA'}}), ['has no wgmma'])
    expect('no copies', budget.complaints_of_instructions('x', {KERNEL: meant - {'UTMALDG'}}), ['has no copies of boxes'])
    expect('local', budget.complaints_of_instructions('x', {KERNEL: meant | {'STL'}}), ['has stores to local memory'])


if __name__ == '__main__':
    main()
