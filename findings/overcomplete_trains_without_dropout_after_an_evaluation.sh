#!/usr/bin/env bash
# overcomplete 0.3.0: the matching pursuit SAEs (MpSAE, OMPSAE) lose their dropout for good at the first evaluation.
#
# Expected: eval() turns the dropout of dictionary elements off and train() turns it on again, as for torch.nn.Dropout:
# "We use it to ensure no dropout is applied during evaluation".
# Found: eval() sets the dropout to None and train() leaves it there. A training that evaluates after each epoch has
# dropout in the first one only.
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
from overcomplete.sae import MpSAE, OMPSAE

torch.manual_seed(0)
x = torch.randn(64, 8)


def different(sae):
    """Return whether two passes over the same rows choose different latents, as they do with dropout."""
    return not torch.equal(sae.encode(x)[1] != 0, sae.encode(x)[1] != 0)


print(f"overcomplete {version('overcomplete')}")
for kind in (MpSAE, OMPSAE):
    sae = kind(8, 16, k=2, dropout=0.5)
    found = [different(sae), different(sae.eval()), different(sae.train())]
    print(f"{kind.__name__}: codes vary in training {found[0]}, in evaluation {found[1]}, in training later {found[2]}")
    assert found[:2] == [True, False]
    assert not found[2] and sae.dropout is None, "train() brings the dropout back now"
PYTHON
