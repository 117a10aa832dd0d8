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
TEXTS = {'English': '{data}/tinyshakespeare/input.txt', 'Chinese': '{data}/chinese-classics/红楼梦.txt', 'C++': None,
         'fuzz': '{golden}/text/fuzz.txt'}
BYTES = 2_000_000  # of each text, repeated or cut at a line's end


def median(values):
    return sorted(values)[len(values) // 2]


def spread(ratios):
    return f'{median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})'


def rates(result, prefix=''):
    return ', '.join(f'{result[prefix + key]:.1f}' for key in ('mb_per_second', 'mb_per_second_of_lines') if prefix + key in result)


def text_of(path, folders):
    """Some megabytes; C++ is Weft's own."""
    if path is None:
        source = pathlib.Path(__file__).resolve().parents[2] / 'src'
        whole = b''.join(file.read_bytes() for file in sorted(source.rglob('*.cpp')))
    else:
        whole = pathlib.Path(path.format(**folders)).read_bytes()
    whole *= -(-BYTES // len(whole))
    return whole[:whole.index(b'\n', BYTES - 1) + 1] if len(whole) > BYTES and b'\n' in whole[BYTES - 1:] else whole


def row_of(row, folders, name, text, tools):
    tokenizer, ours, library, theirs = (part.format(**folders) for part in row)
    script = pathlib.Path(__file__).with_name('tokenizers_python.py')
    def one_round(_):
        return (tools['run']([tools['weft'], 'tokenizer', 'bench', '--tokenizer', ours, text, '--json']),
                tools['run']([tools['python'], script, '--library', library, '--tokenizer', theirs, '--text', text]))
    pairs = tools['rounds_of'](f'{tokenizer}, {library}, {name}', one_round)
    mine, other = pairs[-1]
    same = 'equal' if mine['ids'] == other['ids'] else f'{mine["ids"]} and {other["ids"]}'
    keys = [key for key in ('mb_per_second', 'mb_per_second_of_lines') if key in other]
    print(f'bench: {tokenizer}, {name}: weft {rates(mine)} MB/s, {library} {rates(other)} MB/s', file=sys.stderr)
    return '| ' + ' | '.join([
        tokenizer, name, rates(mine), rates(mine, 'all_threads_'), f'{library} {rates(other)}',
        ', '.join(spread([a[key] / b[key] for a, b in pairs]) for key in keys), same]) + ' |'


def table(options, weft, python, about, tools):
    """Of `tools` `run` gives the JSON that a command prints, `rounds_of` the rounds of a row; `about` says what machine it is."""
    folders = {'data': options.text.parent.parent, 'golden': options.text.parent.parent.parent / 'golden'}
    tools = {**tools, 'weft': weft, 'python': python}
    lines = [f'{about}, {options.rounds} rounds in turns, {BYTES // 10**6} MB of each text; millions of bytes a second of the text as a '
             'whole, and of its lines, on one thread but for the fourth column.', '',
             '| tokenizer | text | Weft | all threads | beside | ratio | ids of the whole |', '|---|---|---|---|---|---|---|']
    with tempfile.TemporaryDirectory() as folder:
        for name, path in TEXTS.items():
            text = pathlib.Path(folder) / 'text.txt'
            text.write_bytes(text_of(path, folders))
            lines += [row_of(row, folders, name, text, tools) for row in ROWS]
    return '\n'.join(lines)
