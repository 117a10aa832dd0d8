"""Times in PyTorch what `weft bench CONFIG --operators --json` has timed, and prints both side by side: a part of scripts/gpu.

Every kind of operator with its own shapes: products by cuBLASLt, attention by the fastest of scaled_dot_product_attention's
backends (cuDNN, flash), norms, losses and activations compiled, AdamW fused. Of eager and compiled the faster counts. A
gradient is timed alone: its forward pass has run before. The second-level cache is emptied before each run.
"""
import argparse
import functools
import json
import re
import statistics
import time

import torch
from torch._functorch import config as functorch
from torch.nn import functional as F

TYPES = {'f32': torch.float32, 'bf16': torch.bfloat16, 'i32': torch.int64, 'i64': torch.int64}
CACHE_BYTES = 128 << 20  # more than a GPU's second-level cache has


class Call:
    """A row of Weft's: operands of its types, and its parameters."""

    def __init__(self, row, device):
        self.device = device
        self.types = [parsed(text) for text in row['inputs']]
        self.outputs = [parsed(text) for text in row['outputs']]
        self.parameters = dict(re.findall(r'(\w+)=([^,]+)', row['parameters']))

    def tensor(self, i, below=None, gradient=False):
        if i >= len(self.types) or self.types[i] is None:
            return None
        dtype, shape = self.types[i]
        if dtype.is_floating_point:
            return torch.randn(shape, device=self.device).mul_(0.1).to(dtype).requires_grad_(gradient)
        return torch.randint(below, shape, device=self.device)

    def like_output(self, i=0):
        return torch.randn(self.outputs[i][1], device=self.device).to(self.outputs[i][0])

    def number(self, name):
        return float(self.parameters[name])

    def is_true(self, name):
        return self.parameters.get(name) == 'true'


def parsed(text):
    if text == '_':
        return None
    dtype, shape = re.match(r'(\w+)\[(.*)\]', text).groups()
    return TYPES[dtype], [int(n) for n in shape.split(',') if n.strip()]


def backward(function, inputs, gradient=None):
    """The gradient of function(*inputs), timed without the forward pass."""
    out = function(*inputs)
    gradient = torch.randn_like(out) if gradient is None else gradient
    wanted = [x for x in inputs if x is not None and x.requires_grad]
    return lambda: torch.autograd.grad(out, wanted, gradient, retain_graph=True)


def product(call):
    out_in = call.parameters['layout'] == 'out_in'

    def run(x, w, bias):
        return F.linear(x, w if out_in else w.t(), None if bias is None else bias.to(x.dtype))
    return run


def activation(kind):
    return {'gelu': F.gelu, 'gelu_tanh': lambda x: F.gelu(x, approximate='tanh'), 'silu': F.silu, 'relu': F.relu}[kind]


def gated(kind):
    def run(x):
        gate, up = x.chunk(2, dim=-1)
        return activation(kind)(gate) * up
    return run


def linear(call, compiled):
    run, operands = compiled(product(call)), [call.tensor(i) for i in range(3)]
    return lambda: run(*operands)


def linear_activation(call, compiled):
    multiply, after = product(call), (gated if call.is_true('gated') else activation)(call.parameters['kind'])
    run, operands = compiled(lambda *operands: after(multiply(*operands))), [call.tensor(i) for i in range(3)]
    return lambda: run(*operands)


def linear_weight_gradient(call, compiled):
    x, dy = (t.flatten(0, -2) for t in (call.tensor(0), call.tensor(1)))
    left, right = (dy, x) if call.parameters['layout'] == 'out_in' else (x, dy)
    with_bias = call.is_true('bias')
    run = compiled(lambda a, b, d: (a.t() @ b, d.sum(0)) if with_bias else a.t() @ b)
    return lambda: run(left, right, dy)


def attend(call):
    heads, kv_heads, width = (int(call.parameters[k]) for k in ('heads', 'kv_heads', 'head_dim'))
    window, scale = int(call.parameters['window']), float(call.parameters['scale'])
    if window:
        return None

    def run(qkv):
        rows = qkv.view(*qkv.shape[:2], heads + 2 * kv_heads, width).transpose(1, 2)
        q, k, v = rows.split((heads, kv_heads, kv_heads), dim=1)
        out = F.scaled_dot_product_attention(q, k, v, is_causal=call.is_true('causal'), enable_gqa=heads != kv_heads,
                                             dropout_p=call.number('dropout'), scale=scale or None)
        return out.transpose(1, 2).flatten(2)
    return run


def fastest_backend(device, make):
    """The fastest of attention's backends that take the call."""
    if device == 'cpu':
        return [make()]
    from torch.nn.attention import SDPBackend, sdpa_kernel
    runs = []
    for backend in (SDPBackend.CUDNN_ATTENTION, SDPBackend.FLASH_ATTENTION):
        try:
            with sdpa_kernel([backend]):
                run = make()
                run()
        except RuntimeError:
            continue

        def inside(run=run, backend=backend):
            with sdpa_kernel([backend]):
                run()
        runs.append(inside)
    return runs


def attention(call, compiled):
    run, qkv = attend(call), call.tensor(0)
    return run and fastest_backend(call.device, lambda: lambda: run(qkv))


def attention_backward(call, compiled):
    run, qkv = attend(call), call.tensor(0, gradient=True)
    return run and fastest_backend(call.device, lambda: backward(run, [qkv]))


def normalize(call, rms, scale, bias):
    eps = float(call.parameters.get('eps', 1e-5))

    def run(x):
        width = (x.shape[-1],)
        s, b = (None if t is None else t.to(x.dtype) for t in (scale, bias))
        return F.rms_norm(x, width, s, eps) if rms else F.layer_norm(x, width, s, b, eps)
    return run


def norm(rms):
    def make(call, compiled):
        run, x = compiled(normalize(call, rms, call.tensor(1), None if rms else call.tensor(2))), call.tensor(0)
        return lambda: run(x)
    return make


def add_norm(rms):
    def make(call, compiled):
        plain = normalize(call, rms, call.tensor(2), None if rms else call.tensor(3))

        def both(x, residual):
            total = x + residual
            return total, plain(total)
        run, x, residual = compiled(both), call.tensor(0), call.tensor(1)
        return lambda: run(x, residual)
    return make


def norm_backward(rms):
    def make(call, compiled):
        scale = call.tensor(2)
        if scale is not None:
            scale.requires_grad_(True)
        bias = torch.zeros_like(scale, requires_grad=True) if call.is_true('bias') else None
        x = call.tensor(1, gradient=True)
        run = compiled(lambda x, s, b: normalize(call, rms, s, b)(x))
        return backward(run, [x, scale, bias])
    return make


def head(call, compiled):
    """Loss and gradients of the classifier, all in one."""
    x, w = call.tensor(1, gradient=True), call.tensor(2, gradient=True)
    labels = call.tensor(3, below=w.shape[0]).flatten()
    loss = compiled(lambda x, w: F.cross_entropy(F.linear(x, w).flatten(0, -2).float(), labels))
    return lambda: torch.autograd.grad(loss(x, w), [x, w])


def embedding(call, compiled):
    table = call.tensor(1)
    ids = call.tensor(0, below=table.shape[0])
    return lambda: F.embedding(ids, table)


def embedding_backward(call, compiled):
    rows = call.outputs[0][1][0]
    dy, ids = call.tensor(0), call.tensor(1, below=rows)
    return lambda: torch.ops.aten.embedding_dense_backward(dy, ids, rows, -1, False)


def rotary(call, compiled):
    heads, kv_heads, width = (int(call.parameters[k]) for k in ('heads', 'kv_heads', 'head_dim'))
    qkv = call.tensor(0)
    cos, sin = torch.randn(2, qkv.shape[1], 1, width // 2, device=call.device)

    def turn(qkv):
        rows = qkv.view(*qkv.shape[:2], heads + 2 * kv_heads, width)
        turned, values = rows.split((heads + kv_heads, kv_heads), dim=2)
        first, second = turned.chunk(2, dim=-1)
        both = torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1).to(qkv.dtype)
        return torch.cat((both, values), dim=2)
    run = compiled(turn)
    return lambda: run(qkv)


def activation_backward(call, compiled):
    return backward(compiled(activation(call.parameters['kind'])), [call.tensor(1, gradient=True)], call.tensor(0))


def gated_activation_backward(call, compiled):
    return backward(compiled(gated(call.parameters['kind'])), [call.tensor(1, gradient=True)], call.tensor(0))


def add(call, compiled):
    a, b = call.tensor(0), call.tensor(1)
    return lambda: a + b


def dropout(call, compiled):
    x, p = call.tensor(0), call.number('p')
    return lambda: F.dropout(x, p)


def gradient_norm(call, compiled):
    gradients = call.tensor(0)
    return lambda: torch.linalg.vector_norm(gradients)


def adamw(call, compiled):
    parameter = torch.nn.Parameter(call.tensor(0))
    parameter.grad = call.tensor(1)
    optimizer = torch.optim.AdamW([parameter], lr=1e-6, weight_decay=0.1, fused=True)
    return optimizer.step


OPERATORS = {
    'linear': linear, 'linear_activation': linear_activation, 'linear_weight_gradient': linear_weight_gradient,
    'attention': attention, 'attention_backward': attention_backward, 'linear_cross_entropy_backward': head,
    'layer_norm': norm(False), 'add_layer_norm': add_norm(False), 'layer_norm_backward': norm_backward(False),
    'rms_norm': norm(True), 'add_rms_norm': add_norm(True), 'rms_norm_backward': norm_backward(True),
    'embedding': embedding, 'embedding_backward': embedding_backward, 'rotary': rotary, 'add': add, 'dropout': dropout,
    'activation_backward': activation_backward, 'gated_activation_backward': gated_activation_backward,
    'gradient_norm': gradient_norm, 'adamw': adamw,
}


def seconds_of(run, device, repeats, cache):
    for _ in range(3):
        run()
    times = []
    for _ in range(repeats):
        if device == 'cpu':
            start = time.perf_counter()
            run()
            times.append(time.perf_counter() - start)
            continue
        cache.zero_()
        start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        run()
        stop.record()
        stop.synchronize()
        times.append(start.elapsed_time(stop) / 1000)
    return statistics.median(times)


def time_row(row, options, cache):
    """The fastest of what PyTorch offers; None where it offers nothing alike."""
    make = OPERATORS.get(row['operator'])
    if make is None:
        return None
    best = None
    torch._dynamo.reset()  # each row anew: a function that has seen many shapes is compiled no more
    ways = [lambda f: f] if options.no_compile else [lambda f: f, functools.partial(torch.compile, dynamic=False)]
    for way in ways:
        runs = make(Call(row, options.device), way)
        for run in runs if isinstance(runs, list) else [runs] if runs else []:
            seconds = seconds_of(run, options.device, options.repeats, cache)
            best = seconds if best is None else min(best, seconds)
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--weft', required=True, help='what `weft bench CONFIG --operators --json` has printed')
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cuda')
    parser.add_argument('--repeats', type=int, default=20)
    parser.add_argument('--no-compile', action='store_true')
    parser.add_argument('--json', help='a file to write the figures to')
    options = parser.parse_args()
    if options.device == 'cuda' and not torch.cuda.is_available():
        raise SystemExit('operators_pytorch.py: PyTorch sees no GPU')
    torch.manual_seed(0)
    functorch.donated_buffer = False  # gradients are computed again and again
    with open(options.weft, encoding='utf-8') as text:
        weft = json.load(text)
    cache = torch.empty(CACHE_BYTES, dtype=torch.uint8, device=options.device) if options.device == 'cuda' else None
    totals, rows = {}, []
    print(f'{"operator":64s} {"calls":>5s} {"Weft us":>10s} {"PyTorch us":>10s} {"speed":>6s} {"of roof":>7s}')
    for row in weft['operators']:
        other = time_row(row, options, cache)
        name = ' '.join([row['operator'], *(t for t in row['inputs'][:2] if t != '_')])
        shown = ('-', '-') if other is None else (f'{other * 1e6:.1f}', f'{other / row["seconds"]:.2f}')
        print(f'{name:64s} {row["calls"]:5d} {row["seconds"] * 1e6:10.1f} {shown[0]:>10s} {shown[1]:>6s} '
              f'{row["share_of_roof"] or 0:7.1%}', flush=True)
        rows.append({**row, 'pytorch_seconds': other})
        if other is not None:
            ours, theirs = totals.get(row['operator'], (0, 0))
            totals[row['operator']] = (ours + row['calls'] * row['seconds'], theirs + row['calls'] * other)
    ratios = {name: theirs / ours for name, (ours, theirs) in totals.items()}
    if options.json:
        with open(options.json, 'w', encoding='utf-8') as out:
            json.dump({**weft, 'operators': rows, 'pytorch': torch.__version__, 'speed_beside_pytorch': ratios}, out, indent=2)


if __name__ == '__main__':
    main()
