#!/usr/bin/env bash
# dictionary-learning 0.1.0: PAnnealTrainer says "resampling 10 neurons" and changes no weight.
#
# Expected: with resample_steps, the encoder rows, the decoder columns and the biases of dead latents are set to
# new values, as StandardTrainer does it.
# Found: no parameter changes. The new values are assigned to `weight[deads][:n]`, and indexing with a mask makes
# a copy, which is thrown away. Adam's moments of these latents are set to zero all the same. A comparison of the
# two trainers with resampling compares one that resamples with one that does not.
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
from dictionary_learning.trainers.p_anneal import PAnnealTrainer
from dictionary_learning.trainers.standard import StandardTrainer

LATENTS, DEAD = 64, 10
x = torch.randn(256, 16, generator=torch.Generator().manual_seed(0))


def changed(trainer_class, **more):
    """Return which parameters of dead latents the call changes, and what it prints."""
    torch.manual_seed(0)
    trainer = trainer_class(
        steps=100, activation_dim=16, dict_size=LATENTS, layer=0, lm_name="none", resample_steps=5,
        warmup_steps=1, sparsity_warmup_steps=1, seed=0, device="cpu", **more,
    )
    trainer.update(1, x)  # fills the moments of the optimizer
    dead = torch.arange(LATENTS) < DEAD
    before = {name: one.clone() for name, one in trainer.ae.named_parameters()}
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        trainer.resample_neurons(dead, x)
    names = sorted(name for name, one in trainer.ae.named_parameters() if not torch.equal(one, before[name]))
    return names, said.getvalue().strip()


print(f"dictionary-learning {version('dictionary-learning')}")
for kind, more in ((StandardTrainer, {}), (PAnnealTrainer, {"anneal_start": 50})):
    names, said = changed(kind, **more)
    print(f"{kind.__name__} says {said!r} and changes {names}")
    assert said == f"resampling {DEAD} neurons"
    assert bool(names) == (kind is StandardTrainer), f"{kind.__name__} does otherwise now"
PYTHON
