#!/usr/bin/env bash
# transformer-lens 3.9.0: run_with_cache(pos_slice=-1) keeps the last head at all positions, instead of the last
# position of all heads, for rotated queries and keys and for the inputs that are split by head.
#
# Expected: the slice is applied to positions, wherever an activation has them, as it is for hook_q, hook_k and
# hook_z.
# Found: which dimension holds the positions is told from the end of the name. hook_rot_q and hook_rot_k (rotary
# models: Pythia, Llama, Gemma), hook_q_input, hook_k_input and hook_v_input are not in the list, and the dimension of
# heads is sliced. With 6 positions and 6 heads the shape gives no sign of it. 4.3.0 slices hook_rot_q and hook_rot_k
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

HEADS = POSITIONS = 6
model = HookedTransformer(
    HookedTransformerConfig(
        n_layers=1, d_model=24, n_ctx=32, d_head=4, n_heads=HEADS, d_vocab=50, act_fn="gelu", seed=0, device="cpu",
        positional_embedding_type="rotary", rotary_dim=4,
    )
)
model.set_use_split_qkv_input(True)
tokens = torch.randint(0, 50, (2, POSITIONS))
with torch.no_grad():
    _, whole = model.run_with_cache(tokens)
    _, sliced = model.run_with_cache(tokens, pos_slice=-1)
found = {}
for name in ("attn.hook_q", "attn.hook_k", "attn.hook_z", "attn.hook_rot_q", "attn.hook_rot_k", "hook_q_input"):
    full, part = whole[f"blocks.0.{name}"], sliced[f"blocks.0.{name}"]
    assert full.shape[1:3] == (POSITIONS, HEADS)
    position = part.shape == full[:, -1:].shape and torch.equal(part, full[:, -1:])
    head = part.shape == full[:, :, -1:].shape and torch.equal(part, full[:, :, -1:])
    found[name] = "the last position" if position else "the last head" if head else "something else"
print(f"transformer-lens {version('transformer-lens')}, pos_slice=-1 keeps:", found)
assert all(found[name] == "the last position" for name in ("attn.hook_q", "attn.hook_k", "attn.hook_z"))
assert all(found[name] == "the last head" for name in ("attn.hook_rot_q", "attn.hook_rot_k", "hook_q_input"))
PYTHON
