#!/usr/bin/env bash
# overcomplete 0.3.0: the gradient of the thresholds of a JumpReLU SAE grows as the bandwidth of its kernel shrinks,
# ten times for a tenth.
#
# Expected: the bandwidth sets how far from the threshold an input may be to count, not how much it counts in all. In
# the paper that the class names, the gradient is -(threshold / bandwidth) K((x - threshold) / bandwidth), with a
# kernel K of area 1, so over inputs of even density the mean gradient is -threshold times the density, at any width.
# Found: the kernels are divided by the bandwidth already, and the gradient divides by it once more. With the default
# of 0.001 thresholds get a gradient 1000 times too large (2000 times with the default kernel, silverman), and a
# bandwidth cannot be tuned without the learning rate. The cosine kernel is the only one that is not divided, so its
# gradient does not depend on the bandwidth.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0 "numpy<2" einops==0.8.2 scikit-learn==1.7.2 scipy tqdm pillow matplotlib==3.8.4
pip --no-deps overcomplete==0.3.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version
from types import ModuleType

import torch

for name in ("models", "visualization"):  # placeholders for the image models and the plots, which are not used here
    placeholder = sys.modules[f"overcomplete.{name}"] = ModuleType(name)
    placeholder.__getattr__ = lambda attribute: object
from overcomplete.sae import JumpSAE
from overcomplete.sae.jump_sae import jump_relu

THRESHOLD, ROWS = 0.5, 1_000_001
inputs = torch.linspace(0, 1, ROWS)[:, None]  # even density 1


def gradient(kernel, bandwidth):
    """Return the mean gradient of the sum of the outputs for the threshold."""
    threshold = torch.tensor([THRESHOLD], requires_grad=True)
    jump_relu(inputs, threshold, JumpSAE._KERNELS[kernel], bandwidth).sum().backward()
    return threshold.grad.item() / ROWS


print(f"overcomplete {version('overcomplete')}: the gradient at threshold {THRESHOLD} should be near -{THRESHOLD}")
found = {}
for kernel in ("rectangle", "triangular", "epanechnikov", "silverman", "cosine"):
    found[kernel] = [gradient(kernel, bandwidth) for bandwidth in (0.1, 0.01, 0.001)]
    print(f"{kernel}, bandwidth 0.1, 0.01, 0.001: {[round(one, 2) for one in found[kernel]]}")
for kernel in ("rectangle", "triangular", "epanechnikov", "silverman"):
    wide, middle, narrow = found[kernel]
    assert 9 < middle / wide < 11 and 9 < narrow / middle < 11, "the bandwidth does not scale the gradient now"
assert -501 < found["rectangle"][2] < -499 and -0.51 < found["cosine"][2] < -0.49
PYTHON
