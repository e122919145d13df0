#!/usr/bin/env bash
# sae-bench 0.6.0: sparse probing of the same SAE gives another accuracy when its latents are counted in
# other units, though the SAE as a function is the same (decoder rows divided by what latents gain).
#
# Expected: a probe on the best k latents does not care about their units.
# Found: latents are chosen by the difference of their class means, unscaled. Where one latent tells two
# classes apart and another, noise, is counted in units of 1/100, the noise has the larger difference,
# is chosen, and top-1 accuracy falls from .89 to .51.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0 "numpy<2" scikit-learn==1.7.2 beartype==0.14.1 jaxtyping==0.2.38
pip --no-deps sae-bench==0.6.0
JAXTYPING_DISABLE=1 "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import contextlib
import io
from importlib.metadata import version

import torch
from sae_bench.evals.sparse_probing.probe_training import train_probe_on_activations


def accuracy(scale_F):
    torch.manual_seed(0)
    sides = []
    for texts in (150, 100):
        side = {}
        for label, mean in (("one", 1.0), ("other", 0.0)):
            f = torch.rand(texts, 8)
            f[:, 0] = (mean + 0.5 * torch.randn(texts)).relu()  # tells the classes apart
            side[label] = f * scale_F
        sides.append(side)
    torch.manual_seed(0)
    with contextlib.redirect_stdout(io.StringIO()):
        _, found = train_probe_on_activations(*sides, select_top_k=1)
    return found["one"]


as_it_is = accuracy(torch.ones(8))
one_large = accuracy(torch.tensor([1.0, 100.0, 1, 1, 1, 1, 1, 1]))
print(f"sae-bench {version('sae-bench')}, top-1: as it is {as_it_is:.3f}; another latent in units of 1/100 {one_large:.3f}")
assert as_it_is > 0.8, "the informative latent is not found"
assert one_large < 0.65, "another latent's units no longer matter"
PYTHON
