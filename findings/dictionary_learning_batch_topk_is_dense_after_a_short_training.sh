#!/usr/bin/env bash
# dictionary-learning 0.1.0: a BatchTopKSAE that was trained for up to 1,000 steps keeps every positive latent.
#
# Expected: an SAE trained with k = 4 has about 4 active latents per token wherever it is loaded, or says that it
# has no threshold yet.
# Found: encode goes by a threshold, which is -1 until training passes threshold_start_step (1,000 by default). At
# -1 nothing is below it, so encode is a plain ReLU: here 25 of 64 latents, while the training counted 4. The
# saved file is the same kind of file; nothing warns. With an earlier threshold_start_step the L0 is near 4.
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
from dictionary_learning.trainers.batch_top_k import BatchTopKSAE, BatchTopKTrainer
from dictionary_learning.training import trainSAE

K, STEPS = 4, 300
x = torch.randn(4096, 16, generator=torch.Generator().manual_seed(0))


def trained(**more):
    """Return the loaded SAE's mean number of active latents per token, and its threshold."""
    config = {
        "trainer": BatchTopKTrainer, "steps": STEPS, "activation_dim": 16, "dict_size": 64, "k": K, "layer": 0,
        "lm_name": "none", "warmup_steps": 1, "lr": 1e-2, "seed": 0, "device": "cpu", **more,
    }
    batches = (x[64 * (i % 64) :][:64].clone() for i in range(STEPS + 1))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        trainSAE(batches, [config], steps=STEPS, save_dir="run", device="cpu")
    sae = BatchTopKSAE.from_pretrained("run/trainer_0/ae.pt")
    return (sae.encode(x) > 0).sum(-1).float().mean().item(), sae.threshold.item()


(by_default, none), (early, threshold) = trained(), trained(threshold_start_step=50)
print(
    f"dictionary-learning {version('dictionary-learning')}, k = {K}, {STEPS} steps: L0 {by_default:.1f} with threshold "
    f"{none:.2f}; with threshold_start_step=50 L0 {early:.1f} with threshold {threshold:.2f}"
)
assert none == -1 and by_default > 4 * K, "a short training has a threshold now"
assert abs(early - K) < 2, "with a threshold L0 is not near k either"
PYTHON
