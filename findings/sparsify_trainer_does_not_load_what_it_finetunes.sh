#!/usr/bin/env bash
# eai-sparsify 1.3.3: TrainConfig(finetune=...) given to Trainer loads nothing, so training starts from random
# weights, and without the centered biases that it has otherwise.
#
# Expected: as its documentation says, finetune names a checkpoint from which the coders start.
# Found: only the command line loads it. Trainer reads the setting for one purpose, not to overwrite the loaded
# biases with the mean of the first batch. From Python the coder is then random and not centered: a folder that
# does not exist gives the same weights, without an error.
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
from datasets import Dataset
from sparsify import SaeConfig, TrainConfig, Trainer
from transformers import GPT2Config, GPT2Model

torch.manual_seed(0)
shape = GPT2Config(n_layer=2, n_embd=16, n_head=2, n_positions=32, vocab_size=50, bos_token_id=0, eos_token_id=0)
model = GPT2Model(shape).eval()
rows = torch.randint(0, 50, (64, 8)).tolist()
dataset = Dataset.from_dict({"input_ids": rows}).with_format("torch")


def start_and_end(name, **more):
    """Return the encoder before training and b_dec after it."""
    config = TrainConfig(
        SaeConfig(num_latents=64, k=4), batch_size=4, hookpoints=["h.0"], log_to_wandb=False, run_name=name, **more
    )
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        trainer = Trainer(config, dataset, model)
        encoder = trainer.saes["h.0"].encoder.weight.detach().clone()
        trainer.fit()
    return encoder, trainer.saes["h.0"]


_, first = start_and_end("first")
plain, _ = start_and_end("plain", init_seeds=[1])
encoder, tuned = start_and_end("tuned", init_seeds=[1], finetune="checkpoints/first")
nowhere, from_nothing = start_and_end("nowhere", init_seeds=[1], finetune="checkpoints/no_such_run")
print(
    f"eai-sparsify {version('eai-sparsify')}: with finetune the encoder starts as the checkpoint's "
    f"{torch.equal(encoder, first.encoder.weight)}, as a random one {torch.equal(encoder, plain)}; a folder that does not "
    f"exist gives the same coder {torch.equal(tuned.W_dec, from_nothing.W_dec)}"
)
assert torch.equal(encoder, plain) and not torch.equal(encoder, first.encoder.weight), "finetune loads the checkpoint now"
assert torch.equal(tuned.W_dec, from_nothing.W_dec) and torch.equal(tuned.b_dec, from_nothing.b_dec)
PYTHON
