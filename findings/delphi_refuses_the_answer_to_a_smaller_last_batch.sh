#!/usr/bin/env bash
# eai-delphi 0.1.3: when the number of examples is not a multiple of n_examples_shown, the answer to the last, smaller
# batch is refused because it has as many entries as examples were shown.
#
# Expected: an answer is read when it has one entry for each example of its batch.
# Found: it must have n_examples_shown entries, also where the prompt showed fewer. A judge that is always right gets
# None for the two examples that are left of 12 with 5 per prompt, and its answer is logged as "Parsing selections
# failed". A judge that answers with five entries for two examples is read. The examples are shuffled, so which ones
# are lost is chance, and failed_count does not show it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0 numpy transformers==5.24.0 safetensors orjson simple-parsing jaxtyping faiss-cpu \
    sentence-transformers blobfile asyncer openai httpx aiofiles tiktoken beartype scikit-learn pandas
pip --no-deps eai-delphi==0.1.3
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import re
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
import torch
from delphi.clients.client import Client, Response
from delphi.latents.latents import ActivatingExample, Latent, LatentRecord, NonActivatingExample
from delphi.scorers.classifier.detection import DetectionScorer

SHOWN = 5


class Judge(Client):
    """Answers rightly: the first word of each example says whether the latent is active."""

    def __init__(self, padded):
        super().__init__("judge")
        self.padded, self.batches = padded, []

    async def generate(self, prompt, **options):
        words = re.findall(r"Example \d+: (\w+)", prompt[-1]["content"])
        self.batches.append(len(words))
        answers = [int(word == "active") for word in words]
        return Response(text=str(answers + [0] * (SHOWN - len(answers)) if self.padded else answers))


def record():
    """Return a latent with 6 examples on which it is active and 6 on which it is not."""
    of = {"tokens": torch.zeros(2, dtype=torch.long)}
    found = LatentRecord(latent=Latent("layers.0", 0), explanation="the word active")
    found.test = [
        ActivatingExample(**of, activations=torch.ones(2), str_tokens=["active", " text"], quantile=0) for _ in range(6)
    ]
    found.not_active = [
        NonActivatingExample(**of, activations=torch.zeros(2), str_tokens=["quiet", " text"], distance=0.0)
        for _ in range(6)
    ]
    return found


print(f"eai-delphi {version('eai-delphi')}")
unread = {}
for padded in (False, True):
    judge = Judge(padded)
    outputs = DetectionScorer(judge, n_examples_shown=SHOWN, verbose=False).call_sync(record()).score
    unread[padded] = sum(one.prediction is None for one in outputs)
    right = sum(bool(one.correct) for one in outputs)
    print(f"batches of {judge.batches}, filled up to {SHOWN}: {padded}; right {right}, not read {unread[padded]}")
assert unread[True] == 0
assert unread[False] == 2, "the answer to the last batch is read now"
PYTHON
