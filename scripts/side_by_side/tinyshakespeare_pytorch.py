"""Trains nanoGPT's character model of Shakespeare in PyTorch, as its recipe for a CPU does, and prints seconds and loss as JSON:
the other side of the case `tinyshakespeare` of scripts/bench.

Eager, fp32 or bf16 autocast, scaled_dot_product_attention, fused AdamW, clipping, no dropout, no biases. The loss is of the whole
validation split: the last tenth of the text, in windows that do not overlap.
"""
import argparse
import json
import math
import pathlib
import time

import torch

from pytorch_models import Gpt2, adamw

MODEL = {'positions': 64, 'width': 128, 'layers': 4, 'heads': 4, 'bias': False}
TIME, BATCH = 64, 12
STEPS, WARMUP, RATE, LEAST_RATE = 2000, 100, 1e-3, 1e-4


def rate(step):
    if step < WARMUP:
        return RATE * (step + 1) / WARMUP
    return LEAST_RATE + 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / (STEPS - WARMUP))) * (RATE - LEAST_RATE)


def train(model, text, precision):
    optimizer = adamw(model, RATE, (0.9, 0.99))
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group['lr'] = rate(step)
        starts = torch.randint(len(text) - TIME, (BATCH,))
        windows = torch.stack([text[start:start + TIME + 1] for start in starts.tolist()])
        with torch.autocast('cpu', torch.bfloat16, enabled=precision == 'bf16'):
            loss = model(windows[:, :-1], windows[:, 1:])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


@torch.no_grad()
def evaluate(model, text):
    total, tokens = 0.0, 0
    windows = [text[start:start + TIME + 1] for start in range(0, len(text) - 1, TIME)]
    whole = [window for window in windows if len(window) == TIME + 1]
    for batch in [*torch.stack(whole).split(64), *(w[None] for w in windows[len(whole):])]:
        labels = batch[:, 1:]
        total += model(batch[:, :-1], labels).item() * labels.numel()
        tokens += labels.numel()
    return total / tokens


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--text', type=pathlib.Path, required=True)
    parser.add_argument('--precision', choices=('fp32', 'bf16'), required=True)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)

    characters = options.text.read_text(encoding='utf-8')
    ids = {character: i for i, character in enumerate(sorted(set(characters)))}
    tokens = torch.tensor([ids[character] for character in characters])
    border = len(tokens) * 9 // 10
    model = Gpt2(len(ids), **MODEL)
    start = time.perf_counter()
    train(model, tokens[:border], options.precision)
    seconds = time.perf_counter() - start
    print(json.dumps({'seconds': seconds, 'loss': evaluate(model, tokens[border:]), 'steps': STEPS,
                      'tokens_per_second': STEPS * BATCH * TIME / seconds, 'version': torch.__version__,
                      'threads': torch.get_num_threads()}))


if __name__ == '__main__':
    main()
