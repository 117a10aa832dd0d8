"""Tests that the documentation names exist, and each promise of a table names one, with the mistake that it caught.

A table of promises has `promise` above its first column and the mistakes below its last, or `what comes` above the
first and the tests below its last."""

import fnmatch
import re

_TEST = re.compile(r'^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)', re.M)
_CASES = re.compile(r'INSTANTIATE_TEST_SUITE_P\(\s*(\w+),\s*(\w+),')
_ADDED = re.compile(r'add_test\(NAME (\w+)\.([\w${}]+)')
_NAMED = re.compile(r'`((?:[A-Z]\w*/)?[A-Z]\w+)\.((?:[A-Z]\w*\*?|\*)(?:\.\.\.)?)`')
_SUITE = re.compile(r'`([A-Z][A-Za-z0-9]+)`')
_ROW = re.compile(r'^\|(.*)\|\s*$')


def _tests(tree):
    """Every "Suite.Name" that a test program has, and every suite."""
    known = set()
    for name in tree.cpp('tests'):
        text = tree.text(name) or ''
        for suite, test in _TEST.findall(text):
            known.add(f'{suite}.{test}')
        for case, suite in _CASES.findall(text):
            known.add(f'{case}/{suite}.*')
    for name in tree.files:
        if name.startswith('tests/') and name.endswith('CMakeLists.txt'):
            known.update(f'{suite}.{re.sub(r"[$][{].*[}]", "*", test)}' for suite, test in _ADDED.findall(tree.text(name)))
    return known


def _exists(suite, test, known):
    """`Suite.Name`, `Case/Suite.Name`, `Suite.*`, `Suite.Begin*` or `Suite.Begin...`"""
    plain = suite.split('/')[-1]
    wanted = f'{plain}.{test.replace("...", "*")}'
    if '/' in suite and f'{suite}.*' not in known:
        return False
    return any(fnmatch.fnmatch(one, wanted) or ('*' in one and fnmatch.fnmatch(wanted, one)) for one in known)


def _cells(line):
    row = _ROW.match(line)
    return [cell.strip() for cell in row.group(1).split('|')] if row else None


def _rows(text):
    """(line, header, cells) of each row of each table."""
    header = None
    for number, line in enumerate(text.splitlines(), 1):
        cells = _cells(line)
        if cells is None:
            header = None
        elif header is None:
            header = cells
        elif not set(''.join(cells)) <= set('-: '):
            yield number, header, cells


def _promises(name, text, suites):
    for line, header, cells in _rows(text):
        if header[0] not in ('promise', 'what comes'):
            continue
        tests = cells[1] if header[0] == 'promise' else cells[-1]
        named = _NAMED.search(tests) or any(suite in suites for suite in _SUITE.findall(tests))
        if not named and not tests.startswith('the same'):
            yield f'{name}:{line}: a promise without a test: {cells[0]}'
        if header[0] == 'promise' and not cells[-1]:
            yield f'{name}:{line}: no mistake that the test caught: {cells[0]}'


def test_names(tree):
    known = _tests(tree)
    suites = {one.split('.')[0] for one in known}
    for name in tree.files:
        text = tree.text(name) if name.endswith('.md') else None
        if text is None:
            continue
        for match in _NAMED.finditer(text):
            if not _exists(*match.groups(), known):
                yield f'{name}:{text.count(chr(10), 0, match.start()) + 1}: there is no test {match.group(1)}.{match.group(2)}'
        yield from _promises(name, text, suites)
