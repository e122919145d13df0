#!/usr/bin/env bash
# TransformerLens 4.3.0: for a Gemma 2, get_full_resid_decomposition returns head and neuron results that do not add
# up to the residual stream, because the norms after attention and MLP are left out.
#
# Expected: as documented, it "decomposes the residual stream", and "attn_out for a layer is the sum of head results
# plus b_O", as for models without these norms, or an error.
# Found: Gemma 2 applies a norm to the output of each attention and MLP layer before it is added to the residual
# stream. A head's result is what goes into that norm, in other units and without its weight. The sum is far from the
# residual stream, and heads and neurons are compared with embeddings as if they were in the same units. Nothing
# warns, in compatibility mode either. decompose_resid, which takes whole layers, adds up.
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
from transformers import Gemma2Config, Gemma2ForCausalLM, LlamaConfig, LlamaForCausalLM

SIZES = dict(
    hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=8,
    intermediate_size=64, vocab_size=50,
)
tokens = torch.randint(3, 50, (2, 6), generator=torch.Generator().manual_seed(0))


def errors(name, kind, config):
    """Return how far two decompositions are from the last residual stream, as a share of its norm."""
    torch.manual_seed(0)
    plain = kind(config).eval()
    for weight in plain.parameters():
        weight.data = torch.randn_like(weight) * 0.3
    model = build_bridge_from_module(plain, name, hf_config=config)
    model.enable_compatibility_mode()
    with torch.no_grad():
        _, cache = model.run_with_cache(tokens)
        last = cache["blocks.1.hook_resid_post"]
        sums = {
            "whole layers": cache.decompose_resid().sum(0),
            "heads and neurons": cache.get_full_resid_decomposition().sum(0),
        }
    return {key: ((total - last).norm() / last.norm()).item() for key, total in sums.items()}


gemma = errors("Gemma2ForCausalLM", Gemma2ForCausalLM, Gemma2Config(query_pre_attn_scalar=8, **SIZES))
llama = errors("LlamaForCausalLM", LlamaForCausalLM, LlamaConfig(**SIZES))
print(f"transformer-lens {version('transformer-lens')}, errors of the sums as shares of the residual stream:")
for name, found in (("Gemma 2", gemma), ("Llama", llama)):
    print(f"{name}: {({key: round(value, 3) for key, value in found.items()})}")
assert max(llama.values()) < 1e-4 and gemma["whole layers"] < 1e-4, "other sums are wrong too"
assert gemma["heads and neurons"] > 0.5, "the heads and neurons of Gemma 2 add up now"
PYTHON
