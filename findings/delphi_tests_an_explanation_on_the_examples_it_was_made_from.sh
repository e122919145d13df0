#!/usr/bin/env bash
# eai-delphi 0.1.3: the examples with which an explanation is tested are drawn from the same pool as those that it was
# made from, with the same seed, so many are the same; with equal numbers all of them are.
#
# Expected: n_examples_test examples "for latent explanation testing" that the explainer has not seen.
# Found: both are drawn from all examples of the latent, and split_quantiles sets the same seed each time. With the
# defaults (40 to explain, 50 to test) and 200 examples, the fewest that are allowed, half of the 40 are tested again;
# with 40 and 40, the test examples are the 40 that the explainer saw, in the same order. Nothing warns.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0 numpy transformers==5.24.0 safetensors orjson simple-parsing jaxtyping faiss-cpu \
    sentence-transformers blobfile asyncer
pip --no-deps eai-delphi==0.1.3
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import torch
from delphi.config import SamplerConfig
from delphi.latents import ActivatingExample, Latent, LatentRecord, sampler
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

inner = Tokenizer(models.WordLevel({f"w{number}": number for number in range(1000)}, unk_token="w0"))
tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner)


def drawn(**options):
    """Return the numbers of the examples that the explainer gets, and of those that the scorer gets."""
    record = LatentRecord(latent=Latent("layers.0", 0))
    record.examples = [
        ActivatingExample(tokens=torch.full((4,), number), activations=torch.full((4,), 1 - number / 1000))
        for number in range(200)
    ]
    sampler(record, SamplerConfig(**options), tokenizer)
    return [[int(example.tokens[0]) for example in some] for some in (record.train, record.test)]


print(f"eai-delphi {version('eai-delphi')}")
seen, tested = drawn()
equal_seen, equal_tested = drawn(n_examples_test=40)
print(f"{len(tested)} tests: {len(set(seen) & set(tested))} of the {len(seen)} that were explained are among them")
print(f"40 tests: {len(set(equal_seen) & set(equal_tested))} of {len(equal_seen)}, in the same order: "
      f"{equal_seen == equal_tested}")
assert (len(seen), len(tested)) == (40, 50) and len(equal_seen) == 40
assert len(set(seen) & set(tested)) > 12, "tests are other examples now"
assert equal_seen == equal_tested, "tests are other examples now"
PYTHON
