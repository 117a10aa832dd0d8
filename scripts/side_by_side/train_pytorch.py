"""Trains GPT-2 or SmolLM2 in PyTorch as its users would on a CPU, and prints its speed as JSON: the other side of scripts/bench.

Eager or compiled, fp32 or bf16 autocast, scaled_dot_product_attention, fused AdamW, clipping; random tokens.
"""
import argparse
import json
import time

import torch
from torch import nn
from torch.nn import functional as F


class Gpt2Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.c_attn, self.c_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.c_fc, self.c_out = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (h.view(B, T, self.heads, C // self.heads).transpose(1, 2)
                   for h in self.c_attn(self.ln_1(x)).split(C, dim=2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.c_proj(y.transpose(1, 2).reshape(B, T, C))
        return x + self.c_out(F.gelu(self.c_fc(self.ln_2(x)), approximate='tanh'))


class Gpt2(nn.Module):
    def __init__(self, vocabulary, positions, width, layers, heads):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocabulary, width), nn.Embedding(positions, width)
        self.blocks = nn.ModuleList(Gpt2Block(width, heads) for _ in range(layers))
        self.ln_f = nn.LayerNorm(width)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids, labels):
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x)
        logits = F.linear(self.ln_f(x), self.wte.weight)
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), labels.reshape(-1))


class LlamaBlock(nn.Module):
    def __init__(self, width, inner, heads, key_heads):
        super().__init__()
        self.heads, self.key_heads, self.head = heads, key_heads, width // heads
        self.norm_1, self.norm_2 = nn.RMSNorm(width, eps=1e-5), nn.RMSNorm(width, eps=1e-5)
        self.qkv = nn.Linear(width, (heads + 2 * key_heads) * self.head, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.gate_up, self.down = nn.Linear(width, 2 * inner, bias=False), nn.Linear(inner, width, bias=False)

    def forward(self, x, cos, sin):
        B, T, C = x.shape
        heads = self.qkv(self.norm_1(x)).view(B, T, self.heads + 2 * self.key_heads, self.head).transpose(1, 2)
        q, k, v = heads.split((self.heads, self.key_heads, self.key_heads), dim=1)
        y = F.scaled_dot_product_attention(rotated(q, cos, sin), rotated(k, cos, sin), v, is_causal=True,
                                           enable_gqa=self.heads != self.key_heads)
        x = x + self.out(y.transpose(1, 2).reshape(B, T, C))
        gate, up = self.gate_up(self.norm_2(x)).chunk(2, dim=-1)
        return x + self.down(F.silu(gate) * up)


def rotated(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1).to(x.dtype)


class Llama(nn.Module):
    def __init__(self, vocabulary, width, inner, layers, heads, key_heads, theta):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.blocks = nn.ModuleList(LlamaBlock(width, inner, heads, key_heads) for _ in range(layers))
        self.norm = nn.RMSNorm(width, eps=1e-5)
        head = width // heads
        self.frequencies = theta ** (-torch.arange(0, head, 2) / head)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=1 / 24)

    def forward(self, ids, labels):
        angles = torch.outer(torch.arange(ids.shape[1]), self.frequencies)
        cos, sin = angles.cos(), angles.sin()
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, cos, sin)
        logits = F.linear(self.norm(x), self.embedding.weight)
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), labels.reshape(-1))


MODELS = {
    'gpt2-124m': (Gpt2, {'vocabulary': 50257, 'positions': 1024, 'width': 768, 'layers': 12, 'heads': 12}),
    'smollm2-135m': (Llama, {'vocabulary': 49152, 'width': 576, 'inner': 1536, 'layers': 30, 'heads': 9,
                             'key_heads': 3, 'theta': 100000.0}),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--model', choices=MODELS, default='gpt2-124m')
    parser.add_argument('--precision', choices=('fp32', 'bf16'), required=True)
    parser.add_argument('--batch', type=int, default=4)
    parser.add_argument('--time', type=int, default=64)
    parser.add_argument('--steps', type=int, default=5)
    parser.add_argument('--warmup', type=int, default=2)
    parser.add_argument('--compile', action='store_true')
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)

    kind, sizes = MODELS[options.model]
    model = kind(**sizes)
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{'params': matrices, 'weight_decay': 0.1}, {'params': vectors, 'weight_decay': 0.0}],
        lr=6e-4, betas=(0.9, 0.95), fused=True)
    run = torch.compile(model) if options.compile else model

    def step():
        ids = torch.randint(sizes['vocabulary'], (options.batch, options.time + 1))
        with torch.autocast('cpu', torch.bfloat16, enabled=options.precision == 'bf16'):
            loss = run(ids[:, :-1], ids[:, 1:])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    for _ in range(options.warmup):
        step()
    seconds = []
    for _ in range(options.steps):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    tokens = options.batch * options.time
    print(json.dumps({'tokens_per_second': tokens / sorted(seconds)[len(seconds) // 2], 'step_seconds': seconds,
                      'version': torch.__version__, 'threads': torch.get_num_threads()}))


if __name__ == '__main__':
    main()
