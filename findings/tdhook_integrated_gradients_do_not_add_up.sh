#!/usr/bin/env bash
# tdhook 0.3.0: IntegratedGradients returns, by default, mean gradients that are not multiplied by the difference from
# the baseline, and its convergence_delta compares these with the change of the output.
#
# Expected: attributions that add up to the output less that of the baseline, which is what the paper that the class
# names defines integrated gradients by, and a convergence_delta near 0 with enough steps.
# Found: multiply_by_inputs is False by default. The attributions do not add up to anything, with the wrong sign in one
# of three rows here, and a convergence_delta as large as the change of the output reads like an integration that
# needs more steps; 2000 steps give the same. With multiply_by_inputs=True (the default of captum) both are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0 numpy tensordict==0.15.3 tdhook==0.3.0
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version
import torch
from tdhook.attribution import IntegratedGradients
from tensordict import TensorDict

torch.manual_seed(0)
network = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
x, baseline = 2 * torch.randn(3, 4), torch.zeros(3, 4)
change = (network(x) - network(baseline)).squeeze(1)


def attributed(**options):
    """Return the sums of the attributions and the convergence deltas of the three rows."""
    method = IntegratedGradients(compute_convergence_delta=True, **options)
    with method.prepare(network) as hooked:
        found = hooked(TensorDict({"input": x, ("baseline", "input"): baseline}, batch_size=3))
    return found["attr", "input"].sum(-1), found["convergence_delta"]


def shown(values):
    return [round(one, 3) for one in values.tolist()]


print(f"tdhook {version('tdhook')}: the output changes by {shown(change)}")
found = {}
for options in ({}, {"n_steps": 2000}, {"multiply_by_inputs": True}):
    sums, deltas = found[str(options)] = attributed(**options)
    print(f"{options or 'defaults'}: attributions add up to {shown(sums)}, convergence_delta {shown(deltas)}")
assert torch.allclose(found["{'multiply_by_inputs': True}"][0], change, atol=1e-3)
assert (found["{}"][0] - change).abs().max() > 0.1 < found["{}"][1].abs().max(), "the defaults add up now"
assert torch.allclose(found["{}"][0], found["{'n_steps': 2000}"][0], atol=1e-3)
PYTHON
