"""src/ops/ops.def lists exactly the operators that have a contract file and a public header."""

import re

LIST = 'src/ops/ops.def'
_LISTED = re.compile(r'^\s*WEFT_OP\w*\(\s*(\w+)', re.M)
_CONTRACT = re.compile(r'\bconstinit\s+(extern\s+)?const\s+(\w+::)*OpContract\b|\bconstinit\s+const\s+OpContract\b')


def operator_list(tree):
    contracts = {name[len('src/ops/'):-len('.cpp')] for name in tree.files
                 if re.fullmatch(r'src/ops/\w+\.cpp', name) and _CONTRACT.search(tree.text(name) or '')}
    if LIST not in tree.files:
        if contracts:
            yield f'{LIST} is missing, and there are operators: {", ".join(sorted(contracts))}'
        return
    listed = _LISTED.findall(tree.text(LIST))
    for name in sorted({name for name in listed if listed.count(name) > 1}):
        yield f'{LIST}: {name} is listed twice'
    for name in sorted(set(listed) - contracts):
        yield f'{LIST}: {name} is listed, but src/ops/{name}.cpp defines no OpContract'
    for name in sorted(contracts - set(listed)):
        yield f'src/ops/{name}.cpp: an operator that {LIST} does not list'
    for name in sorted(contracts & set(listed)):
        if f'include/weft/ops/{name}.h' not in tree.files:
            yield f'include/weft/ops/{name}.h is missing: the parameters and user function of {name}'
