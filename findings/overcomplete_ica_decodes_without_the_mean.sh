#!/usr/bin/env bash
# overcomplete 0.3.0: SkICA subtracts the mean when it encodes and does not add it when it decodes, and its dictionary
# is the matrix that encodes.
#
# Expected: with as many components as dimensions nothing is lost, so decode(encode(x)) is x, as for SkPCA; and
# codes @ get_dictionary() is the reconstruction or, as for SkPCA, that less the mean ("min ||X - ZD||").
# Found: decode gives x less its mean, an error as large as the activations where their mean is large. get_dictionary
# returns the unmixing matrix of scikit-learn (components_), where the transposed mixing matrix belongs: directions to
# read with are shown and compared as if they were directions that are written.
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
from overcomplete.optimization import SkICA, SkPCA

torch.manual_seed(0)
x = torch.rand(1000, 4) @ torch.randn(4, 4) + 5
mean = x.mean(0)
print(f"overcomplete {version('overcomplete')}, mean of the activations {[round(one, 2) for one in mean.tolist()]}")
found = {}
for kind in (SkPCA, SkICA):
    model = kind(4, random_state=0)
    model.fit(x)
    codes = model.encode(x)
    decoded, product = model.decode(codes), codes @ model.get_dictionary()
    found[kind] = [(decoded - x).abs().max(), (decoded - (x - mean)).abs().max(), (product - (x - mean)).abs().max()]
    print(
        f"{kind.__name__}: largest error of decode(encode(x)) against x {found[kind][0]:.4f}, against x less its mean "
        f"{found[kind][1]:.4f}; of codes @ dictionary against x less its mean {found[kind][2]:.4f}"
    )
assert found[SkPCA][0] < 1e-3 and found[SkPCA][2] < 1e-3
assert found[SkICA][0] > 1 and found[SkICA][1] < 1e-3, "the mean is added now"
assert found[SkICA][2] > 0.5, "get_dictionary returns the mixing matrix now"
PYTHON
