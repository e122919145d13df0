#!/usr/bin/env bash
# TransformerLens 4.3.0: for a TransformerBridge as it is loaded, ActivationCache.logit_attrs leaves out the weight of
# the last norm, so the attributions of all components do not add up to the logit difference.
#
# Expected: what each component "contributes" to the logits, as its docstring says, so that the contributions of all
# heads, MLPs and embeddings add up to the difference between the two logits of the model that was run.
# Found: each component is divided by the scale of the last norm and multiplied by the unembedding, without the norm's
# weight between the two. A bridge keeps that weight unless enable_compatibility_mode() folds it into the unembedding.
# Without it, the sum is another number and components change their order, without a warning there
# (tokens_to_residual_directions has one in its docstring). In compatibility mode the sum is the logit difference.
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
from transformers import LlamaConfig, LlamaForCausalLM

config = LlamaConfig(
    hidden_size=32, num_hidden_layers=2, num_attention_heads=4, head_dim=8, intermediate_size=64, vocab_size=50
)
tokens = torch.randint(3, 50, (3, 6), generator=torch.Generator().manual_seed(0))
rows, right, wrong = range(3), torch.tensor([3, 4, 5]), torch.tensor([6, 7, 8])


def attributed(folded):
    """Return the attributions per component and prompt, and the logit differences, at the last position."""
    torch.manual_seed(0)
    plain = LlamaForCausalLM(config).eval()
    for name, weight in plain.named_parameters():
        weight.data = torch.randn_like(weight) * 0.3 + (1 if "norm" in name else 0)
    model = build_bridge_from_module(plain, "LlamaForCausalLM", hf_config=config)
    if folded:
        model.enable_compatibility_mode()
    with torch.no_grad():
        logits, cache = model.run_with_cache(tokens)
        stack = cache.get_full_resid_decomposition(expand_neurons=False, pos_slice=-1)
        found = cache.logit_attrs(stack, tokens=right, incorrect_tokens=wrong, pos_slice=-1)
    return found, logits[rows, -1, right] - logits[rows, -1, wrong]


(loaded, difference), (folded, same) = attributed(False), attributed(True)
assert torch.allclose(difference, same, atol=1e-4)
print(f"transformer-lens {version('transformer-lens')}: logit differences {[f'{one:.3f}' for one in difference]}")
for name, found in (("as loaded", loaded), ("in compatibility mode", folded)):
    best = found.abs().argmax(0).tolist()
    print(f"sums of attributions {name}: {[f'{one:.3f}' for one in found.sum(0)]}; largest component {best}")
assert torch.allclose(folded.sum(0), difference, atol=1e-4), "the sums are wrong in compatibility mode too"
assert (loaded.sum(0) - difference).abs().max() > 0.3, "the sums are right without compatibility mode"
PYTHON
