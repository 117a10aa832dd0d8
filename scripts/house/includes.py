"""The dependency rule: which room may include which, and which room may see which library."""

import posixpath
import re

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">\n]+)[">]', re.M)

_LOWER = {'include', 'core', 'graph', 'ops', 'nn', 'optim', 'dist', 'config', 'io', 'text', 'data'}
# What a room may include besides the standard library and itself. Rooms that are not named here
# (train, generate, report and those to come) may include _LOWER and one another, without cycles.
_MAY = {
    'include': set(),
    'kernels': {'include'},
    'core': {'include'},
    'graph': {'include', 'core'},
    'ops': {'include', 'core', 'graph', 'kernels'},
    'nn': {'include', 'core', 'graph', 'ops'},
    'optim': {'include', 'core', 'graph', 'ops'},
    'dist': {'include', 'core', 'graph'},
    'config': {'include', 'core'},
    'io': {'include', 'core'},
    'text': {'include', 'core', 'io'},
    'data': {'include', 'core', 'io', 'text'},
}

# A library's headers, and the folders that may see them.
_LIBRARIES = [
    (r'yaml-cpp/', 'YAML', ('src/config/',)),
    (r'(oneapi/)?dnnl', 'oneDNN', ('kernels/',)),
    (r'hwy/', 'Highway', ('kernels/',)),
    (r'CLI/', 'CLI11', ('src/cli/',)),
    (r'mpi\.h', 'MPI', ('src/dist/',)),
    (r'nccl', 'NCCL', ('src/dist/',)),
    (r'(cuda|cublas|cudnn|nvrtc|nvml|cooperative_groups|cute/|cutlass/)', 'CUDA', ('kernels/', 'src/core/cuda/')),
]


def room(name):
    """'include', 'kernels', the folder under src, or None for tests, docs and the rest."""
    parts = name.split('/')
    if parts[0] == 'src':
        return parts[1] if len(parts) > 2 else None
    return parts[0] if parts[0] in ('include', 'kernels') else None


def _includes(tree):
    """(file, line, bracket, target as written, the file of the tree it names or None)."""
    known = set(tree.files)
    for name in tree.cpp():
        text = tree.text(name) or ''
        for match in _INCLUDE.finditer(text):
            target = match.group(2)
            line = text.count('\n', 0, match.start()) + 1
            beside = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
            places = (target, 'src/' + target, 'include/' + target, beside)
            yield name, line, match.group(1), target, next((p for p in places if p in known), None)


def _allowed(source, target, rooms):
    if source == target or source is None:
        return True
    if source == 'cli':
        return target != 'kernels'
    if source in _MAY:
        return target in _MAY[source]
    return target in _LOWER or (target in rooms and target not in _MAY and target != 'cli')


def _library_complaints(name, line, bracket, target):
    where = f'{name}:{line}'
    for pattern, library, folders in _LIBRARIES:
        if re.match(pattern, target) and name.split('/')[0] in ('include', 'kernels', 'src'):
            if not name.startswith(folders):
                yield f'{where}: only {" and ".join(folders)} may see {library}, so not <{target}>'
    if room(name) == 'include' and bracket == '<' and ('/' in target or '.' in target):
        yield f'{where}: the public API includes the standard library and "weft/..." only, not <{target}>'


def dependency_rule(tree):
    rooms = {room(name) for name in tree.files} - {None}
    for name, line, bracket, target, file in _includes(tree):
        yield from _library_complaints(name, line, bracket, target)
        if file is None:
            if bracket == '"':
                yield f'{name}:{line}: "{target}" is no file of this tree (libraries stand in <>)'
            continue
        if '..' in target.split('/'):
            yield f'{name}:{line}: "{target}" climbs up; write it from include/, src/ or the root'
        source, other = room(name), room(file)
        if source is not None and other is None and not name.startswith('src/'):
            yield f'{name}:{line}: {source} may not include {file}'
        elif other is not None and not _allowed(source, other, rooms):
            yield f'{name}:{line}: {source} may not include {other} ({file})'
        elif source is not None and file.startswith(('tests/', 'docs/')):
            yield f'{name}:{line}: {source} may not include {file}'


def _cycles(edges):
    """Each strongly connected set of more than one node, sorted."""
    def reachable(start):
        seen, waiting = set(), [start]
        while waiting:
            for other in edges.get(waiting.pop(), ()):
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
        return seen

    reach = {node: reachable(node) for node in edges}
    return sorted({tuple(sorted(n for n in reach[node] if node in reach.get(n, ())))
                   for node in edges if node in reach[node]})


def include_cycles(tree):
    between_rooms, between_files = {}, {}
    for name, _, _, _, file in _includes(tree):
        if file is None:
            continue
        between_files.setdefault(name, set()).add(file)
        if room(name) and room(file) and room(name) != room(file):
            between_rooms.setdefault(room(name), set()).add(room(file))
    for cycle in _cycles(between_rooms):
        yield f'rooms include one another in a circle: {", ".join(cycle)}'
    for cycle in _cycles(between_files):
        yield f'files include one another in a circle: {", ".join(cycle)}'
