#!/usr/bin/env bash
# eai-delphi 0.1.3: the surprisal scorer computes the losses of the second batch of sentences, and of all later ones,
# with the sentences of the batches before in the context.
#
# Expected: the prompt with the explanation is kept as a cache of keys and values, and each sentence is read after it
# alone, so the same sentence has the same losses in each batch.
# Found: the model appends to the cache that it is given, as caches of transformers do, and the scorer passes the same
# one for each batch of ten. Sentence 1 of batch 2 is read after the prompt and sentence 1 of batch 1. Losses with and
# without the explanation both change with the order of the examples, which is random, and no error is raised.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0 numpy transformers==5.24.0 safetensors orjson simple-parsing jaxtyping faiss-cpu \
    sentence-transformers blobfile asyncer openai httpx aiofiles tiktoken beartype scikit-learn pandas
pip --no-deps eai-delphi==0.1.3
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version
from types import ModuleType

for name, attributes in {  # placeholders for the client of local models, which is not used here
    "vllm": ("LLM", "SamplingParams"),
    "vllm.distributed": (),
    "vllm.distributed.parallel_state": ("destroy_distributed_environment", "destroy_model_parallel"),
    "vllm.inputs": ("TokensPrompt",),
}.items():
    sys.modules[name] = ModuleType(name)
    vars(sys.modules[name]).update(dict.fromkeys(attributes, object))
from types import SimpleNamespace

import torch
from delphi.scorers.surprisal.surprisal import SurprisalScorer
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

words = ["[unk]", "[end]", *(f"w{number}" for number in range(60))]
inner = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[unk]"))
inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
torch.manual_seed(0)
model = LlamaForCausalLM(
    LlamaConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, vocab_size=len(words)
    )
).eval()
for weight in model.parameters():
    weight.data = torch.randn_like(weight) * 0.3
model.tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="[unk]", eos_token="[end]")
ten = [SimpleNamespace(text=" ".join(f"w{(7 * row + 3 * place) % 60}" for place in range(8))) for row in range(10)]
scorer = SurprisalScorer(model, verbose=False, batch_size=10)
prompt = "w1 w2 w3 w4"
losses = torch.tensor(scorer.compute_loss_with_kv_cache(prompt, ten + ten + ten, batch_size=10)).reshape(3, 10, -1)
alone = torch.tensor(scorer.compute_loss_with_kv_cache(prompt, ten, batch_size=10))
print(f"eai-delphi {version('eai-delphi')}: losses of the first of ten sentences, which come three times")
for number, batch in enumerate(losses, start=1):
    print(f"batch {number}:", [round(one, 2) for one in batch[0].tolist()])
assert torch.allclose(losses[0], alone, atol=1e-4)
different = [(batch - alone).abs().max(1).values.min().item() for batch in losses[1:]]
assert min(different) > 0.05, "each batch is read after the prompt alone now"
PYTHON
