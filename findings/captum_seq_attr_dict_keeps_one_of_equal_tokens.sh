#!/usr/bin/env bash
# captum 0.9.0: seq_attr_dict of an attribution to a language model's prompt has one entry for all tokens of the same
# text, with the value of the last one.
#
# Expected: all attributions of the prompt, so that the values of the dictionary add up to seq_attr.
# Found: the text of the token is the key. In "the cat saw the dog" the first "the" is gone, and with it the order and
# the total. A prompt with three commas shows the attribution of the last. The same holds for TextTemplateInput, where
# two segments are filled with the same word.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0 "numpy<2" transformers==4.57.3 matplotlib tqdm packaging pillow
pip --no-deps captum==0.9.0
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version
import torch
from captum.attr import FeatureAblation, LLMAttribution, TextTemplateInput, TextTokenInput
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

torch.manual_seed(0)
words = ["[unk]", "the", "cat", "saw", "dog", "a", "bird"]
inner = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[unk]"))
inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="[unk]")
config = GPT2Config(
    n_layer=1, n_embd=16, n_head=2, vocab_size=len(words), n_positions=16, bos_token_id=0, eos_token_id=0
)
model = GPT2LMHeadModel(config).eval()
for weight in model.parameters():
    weight.data = torch.randn_like(weight) * 0.5
attribution = LLMAttribution(FeatureAblation(model), tokenizer)
print(f"captum {version('captum')}")
for given in (
    TextTokenInput("the cat saw the dog", tokenizer),
    TextTemplateInput("the {} saw the {}", values=["cat", "cat"], baselines=["dog", "bird"]),
):
    result = attribution.attribute(given, target="a bird")
    values = [round(one, 4) for one in result.seq_attr.tolist()]
    found = {token: round(value, 4) for token, value in result.seq_attr_dict.items()}
    print("seq_attr", list(zip(result.input_tokens, values)), "seq_attr_dict", found)
    assert len(set(values)) == len(values) == len(result.input_tokens)
    assert len(found) == len(values) - 1 and values[0] not in found.values(), "equal tokens have entries of their own"
PYTHON
