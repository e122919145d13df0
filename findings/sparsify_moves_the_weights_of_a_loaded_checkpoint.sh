#!/usr/bin/env bash
# eai-sparsify 1.3.3: a checkpoint of the default optimizer that is loaded into Trainer and saved again, without a
# step of training, has other weights.
#
# Expected: load_state gives the state that was saved: what is saved again is equal, and a resumed run goes on as
# one that was not interrupted. So it is with optimizer="adam".
# Found: signum is wrapped schedule-free, which trains one set of weights and saves another, their average.
# load_state puts the average in the place of the weights that are trained. Saving averages once more, and resumed
# training steps from there. Nothing warns.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0
pip eai-sparsify==1.3.3 transformers==5.24.0 datasets==5.2.0 accelerate==1.15.0 schedulefree==1.4.1
cd "$folder"
SPARSIFY_DISABLE_TRITON=1 "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import contextlib
import io
from importlib.metadata import version

import torch
from safetensors.torch import load_file
from datasets import Dataset
from sparsify import SaeConfig, TrainConfig, Trainer
from transformers import GPT2Config, GPT2Model

torch.manual_seed(0)
shape = GPT2Config(n_layer=2, n_embd=16, n_head=2, n_positions=32, vocab_size=50, bos_token_id=0, eos_token_id=0)
model = GPT2Model(shape).eval()
rows = torch.randint(0, 50, (64, 8)).tolist()
dataset = Dataset.from_dict({"input_ids": rows}).with_format("torch")


def trainer(name, optimizer):
    config = TrainConfig(
        SaeConfig(num_latents=64, k=4), batch_size=4, hookpoints=["h.0"], log_to_wandb=False, run_name=name,
        optimizer=optimizer, lr=1e-2, lr_warmup_steps=2,
    )
    return Trainer(config, dataset, model)


def encoder(name):
    return load_file(f"checkpoints/{name}/h.0/sae.safetensors")["encoder.weight"]


def shift(optimizer):
    """Return how far loading and saving moves the encoder, relative to how far training moved it."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        first = trainer("first", optimizer)
        start = first.saes["h.0"].encoder.weight.detach().clone()
        first.fit()
        again = trainer("again", optimizer)
        again.load_state("checkpoints/first")
        again.save()
    return ((encoder("again") - encoder("first")).norm() / (encoder("first") - start).norm()).item()


signum, adam = shift("signum"), shift("adam")
print(
    f"eai-sparsify {version('eai-sparsify')}: loading and saving moves the encoder, relative to 16 steps of training, by "
    f"{signum:.3f} with signum (the default), by {adam:.3f} with adam"
)
assert adam == 0, "adam's checkpoint changes too"
assert signum > 0.01, "the checkpoint of signum stays as it is now"
PYTHON
