"""Speed of the field's tokenizer libraries on one thread, as JSON: the other side of the case `tokenizers` of scripts/bench.

Millions of bytes a second, the best of three runs, of a whole text and of its lines: Hugging Face `tokenizers` (a tokenizer.json),
`sentencepiece` (a .model), `tiktoken` (vocabulary and ranks of GPT-2's tokenizer.json; as a whole only, its way of lines is slower).
"""
import argparse
import json
import os
import time

os.environ['TOKENIZERS_PARALLELISM'] = 'false'
os.environ['RAYON_NUM_THREADS'] = '1'

GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"


def byte_of_letter():
    """The letters by which byte-level vocabularies write bytes."""
    printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printed]
    return {chr(b): b for b in printed} | {chr(256 + i): b for i, b in enumerate(others)}


def tokenizers(path):
    import tokenizers
    tokenizer = tokenizers.Tokenizer.from_file(path)
    return (lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids),
            lambda lines: sum(len(e.ids) for e in tokenizer.encode_batch_fast(lines, add_special_tokens=False)))


def tiktoken(path):
    import tiktoken
    letters = byte_of_letter()
    with open(path, encoding='utf-8') as file:
        vocabulary = json.load(file)['model']['vocab']
    special = {'<|endoftext|>': vocabulary.pop('<|endoftext|>')}
    ranks = {bytes(letters[c] for c in token): i for token, i in vocabulary.items()}
    encoding = tiktoken.Encoding('gpt2', pat_str=GPT2, mergeable_ranks=ranks, special_tokens=special)
    return lambda text: len(encoding.encode_ordinary(text)), None


def sentencepiece(path):
    import sentencepiece
    processor = sentencepiece.SentencePieceProcessor(model_file=path)
    return (lambda text: len(processor.encode(text)), lambda lines: sum(map(len, processor.encode(lines, num_threads=1))))


def best(run, argument, size):
    rate, ids = 0.0, 0
    for _ in range(3):
        start = time.perf_counter()
        ids = run(argument)
        rate = max(rate, size / (time.perf_counter() - start) / 1e6)
    return rate, ids


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--library', choices=('tokenizers', 'tiktoken', 'sentencepiece'), required=True)
    parser.add_argument('--tokenizer', required=True)
    parser.add_argument('--text', required=True)
    options = parser.parse_args()
    with open(options.text, encoding='utf-8', newline='') as file:
        text = file.read()
    size = len(text.encode())
    whole, lines = {'tokenizers': tokenizers, 'tiktoken': tiktoken, 'sentencepiece': sentencepiece}[options.library](options.tokenizer)
    out = dict(zip(('mb_per_second', 'ids'), best(whole, text, size)))
    if lines:
        parts = text.removesuffix('\n').split('\n')
        out |= dict(zip(('mb_per_second_of_lines', 'ids_of_lines'), best(lines, parts, size)))
    print(json.dumps(out))


if __name__ == '__main__':
    main()
