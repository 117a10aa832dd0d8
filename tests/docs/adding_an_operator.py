#!/usr/bin/env python3
"""Does what docs/adding-an-operator.md says in a copy of the tree: writes each block to the file that it
names, builds, runs the contract test on the new operator, and sees it fail after the planted mistake.

usage: adding_an_operator.py SOURCE BUILD SCRATCH
Only what the new files change is compiled (they, and the tables of ops.def), by the commands of BUILD with
the copy's paths; the rest is linked from BUILD.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys

SOURCE, BUILD, SCRATCH = (os.path.abspath(path) for path in sys.argv[1:4])
DOCUMENT = 'docs/adding-an-operator.md'
FENCE = re.compile(r'^```(\w+)[ ]?(\S*)\n(.*?)^```$', re.M | re.S)
MODEL = {'kernels': 'kernels/activation/activation_cpu.cpp', 'src': 'src/ops/scale.cpp'}
HOUSE_CHECKS = ['dependency-rule', 'operator-list', 'function-sizes', 'parameter-counts', 'formatting', 'dead-code']


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)


def run(command, **options):
    done = subprocess.run(command, cwd=BUILD, capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f'{shlex.join(command)}\n{done.stdout}{done.stderr}')
    return done.stdout


def copy_tree():
    shutil.rmtree(SCRATCH, ignore_errors=True)
    for top in ('include', 'kernels', 'src', 'scripts', 'tests/contract'):
        shutil.copytree(os.path.join(SOURCE, top), os.path.join(SCRATCH, top), ignore=shutil.ignore_patterns('__pycache__'))
    for file in ('.clang-format', '.clang-tidy', 'CMakeLists.txt'):
        shutil.copy(os.path.join(SOURCE, file), SCRATCH)


def apply(kind, name, body):
    path = os.path.join(SCRATCH, name)
    if kind == 'cpp':
        if os.path.exists(path):
            sys.exit(f'{DOCUMENT} writes {name}, which exists')
        write(path, body)
    elif kind == 'append':
        write(path, read(path) + body)
    elif kind == 'diff':
        old, new = (''.join(line[1:] + '\n' for line in body.splitlines() if line.startswith(sign)) for sign in '-+')
        text = read(path)
        if text.count(old) != 1:
            sys.exit(f'{DOCUMENT}: {name} holds these lines {text.count(old)} times, 1 expected:\n{old}')
        write(path, text.replace(old, new))
    return name


class Builder:
    """Compiles files of the copy as BUILD compiles their siblings, and links the contract test with them."""

    def __init__(self):
        with open(os.path.join(BUILD, 'compile_commands.json'), encoding='utf-8') as file:
            self.commands = {os.path.relpath(entry['file'], SOURCE): entry['command'] for entry in json.load(file)}
        self.objects = {}

    def compile(self, name):
        model = name if name in self.commands else MODEL[name.split('/')[0]]
        words = shlex.split(self.commands[model])
        output = os.path.join(SCRATCH, 'objects', name + '.o')
        os.makedirs(os.path.dirname(output), exist_ok=True)
        words[words.index('-o') + 1] = output
        words[words.index('-c') + 1] = os.path.join(SCRATCH, name)
        words = [self.moved(word) for word in words]
        run(words, env={**os.environ, 'CCACHE_BASEDIR': SCRATCH, 'CCACHE_NOHASHDIR': '1'})
        self.objects[name] = output

    @staticmethod
    def moved(word):
        for prefix in ('-I', ''):
            for top in ('include', 'src', ''):
                if word == prefix + os.path.join(SOURCE, top).rstrip('/'):
                    return prefix + os.path.join(SCRATCH, top).rstrip('/')
        return word

    def link(self):
        last = run(['ninja', '-t', 'commands', 'weft_contract_tests']).splitlines()[-1]
        words = shlex.split(last.split('&&')[1])
        program = os.path.join(SCRATCH, 'contract_tests')
        words[words.index('-o') + 1] = program
        at = next(i for i, word in enumerate(words) if word.endswith('libweft.a'))
        run(words[:at] + sorted(self.objects.values()) + words[at:])
        return program


def contract_test(program):
    return subprocess.run([program, '--gtest_filter=*softplus*'], capture_output=True, text=True)


def expect(condition, message, done):
    if not condition:
        sys.exit(f'{DOCUMENT}: {message}\n{done.stdout}{done.stderr}')


def keeps_the_rules():
    """The house's checks have nothing to say of the new files."""
    only = (word for check in HOUSE_CHECKS for word in ('--only', check))
    done = subprocess.run([sys.executable, '-B', os.path.join(SCRATCH, 'scripts/check'), '--root', SCRATCH, *only],
                          capture_output=True, text=True)
    complaints = [line for line in done.stdout.split('\n') if line.startswith('  ') and 'softplus' in line]
    expect(not complaints and 'passed' in done.stdout, 'the new files break a rule of the house', done)


def main():
    copy_tree()
    builder, pending = Builder(), ['src/ops/registry.cpp']
    checked = False
    for kind, name, body in FENCE.findall(read(os.path.join(SOURCE, DOCUMENT))):
        if kind in ('cpp', 'append', 'diff'):
            name = apply(kind, name, body)
            pending += [name] if name.endswith('.cpp') else []
            continue
        for file in pending:
            builder.compile(file)
        pending = []
        done = contract_test(builder.link())
        lines = body.split('\n')[:-1]
        said = '[       OK ] ' if kind == 'passes' else ''
        if kind == 'passes':
            expect(done.returncode == 0, 'the contract test fails', done)
            keeps_the_rules()
        else:
            expect(done.returncode == 1, 'the contract test passes in spite of the mistake', done)
        for line in lines:
            expect(any(said in out and line in out for out in done.stdout.split('\n')), f'no "{said}...{line}"', done)
        checked = checked or kind == 'fails'
    if not checked:
        sys.exit(f'{DOCUMENT} shows no mistake that is caught')
    shutil.rmtree(SCRATCH)


main()
