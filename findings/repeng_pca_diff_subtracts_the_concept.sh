#!/usr/bin/env bash
# repeng 0.4.0: the default method of ControlVector.train, "pca_diff", subtracts what the pairs have in common, which
# is the concept, before it looks for a direction.
#
# Expected: the direction in which positive prompts differ from negative ones. If all pairs differ in the same word,
# that is close to the mean of their differences.
# Found: scikit-learn's PCA centers its data, and the data are the differences, all taken as positive minus negative.
# So their mean is removed, and the direction is the one in which pairs differ from each other. Its cosine with the
# mean difference is .2 to .5, and it sorts held-out pairs worse. "pca_center", whose data have both signs, gives .99.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 "numpy<2" \
    transformers==4.57.3 repeng==0.4.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import numpy as np
import torch
from repeng import ControlVector, DatasetEntry
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

words = ["<pad>", "<unk>", *(f"w{number}" for number in range(300)), "happy", "sad"]
inner = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="<unk>"))
inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<pad>", unk_token="<unk>")
torch.manual_seed(0)
config = LlamaConfig(
    hidden_size=64, num_hidden_layers=3, num_attention_heads=4, intermediate_size=128, vocab_size=len(words)
)
model = LlamaForCausalLM(config).eval()
for name, weight in model.named_parameters():
    weight.data = torch.randn_like(weight) * (1 if "embed" in name else 0.1)
    if "norm" in name:
        weight.data = 1 + 5 * weight
draw = np.random.default_rng(0)
texts = [" ".join(f"w{number}" for number in draw.integers(0, 300, 4)) for _ in range(200)]
pairs = [DatasetEntry(f"happy {text}", f"sad {text}") for text in texts]


def hidden(prompts):
    with torch.no_grad():
        states = model(**tokenizer(prompts, return_tensors="pt"), output_hidden_states=True).hidden_states
    return [state[:, -1].numpy() for state in states]


differences = [
    positive - negative
    for positive, negative in zip(hidden([one.positive for one in pairs]), hidden([one.negative for one in pairs]))
]
LAYER = 1
known, held_out = differences[LAYER + 1][:100], differences[LAYER + 1][100:]
mean = known.mean(0)
found = {}
for method in ("pca_diff", "pca_center"):
    direction = ControlVector.train(model, tokenizer, pairs[:100], method=method).directions[LAYER]
    cosine = direction @ mean / np.linalg.norm(direction) / np.linalg.norm(mean)
    found[method] = cosine, (held_out @ direction > 0).mean()
print(f"repeng {version('repeng')}: cosine with the mean difference, share of held-out pairs in the right order")
print(f"{({method: [round(float(one), 3) for one in both] for method, both in found.items()})}")
print(f"the mean difference itself: {(held_out @ mean > 0).mean():.3f}")
assert found["pca_center"][0] > 0.95 and found["pca_center"][1] == 1
assert found["pca_diff"][0] < 0.6 and found["pca_diff"][1] < 0.99, "pca_diff keeps the mean difference now"
PYTHON
