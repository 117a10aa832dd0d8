"""What the documentation names exists: links, their anchors, paths of this tree, and names of code where
their file stands beside them: as `file` (`name`), `name` in `file`, or a line "name ... file" of a block. In other files
only the documents that they name are looked for."""

import fnmatch
import os
import posixpath
import re

from .tree import FIXTURES

_TOPS = ('.ci', 'configs', 'docs', 'include', 'kernels', 'scripts', 'src', 'tests')
_FENCE = re.compile(r'^(```+)([^\n]*)\n(.*?)^\1[ \t]*$', re.M | re.S)
_LINK = re.compile(r'\[[^\]\n]*\]\(([^)\s]+)\)')
_HEADING = re.compile(r'^#+ +(.+?) *#*$', re.M)
_PATH = re.compile(r'(?<![\w./$~-])((?:%s)/[\w./*<>{},+-]*[\w/*>}])' % '|'.join(map(re.escape, _TOPS)))
_DOCUMENT = re.compile(r'(?<![\w./-])(docs/[\w/-]+\.md|[A-Z]{4,}\.md)\b')
_NAME_IN_FILE = re.compile(r'`([\w./-]+)` \(`([\w:]+)`\)')
_NAME_OF_FILE = re.compile(r'`([\w:]+)`,?\s+in\s+`([\w./-]+)`')
_CALL_IN_BLOCK = re.compile(r'^ *([\w:]+)(?:\([^)\n]*\))? +((?:src|include|kernels)/[\w./-]+\.\w+)(?= |$)', re.M)
_ANY = re.compile(r'<[^<>]*>|\{[^{}]*\}|(?<![A-Za-z])[A-Z]+(?![a-z])')  # <family>, {a,b}, X, FOLDER


def _slug(heading):
    """The anchor of a heading, as GitHub makes it."""
    words = re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', heading).replace('`', '').lower()
    return re.sub(r'[^\w\- ]', '', words).replace(' ', '-')


def _anchors(text):
    return {_slug(heading) for heading in _HEADING.findall(_FENCE.sub('', text))}


def _exists(path, known):
    """A file or a folder; where the path has a variable part, one that it can stand for."""
    path = path.rstrip('/')
    if _ANY.search(path) or '*' in path:
        pattern = _ANY.sub('*', path)
        return bool(fnmatch.filter(known, pattern))
    return path in known


def _known(tree):
    known = {*tree.files, *(name for name in (FIXTURES.rstrip('/'),) if os.path.isdir(tree.path(name)))}
    for name in tree.files:
        while name := posixpath.dirname(name):
            known.add(name)
    return known


def _lines(text, pattern):
    for match in pattern.finditer(text):
        yield text.count('\n', 0, match.start()) + 1, match.group(1)


def _links(tree, name, text, known):
    prose = _FENCE.sub(lambda m: '\n' * m.group(0).count('\n'), text)
    for line, target in _lines(prose, _LINK):
        if re.match(r'[a-z]+:', target):
            continue
        path, _, anchor = target.partition('#')
        file = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
        if file not in known:
            yield f'{name}:{line}: the link leads to {file}, which does not exist'
        elif anchor and anchor not in _anchors(tree.text(file) or ''):
            yield f'{name}:{line}: {file} has no heading #{anchor}'


def _paths(name, text, known):
    written = set()  # files that the document's own blocks stand for: ```cpp src/ops/x.cpp
    for _, info, _ in _FENCE.findall(text):
        written.update(info.split()[1:])
    shown = _FENCE.sub(lambda m: '\n' * m.group(0).count('\n') if m.group(2).split()[1:] else m.group(0), text)
    for line, path in _lines(shown, _PATH):
        if not _exists(path, known) and not any(w == path or w.startswith(path.rstrip('/') + '/') for w in written):
            yield f'{name}:{line}: there is no {path}'


def _names(tree, name, text):
    """Names of code that are not in the file which is named beside them."""
    found = [(match.start(), match.group(2), match.group(1)) for match in _NAME_IN_FILE.finditer(text)]
    found += [(match.start(), match.group(1), match.group(2)) for match in _NAME_OF_FILE.finditer(text)]
    for block in _FENCE.finditer(text):
        found += [(block.start(3) + match.start(), match.group(1), match.group(2))
                  for match in _CALL_IN_BLOCK.finditer(block.group(3))]
    for at, symbol, file in found:
        word = symbol.split('::')[-1]
        if file in tree.files and not re.search(rf'\b{word}\b', tree.text(file) or ''):
            yield f'{name}:{text.count(chr(10), 0, at) + 1}: {file} has no {symbol}'


def document_paths(tree):
    known = _known(tree)
    for name in tree.files:
        text = tree.text(name)
        if text is None:
            continue
        if name.endswith('.md'):
            yield from _links(tree, name, text, known)
            yield from _paths(name, text, known)
            yield from _names(tree, name, text)
        elif name.split('/')[0] in _TOPS or ('/' not in name and not name.startswith('.')):
            for line, path in _lines(text, _DOCUMENT):
                if path not in known:
                    yield f'{name}:{line}: there is no {path}'
