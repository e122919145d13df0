#!/usr/bin/env bash
# sae-lens 6.54.12: after run_with_saes, a hook that was added to the model at the SAE's hook point is gone.
#
# Expected: run_with_saes leaves the model as it was, as its docstring says, with the hook that add_hook put there.
# Found: an SAE takes the place of the hook point, and when it is removed, a new, empty hook point is put there.
# The hook runs neither during the call nor after it, without a warning; reset_hooks has nothing left to remove.
# A hook at another point stays.
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
from importlib.metadata import version

import torch
from sae_lens import HookedSAETransformer, StandardSAE, StandardSAEConfig
from transformer_lens import HookedTransformerConfig

config = HookedTransformerConfig(
    n_layers=2, d_model=16, n_ctx=32, d_head=8, n_heads=2, d_vocab=50, act_fn="gelu", seed=0, device="cpu"
)
tokens = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8]])
sae = StandardSAE(StandardSAEConfig(d_in=16, d_sae=64))
sae.cfg.metadata.hook_name = "blocks.0.hook_resid_post"


def kept(point):
    """Return whether a hook that zeroes an activation still works after a call with an SAE."""
    model = HookedSAETransformer(config)
    clean = model(tokens)
    model.add_hook(point, lambda activation, hook: activation * 0)
    zeroed = model(tokens)
    assert not torch.equal(zeroed, clean)
    model.run_with_saes(tokens, saes=[sae])
    after = model(tokens)
    assert torch.equal(after, zeroed) or torch.equal(after, clean)
    return torch.equal(after, zeroed)


there, elsewhere = kept("blocks.0.hook_resid_post"), kept("blocks.1.hook_resid_post")
print(f"sae-lens {version('sae-lens')}: the hook is kept at the SAE's point {there}, at another {elsewhere}")
assert elsewhere, "hooks are lost everywhere"
assert not there, "the hook at the SAE's point is kept now"
PYTHON
