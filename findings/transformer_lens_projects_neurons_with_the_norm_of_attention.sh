#!/usr/bin/env bash
# transformer-lens 3.9.0: get_full_resid_decomposition(mlp_input=True, apply_ln=True, project_output_onto=...) scales
# neurons by the norm before attention, and everything else by the norm before the MLP.
#
# Expected: the projection of what the same call returns without project_output_onto, which its documentation offers
# to save memory. The components add up to the projection of the MLP's normalized input.
# Found: the path that joins norm and projection always takes the scale of ln1. With mlp_input=True the other
# components are divided by the scale of ln2, so neurons are too large or too small by the ratio of the two at each
# position, and the sum is wrong, without a warning. Before attention (mlp_input=False) both ways agree. 4.3.0 has it
# right.
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

import torch
from transformer_lens import HookedTransformer, HookedTransformerConfig

model = HookedTransformer(
    HookedTransformerConfig(
        n_layers=2, d_model=16, n_ctx=32, d_head=8, n_heads=2, d_vocab=50, act_fn="gelu", normalization_type="LNPre",
        seed=0, device="cpu",
    )
)
torch.manual_seed(1)
for weight in model.parameters():
    weight.data = torch.randn_like(weight) / 2
tokens, direction = torch.randint(0, 50, (3, 6)), torch.randn(16)
with torch.no_grad():
    _, cache = model.run_with_cache(tokens)


def sums(mlp_input):
    """Return how far the sums of the components are from the projected input: (projected after, projected within)."""
    options = dict(layer=1, mlp_input=mlp_input, apply_ln=True)
    after = cache.get_full_resid_decomposition(**options) @ direction
    within = cache.get_full_resid_decomposition(**options, project_output_onto=direction)
    assert after.shape == within.shape
    exact = cache[f"blocks.1.ln{2 if mlp_input else 1}.hook_normalized"] @ direction
    return [(found.sum(0) - exact).abs().max().item() for found in (after, within)]


with torch.no_grad():
    mlp, attention = sums(True), sums(False)
print(
    f"transformer-lens {version('transformer-lens')}: largest errors of the sum at the MLP's input, projected after "
    f"{mlp[0]:.4f}, within {mlp[1]:.4f}; at attention's input {attention[0]:.4f}, {attention[1]:.4f}"
)
assert mlp[0] < 1e-4 and max(attention) < 1e-4, "other sums are wrong too"
assert mlp[1] > 0.1, "the projection within the call is right now"
PYTHON
