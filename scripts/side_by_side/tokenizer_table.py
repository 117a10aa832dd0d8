"""The case `tokenizers` of scripts/bench: Weft's tokenizers beside the libraries of the same files, on the same text, in turns."""
import pathlib
import sys
import tempfile

# Name; tokenizer of ours and library with its file, below the folders of public data and of reference values.
ROWS = (
    ('GPT-2 BPE', '{data}/tok-gpt2/tokenizer.json', 'tiktoken', '{data}/tok-gpt2/tokenizer.json'),
    ('GPT-2 BPE', '{data}/tok-gpt2/tokenizer.json', 'tokenizers', '{data}/tok-gpt2/tokenizer.json'),
    ('BPE in the style of Llama 3', '{golden}/text/tokenizers/bpe_llama3.json', 'tokenizers', '{golden}/text/tokenizers/bpe_llama3.json'),
    ('BERT WordPiece', '{data}/tok-bert/tokenizer.json', 'tokenizers', '{data}/tok-bert/tokenizer.json'),
    ('T5 Unigram', '{data}/tok-sentencepiece/t5-spiece.model', 'sentencepiece', '{data}/tok-sentencepiece/t5-spiece.model'),
)
COPIES = 10  # of the text: 11 MB


def median(values):
    return sorted(values)[len(values) // 2]


def spread(ratios):
    return f'{median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})'


def rates(result):
    return ', '.join(f'{result[key]:.1f}' for key in ('mb_per_second', 'mb_per_second_of_lines') if key in result)


def row_of(row, folders, text, rounds, weft, python, run):
    name, ours, library, theirs = (part.format(**folders) for part in row)
    script = pathlib.Path(__file__).with_name('tokenizers_python.py')
    pairs = []
    for _ in range(rounds):
        pairs.append((run([weft, 'tokenizer', 'bench', '--tokenizer', ours, text, '--json']),
                      run([python, script, '--library', library, '--tokenizer', theirs, '--text', text])))
    mine, other = pairs[-1]
    same = 'equal' if mine['ids'] == other['ids'] else f'{mine["ids"]} and {other["ids"]}'
    keys = [key for key in ('mb_per_second', 'mb_per_second_of_lines') if key in other]
    print(f'bench: {name}: weft {rates(mine)} MB/s, {library} {rates(other)} MB/s', file=sys.stderr)
    return '| ' + ' | '.join([
        name, rates(mine), f'{mine["all_threads_mb_per_second"]:.1f}, {mine["all_threads_mb_per_second_of_lines"]:.1f}', f'{library} {rates(other)}',
        ', '.join(spread([a[key] / b[key] for a, b in pairs]) for key in keys), same]) + ' |'


def table(options, weft, python, run, about):
    """`run` gives the JSON that a command prints; `about` says what machine it is."""
    folders = {'data': options.text.parent.parent, 'golden': options.text.parent.parent.parent / 'golden'}
    lines = [f'{about}, {options.rounds} rounds in turns, one thread, the text of {options.text.parent.name} {COPIES} times; millions of '
             'bytes a second of the text as a whole, and of its lines.', '',
             '| tokenizer | Weft | all threads | beside | ratio | ids of the whole |', '|---|---|---|---|---|---|']
    with tempfile.TemporaryDirectory() as folder:
        text = pathlib.Path(folder) / 'text.txt'
        text.write_bytes(options.text.read_bytes() * COPIES)
        lines += [row_of(row, folders, text, options.rounds, weft, python, run) for row in ROWS]
    return '\n'.join(lines)
