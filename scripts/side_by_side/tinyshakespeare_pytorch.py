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
from torch import nn
from torch.nn import functional as F

LAYERS, HEADS, WIDTH, TIME, BATCH = 4, 4, 128, 64, 12
STEPS, WARMUP, RATE, LEAST_RATE = 2000, 100, 1e-3, 1e-4


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(WIDTH, bias=False), nn.LayerNorm(WIDTH, bias=False)
        self.c_attn, self.c_proj = nn.Linear(WIDTH, 3 * WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)
        self.c_fc, self.c_out = nn.Linear(WIDTH, 4 * WIDTH, bias=False), nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (h.view(B, T, HEADS, C // HEADS).transpose(1, 2) for h in self.c_attn(self.ln_1(x)).split(C, dim=2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.c_proj(y.transpose(1, 2).reshape(B, T, C))
        return x + self.c_out(F.gelu(self.c_fc(self.ln_2(x))))


class Model(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocabulary, WIDTH), nn.Embedding(TIME, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.ln_f = nn.LayerNorm(WIDTH, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                into_residual = name.endswith(('c_proj.weight', 'c_out.weight'))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * LAYERS) if into_residual else 0.02)

    def forward(self, ids, labels):
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x)
        logits = F.linear(self.ln_f(x), self.wte.weight)
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), labels.reshape(-1))


def rate(step):
    if step < WARMUP:
        return RATE * (step + 1) / WARMUP
    return LEAST_RATE + 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / (STEPS - WARMUP))) * (RATE - LEAST_RATE)


def train(model, text, precision):
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{'params': matrices, 'weight_decay': 0.1}, {'params': vectors, 'weight_decay': 0.0}],
        lr=RATE, betas=(0.9, 0.99), fused=True)
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
    model = Model(len(ids))
    start = time.perf_counter()
    train(model, tokens[:border], options.precision)
    seconds = time.perf_counter() - start
    print(json.dumps({'seconds': seconds, 'loss': evaluate(model, tokens[border:]), 'steps': STEPS,
                      'tokens_per_second': STEPS * BATCH * TIME / seconds, 'version': torch.__version__,
                      'threads': torch.get_num_threads()}))


if __name__ == '__main__':
    main()
