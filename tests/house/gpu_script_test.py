"""`scripts/gpu run` in an unpacked bundle whose programs are stand-ins: what it runs, its table and its JSON."""

import json
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..')
MODELS = ('gpt2-124m', 'gpt2-1558m', 'qwen2.5-0.5b', 'qwen2.5-1.5b')

WEFT = r'''#!/usr/bin/env bash
echo "$*" >>"$CALLS"
case "$*" in
  "devices --json") printf '{\n  "auto": {\n    "device": "%s"\n  }\n}\n' "${FAKE_DEVICE:-cuda}" ;;
  devices) echo "cuda: usable" ;;
  "bench --json") printf '{\n  "memory_gb_per_second": 20.5,\n  "device": {\n    "gemm_gflops_bf16": 7e5,\n    "memory_gb_per_second": 4300.5\n  }\n}\n' ;;
  bench*--operators*)
    printf '{\n  "operators": [\n    {\n      "operator": "linear"\n    }\n  ],\n'
    printf '  "share_of_roof": {\n    "linear": 0.75,\n    "attention": 9.5e-01\n  }\n}\n' ;;
  bench*) printf '{\n  "tokens_per_second": 123456.5,\n  "step_seconds": [\n    1.0\n  ]\n}\n' ;;
esac
'''
PYTHON = r'''#!/usr/bin/env bash
case "$*" in
  -c*) exit "${NO_PYTORCH:-0}" ;;
  *train_pytorch.py*) echo '{"tokens_per_second": 1000.25, "step_seconds": [1.0]}' ;;
  *operators_pytorch.py*) printf '{\n  "share_of_roof": {\n    "linear": 0.75\n  },\n  "speed_beside_pytorch": {\n    "linear": 1.25,\n    "attention": 2.0\n  }\n}\n' >"${@: -1}" ;;
esac
'''


def make_bundle(folder):
    for name in ('bin', 'scripts', 'tools'):
        os.makedirs(os.path.join(folder, name))
    shutil.copy(os.path.join(ROOT, 'scripts/gpu'), os.path.join(folder, 'scripts/gpu'))
    shutil.copytree(os.path.join(ROOT, 'configs'), os.path.join(folder, 'configs'))
    # As gtest says it: how many tests passed, and what of them was left out.
    tests = '''#!/usr/bin/env bash
name=$(basename "$0")
[ "$SKIPPING" != "$name" ] || { printf '[  PASSED  ] 0 tests.\\n[  SKIPPED ] 3 tests.\\n'; exit 0; }
printf '[  PASSED  ] 3 tests.\\n'
[ "$FAILING" != "$name" ]
'''
    sanitizer = '#!/usr/bin/env bash\necho "$*" >>"$CALLS"\nexec "${@:5}"\n'  # --tool NAME --error-exitcode 1
    programs = {'bin/weft': WEFT, 'tools/python3': PYTHON, 'tools/nvidia-smi': '#!/usr/bin/env bash\necho "NVIDIA H200, 580.1"\n',
                'tools/compute-sanitizer': sanitizer, **{f'bin/weft_{name}_tests': tests for name in ('contract', 'device', 'device_run', 'golden', 'vendor')}}
    for name, text in programs.items():
        with open(os.path.join(folder, name), 'w', encoding='utf-8') as out:
            out.write(text)
        os.chmod(os.path.join(folder, name), 0o755)


def run(folder, *arguments, **environment):
    """Exit status, rows of the table by name, and the calls of weft."""
    calls = os.path.join(folder, 'calls')
    open(calls, 'w', encoding='utf-8').close()
    environment = {**os.environ, 'PATH': f'{folder}/tools:{os.environ["PATH"]}', 'CALLS': calls, 'FAILING': '', 'SKIPPING': '', **environment}
    done = subprocess.run([os.path.join(folder, 'scripts/gpu'), 'run', *arguments], env=environment, capture_output=True, text=True)
    rows = {}
    if done.stdout.strip() and done.stdout.strip().splitlines()[-1].startswith('{'):
        for row in json.loads(done.stdout.strip().splitlines()[-1])['results']:
            rows[row['name'], row['unit']] = (row['result'], row['value'])
    with open(calls, encoding='utf-8') as lines:
        return done, rows, lines.read()


def expect(what, found, wanted):
    if found != wanted:
        raise SystemExit(f'{what}: {found!r}, not {wanted!r}')


def main():
    with tempfile.TemporaryDirectory() as folder:
        make_bundle(folder)
        done, rows, calls = run(folder)
        expect('status\n' + done.stdout + done.stderr, done.returncode, 0)
        for model in MODELS:
            for kernels in ('auto', 'own', 'vendor'):
                expect('step', rows[f'step of {model}, {kernels}', 'tokens/s'], ('measured', 123456.5))
            expect('step in PyTorch', rows[f'step of {model}, PyTorch', 'tokens/s'], ('measured', 1000.25))
            expect('share', rows[f'{model} linear', 'of roof'], ('measured', 0.75))
            expect('share', rows[f'{model} attention', 'of roof'], ('measured', 0.95))
            for kernels in ('own', 'vendor'):
                expect('share', rows[f'{model} attention, {kernels}', 'of roof'], ('measured', 0.95))
            expect('speed', rows[f'{model} attention', 'x PyTorch'], ('measured', 2.0))
            config = os.path.join(folder, 'configs/bench', model + '.yaml')
            expect('config', os.path.exists(config) and config in calls, True)
        expect('roof', rows['copy and add', 'GB/s'], ('measured', 4300.5))
        for name in ('kernels against the reference', 'streams, graphs and steps', 'runs that train, stop and go on',
                     "our kernels and the vendor's", 'reference models', 'compute-sanitizer racecheck', 'compute-sanitizer initcheck'):
            expect(name, rows[name, 's'][0], 'passed')
        expect('table', done.stdout.count('tokens/s\n'), 4 * len(MODELS))
        expect('adamw is not in the figures', ('gpt2-124m adamw', 'of roof') in rows, False)

        done, rows, _ = run(folder, NO_PYTORCH='1')
        expect('without PyTorch', (done.returncode, rows['step of gpt2-124m, PyTorch', 'tokens/s'][0]), (0, 'missing'))
        done, rows, _ = run(folder, '--no-bench', FAILING='weft_device_tests')
        expect('a failing test', (done.returncode, rows['streams, graphs and steps', 's'][0]), (1, 'failed'))
        expect('left out tests are not passed', run(folder, '--no-bench', SKIPPING='weft_golden_tests')[1]['reference models', 's'][0], 'skipped')
        done, rows, calls = run(folder, '--no-bench', '--no-sanitizer')
        expect('without sanitizer', (done.returncode, any('sanitizer' in name for name, _ in rows), 'memcheck' in calls), (0, False, False))
        expect('no bench', any('step of' in name for name, _ in rows), False)
        done, rows, _ = run(folder, FAKE_DEVICE='cpu')
        expect('no GPU', (done.returncode, 'no GPU can be used here' in done.stderr), (2, True))


if __name__ == '__main__':
    sys.exit(main())
