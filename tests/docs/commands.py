#!/usr/bin/env python3
"""Every command that the documentation or a verb's help shows could be run: the verb and its options exist,
and a config with the keys given to it is accepted. Runs nothing that takes time.

usage: commands.py SOURCE WEFT
"""

import glob
import os
import re
import shlex
import subprocess
import sys

SOURCE, WEFT = (os.path.abspath(path) for path in sys.argv[1:3])
COMMAND = re.compile(r'^(?: {2,}|)(?:\$ )?((?:weft|build/release/weft|scripts/\w+) .*|scripts/\w+)$', re.M)
FENCE = re.compile(r'^```(\w*)[^\n]*\n(.*?)^```$', re.M | re.S)
complaints = []


def run(*words):
    return subprocess.run(words, cwd=SOURCE, capture_output=True, text=True, timeout=60)


def shown_in(markdown):
    """Lines of shell blocks, and of indented ones; one that ends with a backslash goes on."""
    markdown = re.sub(r'\\\n *', '', markdown)
    blocks = ''.join(body for kind, body in FENCE.findall(markdown) if kind == 'sh')
    indented = '\n'.join(line for line in FENCE.sub('', markdown).splitlines() if line.startswith('    '))
    return COMMAND.findall(blocks) + COMMAND.findall(indented)


def help_of(words):
    done = run(*words, '--help')
    return done.stdout if done.returncode == 0 else None


def check(where, command):
    words = shlex.split(command, comments=True)
    ends = [i for i, word in enumerate(words) if word in ('|', '&&', '>', ';')]
    words = words[:ends[0]] if ends else words
    if words[0].startswith('scripts/'):
        program, arguments = [words[0]], words[1:]
    else:
        verb = words[1:3] if words[1] in ('tokenizer', 'checkpoint') else words[1:2]
        program, arguments = [WEFT, *verb], words[1 + len(verb):]
    if program == [WEFT, 'VERB'] or words[1:2] == ['--version']:
        return
    text = help_of(program)
    if text is None:
        complaints.append(f'{where}: "{command}": there is no {shlex.join(program[-2:])} --help')
        return
    for option in (word.split('=')[0] for word in arguments if re.match(r'--?[a-z]', word)):
        if not re.search(rf'(?<![\w-]){re.escape(option)}(?![\w-])', text):
            complaints.append(f'{where}: "{command}": {shlex.join(program[-2:])} has no option {option}')
    check_config(where, command, arguments)


def check_config(where, command, arguments):
    config = next((word for word in arguments if re.fullmatch(r'configs/.*\.yaml', word)), None)
    if config is None or not command.split()[0].endswith('weft'):
        return
    keys = [word for word in arguments if re.match(r'[a-z][\w.]*=', word)]
    verb = 'prepare' if config.startswith('configs/prepare/') else 'pretrain'
    done = run(WEFT, verb, config, *keys, '--print-config')
    if done.returncode != 0:
        complaints.append(f'{where}: "{command}": {done.stderr.strip()}')


def main():
    count = 0
    documents = sorted(glob.glob(os.path.join(SOURCE, '**/*.md'), root_dir='/', recursive=True))
    documents = [os.path.join('/', d) for d in documents if '/build/' not in d and '/fixtures/' not in d]
    for document in documents:
        with open(document, encoding='utf-8') as file:
            for command in shown_in(file.read()):
                count += 1
                check(os.path.relpath(document, SOURCE), command)
    for verb in re.findall(r'^  ([a-z]+) {2,}', help_of([WEFT]) or '', re.M):
        for command in COMMAND.findall(help_of([WEFT, verb]) or ''):
            count += 1
            check(f'weft {verb} --help', command)
    print(f'{count} commands')
    if count < 20:
        complaints.append(f'only {count} commands were found')
    if complaints:
        sys.exit('\n'.join(complaints))


main()
