#!/usr/bin/env bash
# steering-vectors 0.12.2: with min_token_index = 1 or more, a steering vector is not added at the tokens that are
# generated, as long as the cache of keys and values is on, which is the default.
#
# Expected: "the minimum token index to apply the patch to", so with 1 everything but the first token is steered, as
# in one pass over the whole text, and generate gives the same greedy tokens with its cache as without it.
# Found: indices are counted from the start of what a layer gets, and with a cache each generated token comes alone,
# as index 0. So the prompt is steered and the continuation is not: the effect is far too weak, without a warning.
# With min_token_index = 0 (every token) both agree. Without the cache (use_cache=False) all later tokens are steered.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 "numpy<2" \
    transformers==4.57.3 steering-vectors==0.12.2
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import torch
from steering_vectors import SteeringVector
from transformers import LlamaConfig, LlamaForCausalLM

torch.manual_seed(0)
config = LlamaConfig(
    hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, vocab_size=200
)
model = LlamaForCausalLM(config).eval()
for weight in model.parameters():
    weight.data = torch.randn_like(weight) * 0.3
vector = SteeringVector({0: 3 * torch.randn(32)})
prompt = torch.randint(3, 200, (1, 5))
steps = []


def generated(first, cached):
    """Return 8 greedy tokens, and at how many positions the vector was added for all of them together."""
    added = []

    def counted(activation, delta):
        added.append(activation.shape[1] - min(first, activation.shape[1]))
        return delta

    with vector.apply(model, min_token_index=first, operator=counted):
        tokens = model.generate(
            prompt, max_new_tokens=8, do_sample=False, use_cache=cached, eos_token_id=None, pad_token_id=0
        )
    return tokens[0, 5:].tolist(), added


print(f"steering-vectors {version('steering-vectors')}")
same = {}
for first in (0, 1):
    (with_cache, steered), (without, _) = generated(first, True), generated(first, False)
    same[first] = with_cache == without
    print(f"from token {first}: the same tokens with the cache as without: {same[first]}; steered per step: {steered}")
assert same[0], "the cache changes the tokens even when all of them are steered"
assert not same[1], "generated tokens are steered with the cache too"
PYTHON
