#!/usr/bin/env python3
"""Runs a program that prints lines "step N loss X" and exits 0 only if the loss fell by half.

usage: falling_loss.py PROGRAM ARGUMENT...
"""

import re
import subprocess
import sys

done = subprocess.run(sys.argv[1:], capture_output=True, text=True, timeout=300)
print(done.stdout, done.stderr, sep='')
losses = [float(x) for x in re.findall(r'^step +\d+ +loss (\S+)$', done.stdout, re.M)]
if done.returncode != 0 or len(losses) < 3:
    sys.exit(f'exit status {done.returncode}, {len(losses)} losses')
if not losses[-1] <= losses[0] / 2:  # so that a loss that is no number fails
    sys.exit(f'the loss went from {losses[0]} to {losses[-1]}, half of it was expected')
