#!/usr/bin/env bash
# eai-sparsify 1.3.3: the AuxK loss, which is there to revive dead latents, has no gradient for the encoder.
#
# Expected: as in Gao et al. 2024 (arXiv 2406.04093, appendix A.2), the error is reconstructed from dead latents
# and the loss is passed back through them, so that their encoder rows move until they are active again.
# Found: the fused encoder's backward pass ignores the gradient of `pre_acts`, from which AuxK (and Multi-TopK)
# takes its values. `pre_acts` says requires_grad, and the gradient is exactly zero: only W_dec moves, and
# nothing moves the encoder's row of a latent that is never among the top k.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0
pip eai-sparsify==1.3.3 transformers==5.24.0 datasets==5.2.0 accelerate==1.15.0 schedulefree==1.4.1
SPARSIFY_DISABLE_TRITON=1 "$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import torch
from sparsify import SparseCoder, SparseCoderConfig

torch.manual_seed(0)
x = torch.randn(512, 16)
sae = SparseCoder(16, SparseCoderConfig(num_latents=64, k=4))
dead = torch.zeros(64, dtype=torch.bool)
dead[:20] = True
sae.encoder.bias.data[dead] = -10  # never among the top 4, and far below zero for these rows
sae.encoder.bias.data[:10] = 0.5  # these ten could be active: the mask alone calls them dead


def moved(loss):
    sae.zero_grad()
    loss.backward()
    return sorted(name for name, one in sae.named_parameters() if one.grad is not None and one.grad.any())


auxk, fvu = moved(sae(x, dead_mask=dead).auxk_loss), moved(sae(x).fvu)
print(f"eai-sparsify {version('eai-sparsify')}: AuxK moves {auxk}, FVU moves {fvu}")
assert sae.encode(x).pre_acts[:, :10].gt(0).any(), "none of the latents in the mask has a positive activation"
assert "encoder.weight" in fvu, "the reconstruction does not train the encoder either"
assert auxk == ["W_dec"], "AuxK trains the encoder now"
PYTHON
