#!/usr/bin/env bash
# dictionary-learning 0.1.0: trainSAE with normalize_activations divides the caller's tensors, so a second pass
# over stored activations trains on activations that were divided twice.
#
# Expected: the data stay as they are; each batch is divided by the norm factor for this step, and the weights are
# scaled back at the end, so that the saved SAE fits the stored activations.
# Found: `act.to(dtype)` gives the same tensor when the dtype is float32 already, and `act /= norm_factor` writes
# into it. Of four batches that are used three times each, the third pass sees them divided by the cube of the
# factor, and the list is changed after the call. Data in bfloat16 are copied, and stay.
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
import contextlib
import io
from importlib.metadata import version

import torch
from dictionary_learning.trainers.top_k import TopKTrainer
from dictionary_learning.training import trainSAE

FACTOR, STEPS = 20.0, 12  # root of the mean squared norm: sqrt(16) x 5


def squared_norms(dtype):
    """Return the root mean squared norm of the batches at each step, and that of the list afterwards."""
    torch.manual_seed(0)
    stored = [(5 * torch.randn(256, 16)).to(dtype) for _ in range(4)]
    seen = []

    class Watching(TopKTrainer):
        def update(self, step, x):
            seen.append(x.float().pow(2).sum(1).mean().sqrt().item())
            return super().update(step, x)

    class Epochs:
        """The stored batches, again and again, as a loader of stored activations gives them."""

        def __iter__(self):
            while True:
                yield from stored

    config = {
        "trainer": Watching, "steps": STEPS, "activation_dim": 16, "dict_size": 64, "k": 4, "layer": 0,
        "lm_name": "none", "warmup_steps": 1, "seed": 0, "device": "cpu",
    }
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        trainSAE(Epochs(), [config], steps=STEPS, device="cpu", normalize_activations=True)
    after = stored[1].float().pow(2).sum(1).mean().sqrt().item()
    return [seen[0], seen[4], seen[8]], after


print(f"dictionary-learning {version('dictionary-learning')}: norms in passes 1, 2 and 3, and in the list afterwards")
for dtype, kept in ((torch.float32, False), (torch.bfloat16, True)):
    passes, after = squared_norms(dtype)
    print(f"{dtype}: {[f'{one:.3g}' for one in passes]}, {after:.3g}")
    assert abs(passes[0] - 1) < 0.1
    assert (abs(passes[2] - 1) < 0.1) == kept and (abs(after - FACTOR) < 2) == kept, "the data are treated otherwise now"
PYTHON
