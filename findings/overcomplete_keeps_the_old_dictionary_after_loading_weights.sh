#!/usr/bin/env bash
# overcomplete 0.3.0: an SAE in evaluation mode that loads other weights encodes with the new ones and decodes with
# its old dictionary.
#
# Expected: after load_state_dict the SAE is the one that was saved, whichever of eval() and load_state_dict comes
# first, as for any PyTorch module.
# Found: eval() keeps a copy of the dictionary that no later call refreshes, not even a second eval(). All keys match,
# the codes are right, and the reconstruction is that of a random dictionary. train() and then eval() make it right.
# The usual order of many scripts, make the model with .eval() and then load a checkpoint, is the wrong one here.
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
from overcomplete.sae import TopKSAE

torch.manual_seed(0)
saved = TopKSAE(8, 16, top_k=3).eval()
x = torch.randn(32, 8)
_, codes, reconstruction = saved(x)


def compared(sae):
    """Return whether the codes and whether the reconstruction are those of the SAE that was saved."""
    _, its_codes, its_reconstruction = sae(x)
    return torch.allclose(its_codes, codes), torch.allclose(its_reconstruction, reconstruction)


first = TopKSAE(8, 16, top_k=3)
first.load_state_dict(saved.state_dict())
found = {"loaded, then eval()": compared(first.eval())}
other = TopKSAE(8, 16, top_k=3).eval()
print(f"overcomplete {version('overcomplete')}:", other.load_state_dict(saved.state_dict()))
found["eval(), then loaded"] = compared(other)
found["eval() once more"] = compared(other.eval())
found["train() and eval()"] = compared(other.train().eval())
for order, (same_codes, same_reconstruction) in found.items():
    print(f"{order}: the same codes {same_codes}, the same reconstruction {same_reconstruction}")
assert all(found[order] == (True, True) for order in ("loaded, then eval()", "train() and eval()"))
assert found["eval(), then loaded"] == (True, False) == found["eval() once more"], "the dictionary is refreshed now"
PYTHON
