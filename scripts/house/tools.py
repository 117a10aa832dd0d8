"""The checks that other programs make: clang-format and clang-tidy, both of version 14."""

import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import tempfile

VERSION = '14'
EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904'  # git's name of it: everything is a change


class Skipped(Exception):
    """A check that cannot be made here, and why."""


def _find(tool):
    for command in (f'{tool}-{VERSION}', tool):
        path = shutil.which(command)
        if path:
            said = subprocess.run([path, '--version'], capture_output=True, text=True).stdout
            if re.search(rf'version {VERSION}\.', said):
                return path
    raise Skipped(f'{tool} {VERSION} not found')


def formatting(tree, names):
    tool = _find('clang-format')
    for begin in range(0, len(names), 50):
        files = names[begin:begin + 50]
        run = subprocess.run([tool, '--dry-run', '--Werror', '-style=file', *files],
                             cwd=tree.root, capture_output=True, text=True)
        bad = sorted(set(re.findall(r'^(\S+?):\d+:\d+: error:', run.stderr, re.M)))
        for name in bad:
            yield f'{name}: not formatted; clang-format -i {name}'
        if run.returncode != 0 and not bad:
            yield f'clang-format failed: {run.stderr.strip()[:500]}'


def changed_since(tree, revision):
    """Files changed since `revision`; Skipped where git cannot tell.

    By default since the branch left origin/main (or main); on that branch itself, in its last ten commits:
    every file takes minutes, which scripts/test --long has.
    """
    def base():
        head = tree.git('rev-parse', 'HEAD').strip()
        for main in ('origin/main', 'main'):
            try:
                fork = tree.git('merge-base', 'HEAD', main).strip()
            except subprocess.CalledProcessError:
                continue
            if fork != head:
                return fork
        return tree.git('rev-list', '-1', '--skip=10', '--first-parent', 'HEAD').strip() or EMPTY_TREE

    try:
        changed = tree.git('diff', '--name-only', revision or base()).split('\n')
        changed += tree.git('ls-files', '--others', '--exclude-standard').split('\n')
    except (OSError, subprocess.CalledProcessError) as error:
        raise Skipped('without git nobody knows what changed of late; --long reads every file') from error
    return {name for name in changed if name}


def tidy(tree, names, commands):
    """clang-tidy on those of `names` that `commands` (compile_commands.json) compiles."""
    tool = _find('clang-tidy')
    if not os.path.exists(commands):
        raise Skipped(f'{commands} not found; configure first (cmake --preset release)')
    with open(commands, encoding='utf-8') as file:
        entries = json.load(file)
    for entry in entries:  # headers that GCC has precompiled are nothing to clang
        entry['command'] = re.sub(r' (-include \S+/cmake_pch\.hxx|-Winvalid-pch|-fpch-preprocess)(?= )', '', entry['command'])
    compiled = {os.path.relpath(os.path.join(c['directory'], c['file']), tree.root) for c in entries}
    files = [name for name in names if name in compiled]

    def run(name):
        command = [tool, '--quiet', '-p', folder, '--warnings-as-errors=*', name]
        done = subprocess.run(command, cwd=tree.root, capture_output=True, text=True)
        return name, done.returncode, done.stdout

    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        with open(os.path.join(folder, 'compile_commands.json'), 'w', encoding='utf-8') as file:
            json.dump(entries, file)
        said = set()
        for name, status, output in pool.map(run, files):
            for path, rest in re.findall(r'^(/\S+?)(:\d+:\d+: (?:error|warning): .*)$', output, re.M):
                said.add(os.path.relpath(path, tree.root) + rest)
            if status != 0 and ': error:' not in output:
                yield f'{name}: clang-tidy failed: {output.strip()[:500]}'
        yield from sorted(said)
