#!/usr/bin/env bash
# steering-vectors 0.12.2: apply takes no token_indices: each call that gives them fails with an UnboundLocalError,
# which hides the reason.
#
# Expected: "tokens to patch can be selected using either min_token_index or token_indices, but not both", so
# token_indices alone steers these tokens, as it does in patch_activations.
# Found: min_token_index is 0 by default in apply and None in patch_activations, which therefore takes it for both. Its
# message about that is lost as well: the clean-up of apply uses a handle that was never made. apply works with
# min_token_index=None beside token_indices, against its type.
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
config = LlamaConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, vocab_size=200)
model = LlamaForCausalLM(config).eval()
vector = SteeringVector({1: torch.randn(32)})
prompt = torch.randint(3, 200, (1, 5))


def steered(**options):
    """Return at which tokens of the prompt the logits change."""
    with torch.no_grad():
        plain = model(prompt).logits
        with vector.apply(model, **options):
            return ((model(prompt).logits - plain).abs().amax(-1)[0] > 1e-6).nonzero().squeeze(1).tolist()


print(f"steering-vectors {version('steering-vectors')}")
refused = 0
for indices in ([1, 2], slice(1, 3), torch.tensor([0, 1, 1, 0, 0])):
    changed = steered(min_token_index=None, token_indices=indices)
    print(f"token_indices={indices}: with min_token_index=None tokens {changed} are steered;", end=" ")
    try:
        print(f"alone {steered(token_indices=indices)}")
    except UnboundLocalError as error:
        refused += 1
        print(f"alone UnboundLocalError: {error}")
    assert changed == [1, 2]
assert refused == 3, "token_indices can be given alone now"
PYTHON
