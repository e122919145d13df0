#!/usr/bin/env bash
# nnsight 0.8.1: an edit of GPT-2's position embeddings in one invoke of a trace changes the other invokes' results
# too, those before it and those after it.
#
# Expected: an invoke edits its own rows of the batch, as an edit of the token embeddings or of a layer does, so a
# clean and an edited run can share a trace, which is what invokes are for.
# Found: rows are taken from tensors whose first dimension is the size of the batch; any other tensor is given to each
# invoke whole. transformers computes position embeddings once for all rows, with a first dimension of 1. So the clean
# run, whose logits are saved in the first invoke, is an edited one: the difference between the two runs is that of
# two edited runs, without a warning. Rotary cos and sin, which have the same shape, are shared in the same way.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy transformers==5.24.0 \
    nnsight==0.8.1
cat > "$folder/invokes.py" <<'PYTHON'
import nnsight
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

torch.manual_seed(0)
words = ["<end>", *(f"w{number}" for number in range(49))]
inner = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="<end>"))
inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<end>", eos_token="<end>")
config = GPT2Config(
    n_layer=2, n_embd=16, n_head=2, n_positions=32, vocab_size=50, bos_token_id=0, eos_token_id=0
)
plain = GPT2LMHeadModel(config).eval()
for weight in plain.parameters():
    weight.data = torch.randn_like(weight) / 2
model = nnsight.LanguageModel(plain, tokenizer=tokenizer)
prompt = "w5 w6 w7"

with model.trace(prompt):
    alone = model.lm_head.output.save()

with model.trace() as tracer:
    with tracer.invoke(prompt):
        beside_positions = model.lm_head.output.save()
    with tracer.invoke(prompt):
        model.transformer.wpe.output = torch.zeros_like(model.transformer.wpe.output)
        edited = model.lm_head.output.save()

with model.trace() as tracer:
    with tracer.invoke(prompt):
        beside_tokens = model.lm_head.output.save()
    with tracer.invoke(prompt):
        model.transformer.wte.output = torch.zeros_like(model.transformer.wte.output)
        other = model.lm_head.output.save()

kept = [torch.allclose(alone, one, atol=1e-4) for one in (beside_tokens, beside_positions)]
print(f"nnsight {nnsight.__version__}: the clean invoke keeps its logits beside an edit of token embeddings {kept[0]}, "
      f"of position embeddings {kept[1]}")
print(f"largest difference of the clean from the edited invoke: {(beside_positions - edited).abs().max():.4f}")
assert kept[0] and not torch.allclose(alone, other, atol=1e-4)
assert not kept[1] and torch.allclose(beside_positions, edited, atol=1e-4), "only the second invoke is edited now"
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/invokes.py"
