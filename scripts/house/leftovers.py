"""What must not stay in a file: marks of unfinished work, code that is switched off, paths of one
machine; and what must not stay in the root. The patterns are written so that they miss themselves."""

import re

_CODE_TOPS = ('include', 'kernels', 'src', 'tests', 'scripts', 'configs', '.ci', 'CMakeLists.txt')

_UNFINISHED = re.compile(
    r'\bTO[D]O\b|\bFIX[M]E\b|\bXX[X]\b|\bHAC[K]\b|(?i:\bfor[ ]now\b|\bnot (yet )?implemente[d]\b'
    r'|\bunimplemente[d]\b|\bplaceholde[r]\b|\bstu[b]s?\b)')
_SWITCHED_OFF = re.compile(r'^\s*#\s*(if|elif)\s+(0|false)\b', re.M)
_COMMENTED_OUT = re.compile(  # an example in a comment is indented by more than two spaces
    r'^[ \t]*// {0,2}[\w:<>,*&.\[\]>-][\w:<>,*& \t.\[\]>-]*(\w\(.*\)|\w\)? = [^;\n]*);[ \t]*$'
    r'|^[ \t]*// {0,2}(if|for|while) \(.*\{[ \t]*$', re.M)
_MACHINE = re.compile(
    r'(?<![\w.}])/(roo[t]/|(wor[k]|far[m]|scratc[h]|hom[e]/\w+|User[s]/\w+|mn[t]/\w+)(/|(?=[\x22\x27`\s])))|\b[Ii]ssue #?\d+\b')
_VERSION_NAME = re.compile(r'_(v\d+|new|old|copy|backup|tmp)\.\w+$')

_ROOT = {'CMakeLists.txt', 'CMakePresets.json', 'README.md', 'CONTRIBUTING.md', 'LICENSE',
         'include', 'kernels', 'src', 'configs', 'scripts', 'tests', 'docs'}


def _matches(tree, pattern, names):
    for name in names:
        text = tree.text(name)
        for match in pattern.finditer(text or ''):
            begin = match.start() + len(match.group(0)) - len(match.group(0).lstrip())
            line = text.count('\n', 0, begin) + 1
            yield f'{name}:{line}', match.group(0).strip()


def unfinished_work(tree):
    code = [name for name in tree.files if name.split('/')[0] in _CODE_TOPS]
    for where, what in _matches(tree, _UNFINISHED, code):
        yield f'{where}: "{what}": finish it, or leave it out and say so where users read'


def dead_code(tree):
    for where, what in _matches(tree, _SWITCHED_OFF, tree.cpp()):
        yield f'{where}: "{what}" switches code off; delete it'
    for where, what in _matches(tree, _COMMENTED_OUT, tree.cpp()):
        yield f'{where}: code in a comment: {what}'
    for name in filter(_VERSION_NAME.search, tree.files):
        yield f'{name}: a version stands in git, not in a name'


def machine_paths(tree):
    for where, what in _matches(tree, _MACHINE, tree.files):
        yield f'{where}: "{what}" means something on one machine only'


def root_entries(tree):
    for entry in sorted({name.split('/')[0] for name in tree.files}):
        if entry not in _ROOT and not entry.startswith('.'):
            yield f'{entry}: the root holds {", ".join(sorted(_ROOT))} and dotfiles'
    for name in tree.files:
        if re.fullmatch(r'src/[^/]+', name):
            yield f'{name}: a source file belongs to a room, a folder under src'
