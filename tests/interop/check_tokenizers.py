"""Checks that Hugging Face's tokenizers opens Weft's tokenizer files and encodes, decodes and trains alike.

    WEFT_DATA=... WEFT_GOLDEN=... python3 tests/interop/check_tokenizers.py build/release/tests/weft_text_tests

Needs the package `tokenizers` (0.23); with `transformers` also opens the folders as a user would. Not part of
scripts/test, which needs no Python packages and no network.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, processors, trainers


def write_tokenizers(program, folder):
    subprocess.run(
        [program, "--gtest_filter=TokenizersForHuggingFace.*"],
        env={**os.environ, "WEFT_TOKENIZER_FOLDER": str(folder)},
        check=True,
        stdout=subprocess.DEVNULL,
    )


def check(condition, what):
    print("ok  " if condition else "FAIL", what)
    if not condition:
        sys.exit(1)


def read_rows(folder):
    with open(folder / "rows.jsonl", newline="\n", encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def different_text(texts):
    return f": not {texts[0]!r}" if texts else ""


def check_file(folder):
    name = folder.name
    content = (folder / "tokenizer.json").read_text(encoding="utf-8")
    theirs = tokenizers.Tokenizer.from_str(content)
    check(theirs.to_str(pretty=True) == content, f"{name}: the file saved again is the same, byte for byte")
    rows = read_rows(folder)
    different = [r["text"] for r in rows if theirs.encode(r["text"]).ids != r["ids"]]
    check(not different, f"{name}: ids of {len(rows)} texts are equal{different_text(different)}")
    different = [r["text"] for r in rows if theirs.decode(r["ids"]) != r["decoded"]]
    check(not different, f"{name}: decoded texts are equal{different_text(different)}")


def check_training(folder):
    """Trains on the same lines, and compares the files."""
    with open(os.path.join(os.environ["WEFT_DATA"], "tinyshakespeare/input.txt"), newline="\n", encoding="utf-8") as f:
        lines = list(f)
    theirs = tokenizers.Tokenizer(models.BPE())
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    theirs.decoder = decoders.ByteLevel()
    theirs.post_processor = processors.ByteLevel(trim_offsets=False)
    theirs.train_from_iterator(lines, trainers.BpeTrainer(
        vocab_size=5000, min_frequency=2, special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    ours = (folder / "trained_gpt2" / "tokenizer.json").read_text(encoding="utf-8")
    check(theirs.to_str(pretty=True) == ours, "trained on the same lines, the files are the same, byte for byte")


def check_folder(folder):
    """Opens a folder as users of transformers do."""
    try:
        from transformers import AutoTokenizer
    except ImportError:
        print("skip", f"{folder.name}: transformers is not installed")
        return
    theirs = AutoTokenizer.from_pretrained(folder)
    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    check(theirs.eos_token == config["eos_token"], f"{folder.name}: transformers knows the end token {theirs.eos_token}")
    row = read_rows(folder)[0]
    check(theirs(row["text"])["input_ids"] == row["ids"], f"{folder.name}: transformers gives the same ids")


def main():
    with tempfile.TemporaryDirectory() as temporary:
        top = pathlib.Path(temporary)
        write_tokenizers(sys.argv[1], top)
        folders = sorted(p for p in top.iterdir() if p.is_dir())
        check(len(folders) == 11, "eleven tokenizers were written")
        for folder in folders:
            check_file(folder)
            check_folder(folder)
        check_training(top)


main()
