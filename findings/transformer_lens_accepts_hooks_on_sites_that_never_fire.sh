#!/usr/bin/env bash
# TransformerLens 4.3.0: TransformerBridge accepts a hook on a site that is listed but never fires.
#
# Expected: an error or a warning, as for an unknown name (KeyError) and for a site that is switched off
# (ValueError that names the switch).
# Found: of a GPT-2, `blocks.0.attn.qkv.hook_out` is in hook_dict and a hook on it is accepted, but q, k and v
# are computed apart, so it is never called: an ablation there leaves the logits as they are, without a word.
# A cache that is filtered by that name is empty.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0 numpy transformers==5.24.0 accelerate beartype datasets einops fancy-einsum jaxtyping \
    pandas protobuf rich sentencepiece "typeguard<5"
pip --no-deps transformer-lens==4.3.0
"$folder/venv/bin/python" -W error::UserWarning - <<'PYTHON'
from importlib.metadata import version

import torch
from transformer_lens.model_bridge.sources import build_bridge_from_module
from transformers import GPT2Config, GPT2LMHeadModel

torch.manual_seed(0)
config = GPT2Config(n_layer=2, n_embd=32, n_head=4, n_positions=32, vocab_size=50)
model = build_bridge_from_module(
    GPT2LMHeadModel(config).eval(), "GPT2LMHeadModel", hf_config=config
)
tokens = torch.randint(0, 50, (2, 6))
calls = []


def zero(x, hook):
    calls.append(hook.name)
    return torch.zeros_like(x)


with torch.no_grad():
    plain = model(tokens)
    changed = {}
    for site in ("blocks.0.attn.q.hook_out", "blocks.0.attn.qkv.hook_out"):
        assert site in model.hook_dict
        logits = model.run_with_hooks(tokens, fwd_hooks=[(site, zero)])
        changed[site] = not torch.equal(logits, plain)
    _, cache = model.run_with_cache(tokens, names_filter="blocks.0.attn.qkv.hook_out")
print(f"transformer-lens {version('transformer-lens')}: logits changed by zeros: {changed}; called: {calls}")
assert changed["blocks.0.attn.q.hook_out"], "zeros at q change nothing either"
assert not changed["blocks.0.attn.qkv.hook_out"] and len(cache) == 0, "the site fires now"
for site, kind in (("blocks.0.attn.nothing", KeyError), ("blocks.0.hook_q_input", ValueError)):
    try:
        model.run_with_hooks(tokens, fwd_hooks=[(site, zero)])
    except kind:
        continue
    raise AssertionError(f"{site} no longer gives a {kind.__name__}")
PYTHON
