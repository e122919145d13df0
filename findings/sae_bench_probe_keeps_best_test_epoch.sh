#!/usr/bin/env bash
# sae-bench 0.6.0: the accuracy of the probe on all latents (`sae_test_accuracy`, and `llm_test_accuracy`
# beside it) is that of the epoch which did best on the TEST texts, not of the last epoch.
#
# Expected: train_probe_on_activations(use_sklearn=False) trains on the training texts and reports how
# the trained probe does on the test texts: .500 on activations that have nothing to do with labels.
# Found: train_probe_gpu evaluates the test texts after every epoch, keeps the best, and stops when ten
# epochs brought nothing better. On pure noise (300 texts for training, 200 for test, 64 numbers each)
# the mean over 40 draws is about .53. The other probe of the same function (use_sklearn=True, which the
# top-k accuracies are made with) stays at chance.
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
import statistics
from importlib.metadata import version

import torch
from sae_bench.evals.sparse_probing.probe_training import train_probe_on_activations

torch.manual_seed(0)
found = {True: [], False: []}
for _ in range(40):
    train = {label: torch.randn(150, 64) for label in ("one", "other")}
    test = {label: torch.randn(100, 64) for label in ("one", "other")}
    for sklearn in found:
        how = {} if sklearn else {"batch_size": 250, "epochs": 100, "lr": 1e-2}
        with contextlib.redirect_stdout(io.StringIO()):
            _, accuracy = train_probe_on_activations(train, test, use_sklearn=sklearn, **how)
        found[sklearn] += accuracy.values()
best, last = (statistics.fmean(found[sklearn]) for sklearn in (False, True))
print(f"sae-bench {version('sae-bench')}, noise: AdamW probe {best:.3f}, logistic regression {last:.3f}")
assert best > 0.515, "the probe on all latents no longer keeps its best epoch on the test texts"
assert abs(last - 0.5) < 0.02, "logistic regression is not at chance on noise"
PYTHON
