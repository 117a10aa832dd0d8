"""src/ops/ops.def lists exactly the operators that have a contract, and users can reach each.

A file may hold several contracts: an operator and its gradient. Operators named `*_backward` are
made by gradients alone and need no public header."""

import re

LIST = 'src/ops/ops.def'
_LISTED = re.compile(r'^\s*WEFT_OP\w*\(\s*(\w+)', re.M)
_CONTRACT = re.compile(r'\bconstinit\s+const\s+(?:graph::)?OpContract\s+contracts::(\w+)')


def _contracts(tree):
    """By operator: the file that defines its contract."""
    found = {}
    for name in tree.files:
        if re.fullmatch(r'src/ops/\w+\.cpp', name):
            for operator in _CONTRACT.findall(tree.text(name) or ''):
                found[operator] = name
    return found


def operator_list(tree):
    contracts = _contracts(tree)
    if LIST not in tree.files:
        if contracts:
            yield f'{LIST} is missing, and there are operators: {", ".join(sorted(contracts))}'
        return
    listed = _LISTED.findall(tree.text(LIST))
    for name in sorted({name for name in listed if listed.count(name) > 1}):
        yield f'{LIST}: {name} is listed twice'
    for name in sorted(set(listed) - set(contracts)):
        yield f'{LIST}: {name} is listed, but no file of src/ops defines contracts::{name}'
    for name in sorted(set(contracts) - set(listed)):
        yield f'{contracts[name]}: {name} is an operator that {LIST} does not list'
    headers = ''.join(tree.text(name) or '' for name in tree.files
                      if name.startswith('include/weft/ops/'))
    for name in sorted(set(contracts) & set(listed)):
        if not name.endswith('_backward') and not re.search(rf'\b{name}\(', headers):
            yield f'include/weft/ops: no header declares {name}(), the user function of {name}'


_DEVICE_KERNEL = re.compile(r'^void cuda::(\w+)\(', re.M)


def device_kernels(tree):
    """Every operator of src/ops/ops.def has a kernel for GPUs: a file of src/ops defines cuda::X."""
    defined = {name for file in tree.files if re.fullmatch(r'src/ops/\w+\.cpp', file)
               for name in _DEVICE_KERNEL.findall(tree.text(file) or '')}
    for name in sorted(set(_LISTED.findall(tree.text(LIST) or '')) - defined):
        yield f'{LIST}: {name} has no kernel for GPUs: no file of src/ops defines cuda::{name}'
