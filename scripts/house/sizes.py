"""Size limits of files, functions and parameter lists."""

import math

from . import cpp, tree

FILE_LINES = 600
FUNCTION_LINES = 80
KERNEL_LINES = 60
P90_LINES = 30
PARAMETERS = 5
_CODE = tree.CPP + ('.py', '.js', '.cmake', 'CMakeLists.txt')
_PRODUCT = ('include', 'kernels', 'src')


def _is_code(name):
    script = name.startswith(('scripts/', '.ci/')) and '.' not in name.split('/')[-1]
    return name.endswith(_CODE) or script


def file_sizes(checkout):
    for name in filter(_is_code, checkout.files):
        lines = (checkout.text(name) or '').count('\n')
        if lines > FILE_LINES:
            yield f'{name}: {lines} lines, at most {FILE_LINES}'


def _p90(lengths):
    return sorted(lengths)[math.ceil(0.9 * len(lengths)) - 1] if lengths else 0


def function_sizes(checkout):
    for tops in (_PRODUCT, ('tests', 'docs')):
        lengths = []
        for name in checkout.cpp(*tops):
            limit = KERNEL_LINES if name.startswith('kernels/') else FUNCTION_LINES
            for function in cpp.functions(checkout.text(name) or ''):
                if function.length > 0:
                    lengths.append(function.length)
                if function.length > limit:
                    yield f'{name}:{function.line}: {function.name} has {function.length} lines, at most {limit}'
        if _p90(lengths) > P90_LINES:
            yield (f'{", ".join(tops)}: nine tenths of the functions are within {_p90(lengths)} lines, '
                   f'the limit is {P90_LINES}')


def parameter_counts(checkout):
    for name in checkout.cpp(*_PRODUCT, 'tests', 'docs'):
        for function in cpp.functions(checkout.text(name) or ''):
            if function.parameters > PARAMETERS:
                yield (f'{name}:{function.line}: {function.name} has {function.parameters} parameters, '
                       f'at most {PARAMETERS}; put them into a struct')
