#!/usr/bin/env bash
# overcomplete 0.3.0: r2_score, which train_sae also prints, compares with one number for all dimensions instead of
# with the mean activation.
#
# Expected: "0 indicates that the reconstruction is as good as the mean", as in sklearn.metrics.r2_score.
# Found: the mean is taken over rows and dimensions together. Where dimensions have different means, as the residual
# stream of a language model has, most of what is to be explained is these means: an SAE that outputs its bias and
# nothing else scores .98 here, and one that explains half of the variance .99. Scikit-learn, with its option
# "variance_weighted", says 0 and .5.
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
from sklearn import metrics

for name in ("models", "visualization"):  # placeholders for the image models and the plots, which are not used here
    placeholder = sys.modules[f"overcomplete.{name}"] = ModuleType(name)
    placeholder.__getattr__ = lambda attribute: object
from overcomplete.metrics import r2_score

torch.manual_seed(0)
x = torch.randn(2000, 8) + 3 * torch.arange(8)
mean = x.mean(0).expand_as(x)
half = mean + (x - mean) * (1 - 0.5**0.5)
found = {}
print(f"overcomplete {version('overcomplete')}")
for what, output in (("the mean", mean), ("half of the variance", half), ("everything", x)):
    expected = metrics.r2_score(x, output, multioutput="variance_weighted")
    found[what] = r2_score(x, output).item(), expected
    print(f"{what}: r2_score {found[what][0]:.3f}, scikit-learn {expected:.3f}")
assert abs(found["the mean"][1]) < 1e-4 and abs(found["half of the variance"][1] - 0.5) < 1e-3
assert found["everything"][0] == 1
assert found["the mean"][0] > 0.95 and found["half of the variance"][0] > 0.98, "the mean of each dimension is used now"
PYTHON
