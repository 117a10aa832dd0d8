"""Functions of libm whose last bits depend on the processor must not decide what a run computes."""

import re

# Kernels, and what makes weights, schedules and random numbers. Functions that are exact or rounded
# correctly (sqrt, floor, abs, ldexp) are no danger; benches compute nothing that is kept.
_WHERE = re.compile(r'(kernels|include/weft|src/optim)/|src/train/initialize')
_WHAT = re.compile(
    r'\bstd::(exp|exp2|expm1|log|log2|log10|log1p|pow|cbrt|sin|cos|tan|asin|acos|atan2?|sinh|cosh|tanh|erfc?|hypot|fma)f?\(')


def portable_math(tree):
    for name in tree.cpp('include', 'kernels', 'src'):
        if not _WHERE.match(name) or name.endswith('_bench.cpp'):
            continue
        text = tree.text(name) or ''
        for match in _WHAT.finditer(text):
            line = text.count('\n', 0, match.start()) + 1
            yield (f'{name}:{line}: the bits of std::{match.group(1)} depend on the processor; '
                   'weft/portable_math.h or kernels/simd/math-inl.h')
