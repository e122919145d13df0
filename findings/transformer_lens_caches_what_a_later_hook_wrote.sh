#!/usr/bin/env bash
# TransformerLens 4.3.0: a hook that writes into its activation changes what run_with_cache has already stored for
# sites before it.
#
# Expected: the cache has each activation as it was at its site, so a hook at the input of block 1 leaves the cached
# output of block 0 as it is; and a hook that writes in place does the same as one that returns a new tensor.
# Found: run_with_cache stores the tensor itself, not a copy. The output of block 0 and the input of block 1 are the
# same tensor, so after a hook that writes zeros into the second, the cache says that block 0 put out zeros, although
# its attention and MLP outputs and its middle, which are cached as they were, add up to something else. Writing in
# place is what the functions in transformer_lens.patching do. With a hook that returns a new tensor, the cache is
# right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0 numpy transformers==5.24.0 accelerate beartype datasets einops fancy-einsum jaxtyping \
    pandas protobuf rich sentencepiece "typeguard<5"
pip --no-deps transformer-lens==4.3.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import torch
from transformer_lens.model_bridge.sources import build_bridge_from_module
from transformers import GPT2Config, GPT2LMHeadModel

torch.manual_seed(0)
config = GPT2Config(n_layer=2, n_embd=32, n_head=4, n_positions=32, vocab_size=50)
model = build_bridge_from_module(GPT2LMHeadModel(config).eval(), "GPT2LMHeadModel", hf_config=config)
tokens = torch.randint(0, 50, (2, 6))


def written(activation, hook):
    activation[:] = 0
    return activation


def returned(activation, hook):
    return torch.zeros_like(activation)


with torch.no_grad():
    _, clean = model.run_with_cache(tokens)
    found, logits = {}, {}
    for hook in (written, returned):
        with model.hooks(fwd_hooks=[("blocks.1.hook_resid_pre", hook)]):
            logits[hook.__name__], cache = model.run_with_cache(tokens)
        assert cache["blocks.1.hook_resid_pre"].abs().max() == 0
        sum_of_parts = cache["blocks.0.hook_resid_mid"] + cache["blocks.0.hook_mlp_out"]
        assert torch.allclose(sum_of_parts, clean["blocks.0.hook_resid_post"], atol=1e-6)
        found[hook.__name__] = cache["blocks.0.hook_resid_post"].norm().item()
assert torch.equal(logits["written"], logits["returned"])
print(
    f"transformer-lens {version('transformer-lens')}: norm of block 0's output without a hook "
    f"{clean['blocks.0.hook_resid_post'].norm():.3f}, with zeros returned at block 1's input {found['returned']:.3f}, "
    f"with zeros written there {found['written']:.3f}"
)
assert found["returned"] > 0.1
assert found["written"] == 0, "the cache keeps what was at the site now"
PYTHON
