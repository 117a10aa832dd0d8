"""Generates with transformers' GPT-2 as its users would on a CPU, and prints its speed as JSON: the other side of scripts/bench.

Random weights, greedy, a cache of keys and values; eager, or compiled over a static cache. The time is that of a whole
`generate`: the prompt and all new tokens.
"""
import argparse
import json
import time

import torch
import transformers


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--precision', choices=('fp32', 'bf16'), required=True)
    parser.add_argument('--prompt-tokens', type=int, default=32)
    parser.add_argument('--new-tokens', type=int, default=128)
    parser.add_argument('--runs', type=int, default=5)
    parser.add_argument('--compile', action='store_true')
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)

    dtype = torch.bfloat16 if options.precision == 'bf16' else torch.float32
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config()).to(dtype).eval()
    ids = torch.randint(model.config.vocab_size, (1, options.prompt_tokens))
    settings = {'do_sample': False, 'use_cache': True, 'pad_token_id': 0, 'eos_token_id': None}
    if options.compile:
        settings |= {'cache_implementation': 'static'}
        model.forward = torch.compile(model.forward, dynamic=False)

    def seconds(new_tokens):
        start = time.perf_counter()
        with torch.inference_mode():
            out = model.generate(ids, attention_mask=torch.ones_like(ids), min_new_tokens=new_tokens,
                                 max_new_tokens=new_tokens, **settings)
        assert out.shape[1] == options.prompt_tokens + new_tokens
        return time.perf_counter() - start

    for _ in range(2):
        seconds(options.new_tokens)
    whole = sorted(seconds(options.new_tokens) for _ in range(options.runs))
    print(json.dumps({'tokens_per_second': options.new_tokens / whole[len(whole) // 2], 'run_seconds': whole,
                      'version': torch.__version__, 'transformers': transformers.__version__,
                      'threads': torch.get_num_threads()}))


if __name__ == '__main__':
    main()
