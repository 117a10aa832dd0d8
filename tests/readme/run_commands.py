#!/usr/bin/env python3
"""Runs the commands of README.md, in their order, in a temporary folder that looks like a checkout with a
build and a corpus: the program's own sources, a document a file. Where a command would take minutes, keys
that make it small are added. The two commands of the house are asked for help only: they are run, whole, in
clean roots of distributions.

usage: run_commands.py SOURCE BUILD
"""

import json
import os
import re
import subprocess
import sys
import tempfile

SOURCE, BUILD = (os.path.abspath(path) for path in sys.argv[1:3])
FENCE = re.compile(r'^```sh\n(.*?)^```$', re.M | re.S)
SMALLER = {
    'scripts/demo': ' --help',
    'scripts/test': ' --help',
    'weft pretrain': ' max_steps=4 eval_steps=2 save_steps=4 micro_batch_size=2 sequence_len=64 eval_batches=2'
                     ' model.hidden_size=64 model.intermediate_size=128 model.num_hidden_layers=2',
}
SAYS = {  # what the command must have said
    'weft tokenizer train': r'tokens from \d+',
    'weft plan': r'TOTAL',
    'weft generate': r'^This License',
    'weft evaluate': r'(?s)bigram',
    'build/examples/own_model': r'step 200 +loss',
}


def commands():
    with open(os.path.join(SOURCE, 'README.md'), encoding='utf-8') as file:
        blocks = FENCE.findall(file.read())
    for line in ''.join(blocks).splitlines():
        command = re.sub(r'\s+#.*', '', line).strip()
        if command:
            yield command


def make_checkout(folder):
    for name in ('configs', 'docs', 'README.md', 'scripts'):
        os.symlink(os.path.join(SOURCE, name), os.path.join(folder, name))
    os.makedirs(os.path.join(folder, 'build'))
    os.symlink(BUILD, os.path.join(folder, 'build/release'))
    os.makedirs(os.path.join(folder, 'corpus'))
    with open(os.path.join(folder, 'corpus/sources.jsonl'), 'w', encoding='utf-8') as corpus:
        for top, _, files in sorted(os.walk(os.path.join(SOURCE, 'src'))):
            for file in sorted(f for f in files if f.endswith(('.cpp', '.h'))):
                with open(os.path.join(top, file), encoding='utf-8') as text:
                    corpus.write(json.dumps({'text': text.read()}) + '\n')


def run(command, folder):
    words = next((words for words in SMALLER if command.startswith(words)), None)
    shown = command + (SMALLER[words] if words else '')
    path = os.path.join(folder, 'build/release') + os.pathsep + os.environ['PATH']
    done = subprocess.run(['bash', '-euc', shown], cwd=folder, env={**os.environ, 'PATH': path}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    print(f'$ {shown}\n{done.stdout}', flush=True)
    expected = next((SAYS[words] for words in SAYS if command.startswith(words)), '')
    if done.returncode != 0 or not re.search(expected, done.stdout):
        sys.exit(f'README.md: "{shown}" ends with {done.returncode}, and must say "{expected}"')


def main():
    with tempfile.TemporaryDirectory() as folder:
        make_checkout(folder)
        listed = list(commands())
        missing = [words for words in (*SMALLER, *SAYS) if not any(c.startswith(words) for c in listed)]
        if missing:
            sys.exit(f'README.md has no command for {missing}')
        for command in listed:
            run(command, folder)


main()
