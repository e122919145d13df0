#!/usr/bin/env bash
# eai-sparsify 1.3.3: with wandb_log_frequency = 10 the FVU that is logged, and by which save_best chooses, is a
# tenth of the FVU.
#
# Expected: the frequency says how often a number is logged, and the number is the mean over the steps since the
# last one, or that of the last step.
# Found: what is summed is divided by the frequency, but the sums are set to zero after every step, so each number
# is one step's FVU divided by the frequency. The trained weights are the same. Cross-entropy and KL are treated
# alike. Runs that were logged with other frequencies cannot be compared, and .06 looks like an excellent coder.
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


def trained(frequency):
    """Return the best FVU as the trainer has it, and the weights."""
    config = TrainConfig(
        SaeConfig(num_latents=64, k=4), batch_size=4, hookpoints=["h.0"], log_to_wandb=False, save_best=True,
        run_name=f"every_{frequency}", wandb_log_frequency=frequency,
    )
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        trainer = Trainer(config, dataset, model)
        trainer.fit()
    saved = torch.load(f"checkpoints/every_{frequency}/best/h.0/rank_0_state.pt")
    assert saved["best_loss"] == trainer.best_loss
    return trainer.best_loss["h.0"], trainer.saes["h.0"].W_dec.detach()


(each, weights), (tenth, same_weights) = trained(1), trained(10)
print(f"eai-sparsify {version('eai-sparsify')}: FVU {each:.4f} with wandb_log_frequency 1, {tenth:.4f} with 10")
assert torch.equal(weights, same_weights), "the frequency changes the training"
assert abs(each - 10 * tenth) < 1e-6, "the FVU does not depend on the frequency now"
PYTHON
