#!/usr/bin/env bash
# inseq 0.7.1: the step score "perplexity" of a model that gives each of 100 tokens the same probability is 24.3.
#
# Expected: "if we have a perplexity of 100, it means that whenever the model is trying to guess the next word it is as
# confused as if it had to pick between 100 words", so 100 here: the exponential of the cross entropy.
# Found: it is 2 to the power of the cross entropy, which PyTorch counts in nats. Perplexities come out as their power
# of .69: 10 becomes 4.9 and 1000 becomes 120, so they cannot be compared with those of other tools, and tokens that
# surprise a model stand out less. The step scores "probability" and "entropy" of the same tokens are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 "numpy<2" \
    transformers==4.57.3 inseq==0.7.1
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import math
from importlib.metadata import version

import inseq
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

found = {}
print(f"inseq {version('inseq')}: scores of a model that gives each token the same probability, by number of tokens")
for count in (10, 100, 1000):
    words = {f"w{number}": number for number in range(count)}
    inner = Tokenizer(models.WordLevel(words, unk_token="w2"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = {"unk_token": "w2", "pad_token": "w1", "bos_token": "w1", "eos_token": "w1"}
    PreTrainedTokenizerFast(tokenizer_object=inner, model_max_length=32, **special).save_pretrained("tiny")
    model = GPT2LMHeadModel(
        GPT2Config(n_layer=1, n_embd=8, n_head=2, vocab_size=count, n_positions=32, bos_token_id=1, eos_token_id=1)
    )
    for weight in model.parameters():
        weight.data.zero_()
    model.save_pretrained("tiny")
    result = inseq.load_model("tiny", "saliency").attribute(
        ["w4 w7 w3", "w4 w5 w6"], generation_args={"max_new_tokens": 2}, show_progress=False,
        step_scores=["probability", "entropy", "perplexity"],
    )
    scores = result.sequence_attributions[0].step_scores
    probability, entropy, perplexity = (
        scores[name][-1].item() for name in ("probability", "entropy", "perplexity")
    )
    found[count] = perplexity
    print(f"{count}: probability {probability:.4f}, exp(entropy) {math.exp(entropy):.1f}, perplexity {perplexity:.1f}")
    assert abs(probability * count - 1) < 1e-3 and abs(math.exp(entropy) / count - 1) < 1e-3
    assert abs(perplexity / 2 ** math.log(count) - 1) < 1e-3, "the perplexity is right now"
assert found[100] < 25
PYTHON
