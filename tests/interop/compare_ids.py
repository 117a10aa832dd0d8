"""Compares ids on a million generated lines with the libraries whose tokenizers ours must equal.

    WEFT_DATA=... WEFT_GOLDEN=... python3 tests/interop/compare_ids.py build/release/weft [--lines N] [--seed S] [NAME ...]

NAME are golden tokenizers (default: all); tokenizer.json is opened by Hugging Face's `tokenizers`, tokenizer.model by
`sentencepiece`. Lines mix words of real texts, characters of many scripts, white space, digits, code, emoji and what
looks like special tokens; line N depends on the seed and N alone. Prints a line for each tokenizer, shows the first
lines that differ, and fails if there is one. Not part of scripts/test, which needs no Python packages.
"""
import argparse
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import sentencepiece
import tokenizers

# With other versions differences may be theirs.
PINNED = {'tokenizers': ('0.23.3', tokenizers.__version__), 'sentencepiece': ('0.2.3', sentencepiece.__version__)}

DATA = {'gpt2': 'tok-gpt2/tokenizer.json', 'bert_uncased': 'tok-bert/tokenizer.json', 'minimind': 'tok-minimind/tokenizer.json',
        't5_spm': 'tok-sentencepiece/t5-spiece.model', 'test_spm': 'tok-sentencepiece/test_model.model'}
TEXTS = ('tinyshakespeare/input.txt', 'wikitext-2/test.txt', 'tatoeba-en-zh/cmn.txt', 'chinese-classics/红楼梦.txt',
         'sft-dpo-demo/alpaca_zh_demo.json')
# Old blocks of Unicode, whose characters have had their classes for long.
BLOCKS = ((0x20, 0x7E), (0xA0, 0xFF), (0x100, 0x24F), (0x370, 0x3CE), (0x400, 0x45F), (0x5D0, 0x5EA), (0x621, 0x64A),
          (0x905, 0x939), (0xE01, 0xE3A), (0x10D0, 0x10F0), (0x1100, 0x1112), (0x2010, 0x2027), (0x2030, 0x205E), (0x2070, 0x208E),
          (0x20A0, 0x20B1), (0x2153, 0x2182), (0x2190, 0x21FF), (0x2500, 0x257F), (0x3041, 0x3096), (0x30A1, 0x30FA),
          (0x4E00, 0x9FA5), (0xAC00, 0xD7A3), (0xFF01, 0xFF5E), (0x1D400, 0x1D454), (0x1F300, 0x1F5FF), (0x1F600, 0x1F64F))
ODDITIES = ("'s", "'LL", "'ſ", "don't", "I'VE", '  ', '    ', '\t', '\t\t', '\u00a0', '\u3000', '\u200b', '\u200d', '\ufeff', '\r', '\u2028', '\u0085',
            '<s>', '</s>', '<unk>', '<|endoftext|>', '<|im_start|>', '[MASK]', '[CLS]', '[UNK]', '<0x41>', '▁', '▁▁', '##a', 'e\u0301',
            'A\u030a', 'ﬁ', 'ß', 'İ', 'ŉ', '①', '½', '²', '12345', '3.14159', '1,000', '//', '/*', '*/', '{', '}', '();', '==', '!=', '->', '\\n',
            'snake_case', 'camelCase', 'HTTPServer', '#include', 'http://a.b/c?d=e', 'x@y.z', '👍🏽', '👩‍👩‍👧', '🇩🇪', '…', '——', '“', '”', 'ـ', 'هٰذا')


def line_of(seed, number, words):
    dice = random.Random(seed << 32 | number)
    parts = []
    for _ in range(dice.randrange(12)):
        kind = dice.randrange(10)
        if kind < 5:
            at = dice.randrange(len(words))
            parts.append(' '.join(words[at:at + 1 + dice.randrange(5)]))
        elif kind < 7:
            first, last = dice.choice(BLOCKS)
            parts.append(''.join(chr(dice.randint(first, last)) for _ in range(1 + dice.randrange(6))))
        elif kind < 9:
            parts.append(dice.choice(ODDITIES) * (1 + dice.randrange(2)))
        else:
            parts.append(''.join(chr(dice.randint(*dice.choice(BLOCKS))) for _ in range(1 + dice.randrange(4))))
        parts.append(dice.choice(('', ' ', ' ', '  ')))
    return ''.join(parts).replace('\n', ' ')


def library_of(path):
    if path.suffix == '.model':
        processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
        return processor.encode
    tokenizer = tokenizers.Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda lines: [e.ids for e in tokenizer.encode_batch_fast(lines, add_special_tokens=False)]


def compare(weft, path, file, lines):
    """How many lines differ; the first few are shown."""
    encode, different, batch = library_of(path), 0, 20000
    with subprocess.Popen([weft, 'tokenizer', 'encode', '--tokenizer', path, file], stdout=subprocess.PIPE) as ours:
        for begin in range(0, len(lines), batch):
            for line, theirs in zip(lines[begin:begin + batch], encode(lines[begin:begin + batch])):
                mine = [int(i) for i in ours.stdout.readline().split()]
                if mine == theirs:
                    continue
                different += 1
                if different <= 3:
                    print(f'  {line!r}\n    weft    {mine}\n    library {theirs}')
        if ours.stdout.read(1) or ours.wait() != 0:
            sys.exit(f'compare_ids: weft failed, or wrote more lines than there are ({path})')
    return different


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('weft', type=pathlib.Path)
    parser.add_argument('names', nargs='*', metavar='NAME')
    parser.add_argument('--lines', type=int, default=1_000_000)
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_intermixed_args()
    for package, (pinned, installed) in PINNED.items():
        if pinned != installed:
            print(f'compare_ids: {package} is {installed}; ours equal {pinned}', file=sys.stderr)
    data, golden = pathlib.Path(os.environ['WEFT_DATA']), pathlib.Path(os.environ['WEFT_GOLDEN']) / 'text/tokenizers'
    paths = {name: data / path for name, path in DATA.items()}
    paths |= {p.stem: p for p in sorted(golden.iterdir()) if p.suffix in ('.json', '.model')}
    # Chinese has no spaces: runs are cut.
    words = [word for text in TEXTS for word in re.findall(r'\S{1,16}', (data / text).read_text(encoding='utf-8'))]
    lines = [line_of(options.seed, i, words) for i in range(options.lines)]
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / 'lines.txt'
        file.write_bytes(''.join(line + '\n' for line in lines).encode())
        for name in options.names or paths:
            different = compare(options.weft, paths[name], file, lines)
            failed = failed or different > 0
            print('FAIL' if different else 'ok  ', f'{name}: {different} of {len(lines)} lines differ', flush=True)
    sys.exit(1 if failed else 0)


main()
