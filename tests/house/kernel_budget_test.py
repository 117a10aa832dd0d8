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
# Of cuobjdump: lines of a kernel as it is meant, and of one with an array that is indexed at run time.
MEANT = f"""
	code for sm_90a

		Function : {KERNEL}
	.headerflags	@"EF_CUDA_ACCELERATORS EF_CUDA_SM90 EF_CUDA_VIRTUAL_SM(EF_CUDA_SM90)"
        /*0280*/                   USETMAXREG.TRY_ALLOC.CTAPOOL UP0, 0xf0 ;                            /* 0x000000f0000079c8 */
        /*0300*/              @!P0 SYNCS.PHASECHK.TRANS64.TRYWAIT P1, [UR4], R2 ;                      /* 0x00000002ff0075a7 */
        /*06c0*/                   HGMMA.64x256x16.F32.BF16 R24, gdesc[UR12].tnspB, R24, UP0 ;         /* 0x43e000000c1879f0 */
                                                                                                       /* 0x000fe20008000000 */
        /*19120*/             @UP1 UTMALDG.4D [UR12], [UR8] ;                                          /* 0x0000000c080075b4 */
        /*19190*/                  UTMASTG.4D [UR16], [UR36] ;                                         /* 0x00000010240075b5 */
"""
PLANTED = """
		Function : _Z19planted_sm90_kernelPfi
        /*0340*/                   LDG.E R4, desc[UR4][R2.64] ;                   /* 0x0000000402047981 */
        /*0360*/                   STL.128 [R1], R4 ;                            /* 0x0000000401007387 */
        /*0ee0*/                @P0 LDL R5, [R5] ;                               /* 0x0000000005057983 */
"""
# Functions that launch kernels with a design: of a template, and of a kernel that is none.
LAUNCHES = [
    '_ZN4weft4cuda6launchIXadL_ZNS_7kernels36_GLOBAL__N__23490eed_4_t_cu_26d4899bL9my_kernelILi64ENS3_7NoDropsEEEvNS3_4CallEEE'
    'XtlNS0_6DesignELj384ELm64000ELi1ELi2EEES6_EEvNS0_6StreamERKT1_',
    '_ZN4weft4cuda6launchIXadL_ZNS_7kernels36_GLOBAL__N__23490eed_4_t_cu_26d4899b12other_kernelENS3_4CallEEE'
    'XtlNS0_6DesignELj128ELm0ELi12ELi12EEES4_EEvNS0_6StreamERKT1_', '_Z4mainv']
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

    designs = budget.read_designs(LAUNCHES)
    template, other = budget.Design(384, 64000, 2), budget.Design(128, 0, 12)
    if {k: d for (a, k), d in designs.items() if a == 'sm_90a'} != {'my_kernel<64,NoDrops>': template, 'other_kernel': other}:
        raise SystemExit(f'read {designs}')
    for what, registers, blocks in (('by registers', 168, 1), ('by shared memory', 40, 3)):
        expect(what, [str(budget.blocks_at_once('sm_90a', registers, template))], [str(blocks)])
    expect('an A100', [str(budget.blocks_at_once('sm_80', 40, template))], ['2'])
    expect('by threads', [str(budget.blocks_at_once('sm_80', 16, other))], ['16'])
    for registers, complaints in ((80, []), (168, ['holds 1 blocks of 384 threads, 168 registers and 64000 bytes of shared memory, designed are 2'])):
        key = ('sm_90a', 'my_kernel<64,NoDrops>')
        made = {key: budget.with_design(key, budget.Entry(registers, 0, 0, 0), template)}
        expect('design', budget.complaints_of_designs(made, designs), complaints)

    reasons = {('sm_90a', 'attention_forward_sm90'): 'planted'}
    whole = {KEY: entry}
    expect('as budgeted', budget.complaints_of(entries, whole, reasons), [])
    expect('no reason', budget.complaints_of(entries, whole, {}), ['spills 12 bytes'])
    expect('reason of another', budget.complaints_of(entries, whole, {('sm_80', 'attention'): ''}), ['spills 12 bytes'])
    expect('more registers', budget.complaints_of(entries, {KEY: entry._replace(registers=160)}, reasons), ['registers 168, the budget is 160'])
    expect('new', budget.complaints_of(entries, {}, reasons), ['is not in kernels/budget.txt'])
    expect('gone', budget.complaints_of({}, whole, reasons), ['and no kernel'])

    read = budget.read_instructions(MEANT + PLANTED)
    if read != {KERNEL: {'USETMAXREG', 'SYNCS', 'HGMMA', 'UTMALDG', 'UTMASTG'}, '_Z19planted_sm90_kernelPfi': {'LDG', 'STL', 'LDL'}}:
        raise SystemExit(f'read {read}')
    expect('planted', budget.complaints_of_instructions('gemm_sm90.cu', budget.read_instructions(PLANTED)),
           ['has no wgmma', 'has no copies of boxes', 'has no mbarriers', 'has no setmaxnreg', 'has loads of local', 'has stores to local'])
    expect('real', budget.complaints_of_instructions('kernels/attention/attention_sm90.cu', budget.read_instructions(MEANT)), [])
    expect('nothing', budget.complaints_of_instructions('x', budget.read_instructions('')), ['shows no kernel'])
    expect('plain', budget.complaints_of_serialization('x', REPORT), [])
    expect('serialized', budget.complaints_of_serialization('x', "ptxas info : (C7514) Potential Performance Loss: "
           "wgmma.mma_async instructions are serialized due to insufficient register resources"), ['serializes its wgmma'])

    meant = {'HGMMA', 'UTMALDG', 'SYNCS', 'USETMAXREG', 'FFMA'}
    expect('as meant', budget.complaints_of_instructions('x', {KERNEL: meant}), [])
    expect('no stores', budget.complaints_of_instructions('a/attention_x.cu', {KERNEL: meant}), ['has no stores of boxes'])
    expect('no wgmma', budget.complaints_of_instructions('x', {KERNEL: meant - {'HGMMA'}}), ['has no wgmma'])
    expect('no copies', budget.complaints_of_instructions('x', {KERNEL: meant - {'UTMALDG'}}), ['has no copies of boxes'])
    expect('local', budget.complaints_of_instructions('x', {KERNEL: meant | {'STL'}}), ['has stores to local memory'])


if __name__ == '__main__':
    main()
