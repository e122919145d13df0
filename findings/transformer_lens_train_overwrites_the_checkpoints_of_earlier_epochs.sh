#!/usr/bin/env bash
# transformer-lens 3.9.0: train keeps the checkpoints of the last epoch only: each epoch writes over those of the one
# before.
#
# Expected: save_every says "after how many batches should a checkpoint be saved", so 3 epochs of 8 batches, saved
# every 4, leave 6 checkpoints, by which the training can be followed.
# Found: files are named by the number of the batch within its epoch, which starts again at 0. Two files are left, both
# of the third epoch, and model_0.pt, which reads like the untrained model, is the one after 17 steps.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0 transformers==5.24.0 datasets==5.2.0 pyarrow==25.0.1 einops fancy-einsum better-abc rich pandas \
    jaxtyping==0.3.11 beartype==0.23.1 typeguard==4.6.1 sentencepiece wandb accelerate tqdm typing-extensions
pip --no-deps transformer-lens==3.9.0
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version
from pathlib import Path

import torch
from transformer_lens import HookedTransformer, HookedTransformerConfig
from transformer_lens.train import HookedTransformerTrainConfig, train

torch.manual_seed(0)
rows = torch.randint(0, 20, (32, 8))
config = HookedTransformerConfig(
    n_layers=1, d_model=16, n_ctx=8, d_head=8, n_heads=2, d_vocab=20, act_fn="gelu", seed=0, device="cpu"
)


def trained(epochs, folder):
    """Train for some epochs of 8 batches, and return the names of the checkpoints and the weights of model_0.pt."""
    Path(folder).mkdir()
    settings = HookedTransformerTrainConfig(
        num_epochs=epochs, batch_size=4, save_every=4, save_dir=folder, print_every=None, seed=0, device="cpu"
    )
    train(HookedTransformer(config), settings, [{"tokens": row} for row in rows])
    return sorted(path.name for path in Path(folder).iterdir()), torch.load(f"{folder}/model_0.pt")["embed.W_E"]


untrained = HookedTransformer(config).W_E
(_, first), (names, last) = trained(1, "one"), trained(3, "three")
moved = [(weights - untrained).abs().mean().item() for weights in (first, last)]
print(f"transformer-lens {version('transformer-lens')}, 3 epochs of 8 batches, a checkpoint every 4 batches: {names}")
print(f"mean change of the embedding in model_0.pt: {moved[0]:.5f} after 1 epoch, {moved[1]:.5f} after 3")
assert names == ["model_0.pt", "model_4.pt"], "all epochs keep their checkpoints now"
assert moved[1] > 5 * moved[0]
PYTHON
