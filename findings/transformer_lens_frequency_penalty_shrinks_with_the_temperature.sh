#!/usr/bin/env bash
# transformer-lens 3.9.0: freq_penalty of generate does less the lower the temperature, and nothing at temperature 0.
#
# Expected: a penalty per occurrence that is "applied to the logits before sampling", so at temperature 0 the largest
# penalized logit is taken, as it is with repetition_penalty.
# Found: greedy sampling returns before the penalty is looked at, and otherwise it is subtracted after the logits were
# divided by the temperature, so a penalty of 1 at temperature 0.01 is one of 0.01 in logits. A model that loops at
# temperature 0 loops on with any freq_penalty, without a warning.
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
from transformer_lens.utilities import sample_logits

torch.manual_seed(0)
logits, before = torch.tensor([[2.0, 1.9, 0.0]]), torch.tensor([[0, 0, 0]])  # token 0 has come three times
found = {}
for temperature in (0.0, 0.01, 1e-6):
    settings = {"temperature": temperature, "freq_penalty": 1.0, "tokens": before}
    samples = [sample_logits(logits.clone(), **settings).item() for _ in range(200)]
    found[temperature] = sum(token == 0 for token in samples) / len(samples)
repetition = sample_logits(logits.clone(), temperature=0.0, repetition_penalty=2.0, tokens=before).item()
print(f"transformer-lens {version('transformer-lens')}: logits 2, 1.9 and 0, penalized -1, 1.9 and 0")
print("share of token 0, by temperature:", found, "; repetition_penalty at temperature 0 takes token", repetition)
assert repetition == 1
assert found[0.0] == found[1e-6] == 1 and found[0.01] > 0.9, "the penalty is applied before the temperature now"

model = HookedTransformer(
    HookedTransformerConfig(
        n_layers=1, d_model=16, n_ctx=32, d_head=8, n_heads=2, d_vocab=20, act_fn="gelu", seed=0, device="cpu"
    )
)
settings = {"max_new_tokens": 12, "temperature": 0.0, "stop_at_eos": False, "verbose": False}
plain, penalized = (
    model.generate(before, freq_penalty=penalty, **settings)[0, 3:].tolist() for penalty in (0.0, 1000.0)
)
print("greedy tokens without a penalty:", plain, "and with one of 1000:", penalized)
assert plain == penalized and len(set(plain)) < len(plain), "greedy generation has the penalty now"
PYTHON
