"""Trains a model in PyTorch as its users would, and prints its speed as JSON: the other side of scripts/bench and scripts/gpu.

Eager or compiled, fp32 or bf16 autocast, scaled_dot_product_attention, fused AdamW, clipping; random tokens.
"""
import argparse
import json
import time

import torch

from pytorch_models import Gpt2, Llama, adamw

MODELS = {
    'gpt2-124m': (Gpt2, {'vocabulary': 50257, 'positions': 1024, 'width': 768, 'layers': 12, 'heads': 12}),
    'smollm2-135m': (Llama, {'vocabulary': 49152, 'width': 576, 'inner': 1536, 'layers': 30, 'heads': 9,
                             'key_heads': 3, 'theta': 100000.0}),
    'gpt2-1558m': (Gpt2, {'vocabulary': 50257, 'positions': 1024, 'width': 1600, 'layers': 48, 'heads': 25}),
    # Without the biases of queries, keys and values, which cost no time.
    'qwen2.5-0.5b': (Llama, {'vocabulary': 151936, 'width': 896, 'inner': 4864, 'layers': 24, 'heads': 14,
                             'key_heads': 2, 'theta': 1000000.0}),
    'qwen2.5-1.5b': (Llama, {'vocabulary': 151936, 'width': 1536, 'inner': 8960, 'layers': 28, 'heads': 12,
                             'key_heads': 2, 'theta': 1000000.0}),
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
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)

    kind, sizes = MODELS[options.model]
    model = kind(**sizes).to(options.device)
    optimizer = adamw(model, 6e-4, (0.9, 0.95))
    run = torch.compile(model) if options.compile else model

    def step():
        ids = torch.randint(sizes['vocabulary'], (options.batch, options.time + 1), device=options.device)
        with torch.autocast(options.device, torch.bfloat16, enabled=options.precision == 'bf16'):
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
