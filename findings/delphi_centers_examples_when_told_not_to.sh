#!/usr/bin/env bash
# eai-delphi 0.1.3: center_examples does the opposite of what it says: True gives windows in which the activation can
# be anywhere, and False centers it.
#
# Expected: "If True, the examples will be centered on the latent activation. Otherwise, windows will be used, and the
# activating example can be anywhere" (ConstructorConfig).
# Found: the two branches are exchanged. With the default, True, the strongest token is wherever it falls in the fixed
# windows of the text. With False it is at three quarters of each window, with the text of the neighbouring windows
# around it, and examples of the first and last window of each row are dropped. So explanations from the default see
# latents that fire at the start of a window without anything before it.
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
from delphi.config import ConstructorConfig
from delphi.latents import Latent, LatentRecord, constructor
from delphi.latents.latents import ActivationData
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

WINDOW = 32
inner = Tokenizer(models.WordLevel({f"w{number}": number for number in range(1000)}, unk_token="w0"))
tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner)
torch.manual_seed(0)
tokens = torch.randint(0, 1000, (40, 4 * WINDOW))
rows = torch.arange(40)  # one active token in each row, in one of its four windows
places_in_row = rows % 4 * WINDOW + torch.randint(0, WINDOW, (40,))
data = ActivationData(torch.stack([rows, places_in_row, 0 * rows], dim=1), torch.rand(40) + 0.5)


def places(centered):
    """Return at which positions of the examples the strongest activation is, and how many examples there are."""
    config = ConstructorConfig(
        example_ctx_len=WINDOW, min_examples=10, n_non_activating=0, center_examples=centered
    )
    record = constructor(LatentRecord(latent=Latent("layers.0", 0)), data, config, tokens, tokenizer)
    found = [int(example.activations.argmax()) for example in record.examples]
    return sorted(set(found)), len(found)


(told, count), (not_told, fewer) = places(True), places(False)
print(f"eai-delphi {version('eai-delphi')}, 40 rows of 4 windows of {WINDOW} tokens")
print(f"center_examples=True: {count} examples, the activation is at {len(told)} different positions")
print(f"center_examples=False: {fewer} examples, the activation is at {not_told}")
assert len(told) > 10 and count == 40, "True centers the examples now"
assert not_told == [WINDOW - WINDOW // 4] and fewer == 20, "False does not center the examples now"
PYTHON
