#!/usr/bin/env bash
# sae-lens 6.54.12: a checkpoint from the middle of a training with normalize_activations loads as an SAE that takes
# its input as it is, although its weights are for scaled or whitened activations.
#
# Expected: SAE.load_from_disk gives an SAE for the model's activations, as it does for the last checkpoint of the
# same training, or says that it does not.
# Found: until training ends the statistics are in activation_scaler.json (and activation_whitening.safetensors)
# beside the weights, and only the trainer reads them. The loaded SAE says "expected_average_only_in" or
# "covariance_whitening" in its config and does nothing about it. Compared with the scaler of the same folder applied
# by hand, 20 times as much of the variance stays unexplained here, or far more than all of it if whitened. The last
# checkpoint has the statistics in its weights, so curves over checkpoints show a jump at their end.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0 transformers==5.24.0 datasets==5.2.0 pyarrow==25.0.1 einops fancy-einsum better-abc rich pandas \
    jaxtyping==0.3.11 beartype==0.23.1 typeguard==4.6.1 sentencepiece wandb accelerate tqdm typing-extensions \
    safetensors simple-parsing python-dotenv pyyaml requests nltk plotly plotly-express tenacity scipy statsmodels
pip --no-deps transformer-lens==3.9.0 sae-lens==6.54.12
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import pathlib
import tempfile
from importlib.metadata import version

import torch
from sae_lens import SAE, StandardTrainingSAE, StandardTrainingSAEConfig
from sae_lens.config import SAETrainerConfig
from sae_lens.training.activation_scaler import ActivationScaler
from sae_lens.training.sae_trainer import SAETrainer

WIDTH, BATCH = 16, 512
torch.manual_seed(0)
directions, middle = 20 * torch.randn(8, WIDTH), 50 * torch.randn(WIDTH)


def activations():
    draw = torch.Generator().manual_seed(1)
    while True:
        active = torch.rand(BATCH, 8, generator=draw) < 0.3
        yield (torch.rand(BATCH, 8, generator=draw) * active) @ directions + middle


def unexplained(folder, scaled):
    """Return the share of variance that a checkpoint leaves, as it is loaded or with the scaler of its folder."""
    sae, scaler, x = SAE.load_from_disk(folder), ActivationScaler(), next(activations())
    if scaled:
        scaler.load(folder / "activation_scaler.json")
    with torch.no_grad():
        found = scaler.unscale(sae(scaler.scale(x)))
    return ((x - found).pow(2).sum() / (x - x.mean(0)).pow(2).sum()).item()


print(f"sae-lens {version('sae-lens')}: share of variance not explained, as loaded, and with the folder's scaler")
for kind in ("expected_average_only_in", "covariance_whitening"):
    torch.manual_seed(0)
    sae = StandardTrainingSAE(
        StandardTrainingSAEConfig(d_in=WIDTH, d_sae=32, normalize_activations=kind, l1_coefficient=0.01)
    )
    with tempfile.TemporaryDirectory() as name:
        config = SAETrainerConfig(
            total_training_samples=BATCH * 800, train_batch_size_samples=BATCH, lr=3e-3, lr_end=3e-4, n_checkpoints=1,
            checkpoint_path=name, save_final_checkpoint=True, n_batches_for_norm_estimate=20,
        )
        SAETrainer(cfg=config, sae=sae, data_provider=activations()).fit()
        within, last = sorted(pathlib.Path(name).iterdir())
        loaded, by_hand, final = unexplained(within, False), unexplained(within, True), unexplained(last, False)
    print(f"{kind}: in the middle {loaded:.4f}, {by_hand:.4f}; at the end {final:.4f}")
    assert max(by_hand, final) < 0.02, "the SAE is bad in any case"
    assert loaded > 5 * by_hand, "the checkpoint is loaded with its scale"
PYTHON
