#!/usr/bin/env bash
# dictionary-learning 0.1.0: frac_variance_explained is 1 for reconstructions that are all off by the same vector,
# however long it is.
#
# Expected: the share of the squared distance from the mean that the reconstruction explains, which is far below 0
# where a wrong bias makes the error larger than the spread of the activations, as in scikit-learn and sae-lens.
# Found: the variance of the error is taken, so its mean is subtracted first. A dictionary that reconstructs exactly and
# then adds 5 to each coordinate has 1.0 here, where the squared distances give -24. Only l2_loss, cossim and l2_ratio
# beside it show that the output is wrong, and a decoder bias that was not trained or not loaded is not seen in it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0 numpy einops==0.8.2 transformers==5.23.0 accelerate==1.15.0 datasets==5.2.0 wandb==0.31.0 zstandard
pip nnsight==0.3.7
pip --no-deps dictionary-learning==0.1.0
cd "$folder"
WANDB_MODE=disabled "$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version
from itertools import repeat

import torch
from dictionary_learning.evaluation import evaluate

WIDTH = 8
torch.manual_seed(0)
x = torch.randn(4000, WIDTH)


class Shifted:
    """A dictionary that reconstructs exactly, from the positive and the negative parts, and then adds `shift`."""

    dict_size = 2 * WIDTH

    def __init__(self, shift):
        self.shift = shift

    def __call__(self, rows, output_features=False):
        features = torch.cat([rows.relu(), (-rows).relu()], dim=-1)
        output = features[:, :WIDTH] - features[:, WIDTH:] + self.shift
        return (output, features) if output_features else output


found = {}
print(f"dictionary-learning {version('dictionary-learning')}: exact reconstructions, and the same with a shift")
for shift in (0, 5):
    dictionary = Shifted(shift)
    metrics = evaluate(dictionary, repeat(x))
    exact = 1 - ((x - dictionary(x)) ** 2).sum() / ((x - x.mean(0)) ** 2).sum()
    found[shift] = metrics["frac_variance_explained"], exact.item()
    print(
        f"shift {shift}: frac_variance_explained {found[shift][0]:.3f}, by squared distances {found[shift][1]:.2f}, "
        f"l2_loss {metrics['l2_loss']:.2f}, cossim {metrics['cossim']:.2f}"
    )
assert found[0][1] > 0.999 and found[5][1] < -20
assert found[0][0] > 0.999 and found[5][0] > 0.999, "a shift counts as an error now"
PYTHON
