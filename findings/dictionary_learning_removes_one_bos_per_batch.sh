#!/usr/bin/env bash
# dictionary-learning 0.1.0 with nnsight 0.3.7: ActivationBuffer(remove_bos=True) removes the BOS token of the
# longest text of each batch only; of all shorter texts it stays.
#
# Expected: no activation at a BOS token is in the buffer. They have unusual norms and would take a large part of
# the loss.
# Found: the buffer drops the first column of the batch. nnsight loads a tokenizer with padding on the left unless
# it is told otherwise, so the first column of a shorter text is padding, which the attention mask drops anyway.
# Nothing warns. With tokenizer.padding_side = "right" all BOS tokens are removed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0 numpy einops==0.8.2 transformers==5.23.0 accelerate==1.15.0 datasets==5.2.0 wandb==0.31.0 zstandard
pip nnsight==0.3.7
pip --no-deps dictionary-learning==0.1.0
cd "$folder"
HF_HUB_OFFLINE=1 "$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version
from itertools import cycle

import torch
from dictionary_learning import ActivationBuffer
from nnsight import LanguageModel
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

disable_progress_bar()
torch.manual_seed(0)
words = ["<eos>", "<bos>"] + [f"w{i}" for i in range(30)]
inner = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<eos>"))
inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
inner.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 1)])
PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<bos>", eos_token="<eos>").save_pretrained("model")
shape = GPTNeoXConfig(
    vocab_size=32, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
    max_position_embeddings=64, bos_token_id=1, eos_token_id=0,
)
GPTNeoXForCausalLM(shape).save_pretrained("model")
model = LanguageModel("model", device_map="cpu", dispatch=True)
bos = model.gpt_neox.embed_in.weight[1]
by_default = model.tokenizer.padding_side


def bos_kept(side):
    """Return how many of 100 activations in the buffer are those of BOS, of texts of 6 and of 3 words in turn."""
    model.tokenizer.padding_side = side
    texts = cycle(["w1 w2 w3 w4 w5 w6", "w7 w8 w9"])
    buffer = ActivationBuffer(
        texts, model, model.gpt_neox.embed_in, d_submodule=16, n_ctxs=10, ctx_len=10, refresh_batch_size=2,
        out_batch_size=4, remove_bos=True,
    )
    buffer.refresh()
    assert len(buffer.activations) == 100
    return int((buffer.activations == bos).all(-1).sum())


left, right = bos_kept("left"), bos_kept("right")
print(
    f"dictionary-learning {version('dictionary-learning')}, nnsight {version('nnsight')}, padding by default {by_default}: "
    f"of 100 activations {left} are of BOS with padding on the left, {right} with padding on the right"
)
assert by_default == "left", "the default side is another one now"
assert right == 0, "BOS tokens stay with padding on the right too"
assert left == 10, "another number of BOS tokens stays now"
PYTHON
