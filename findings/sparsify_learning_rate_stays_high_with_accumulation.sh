#!/usr/bin/env bash
# eai-sparsify 1.3.3: with grad_acc_steps = 4 the learning rate of Adam ends at three quarters of its peak, not at
# zero.
#
# Expected: the linear schedule falls to zero by the end of the data, whatever the accumulation, as with
# grad_acc_steps = 1.
# Found: the schedule is made for the number of batches and advances once per optimizer step, of which there are
# four times fewer. The warm-up is counted in optimizer steps too, and so takes four times more batches. So
# accumulation, which is there to save memory, changes the schedule.
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


PEAK = 1e-3


def last_rate(accumulated):
    config = TrainConfig(
        SaeConfig(num_latents=64, k=4), batch_size=4, hookpoints=["h.0"], log_to_wandb=False, optimizer="adam", lr=PEAK,
        lr_warmup_steps=0, grad_acc_steps=accumulated,
    )
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        trainer = Trainer(config, dataset, model)
        trainer.fit()
    return trainer.optimizers[0].param_groups[0]["lr"] / PEAK


rates = {accumulated: last_rate(accumulated) for accumulated in (1, 2, 4)}
print(f"eai-sparsify {version('eai-sparsify')}: the last learning rate, relative to its peak, by grad_acc_steps: {rates}")
assert abs(rates[1]) < 1e-9, "without accumulation it does not end at zero either"
assert abs(rates[2] - 0.5) < 1e-6 and abs(rates[4] - 0.75) < 1e-6, "it ends elsewhere now"
PYTHON
