#!/usr/bin/env bash
# eai-delphi 0.1.3: examples that are centered on the strongest token show, at tokens of the window before, the
# activations of some other window.
#
# Expected: "it joins the contexts from the other windows of the same batch, to form a new context", so each token
# stands beside its own activation.
# Found: tokens are joined right. Activations of the neighbour are looked up with the wrong index of a pair (its row
# in the list of neighbours, not its row in the list of windows), so they come from any window that is in the list,
# often the example itself. With 200 windows, each with two active tokens, most examples that reach into the window
# before have a wrong value there. Explanations are then made from tokens that are marked as active and are not.
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
from delphi.latents.constructors import pool_centered_activation_windows

WINDOW, WINDOWS = 16, 200
torch.manual_seed(0)
tokens = torch.arange(WINDOW * WINDOWS).reshape(WINDOWS, WINDOW)  # each token is its own position in the text
true = torch.zeros(WINDOW * WINDOWS)
starts = torch.arange(WINDOWS) * WINDOW
true[starts + 1] = 5 + torch.rand(WINDOWS)  # the strongest token of each window, near its start
true[starts + WINDOW - 2] = 1 + torch.rand(WINDOWS)  # a weaker one near its end
active = true.nonzero().squeeze(1)
examples, activations = pool_centered_activation_windows(
    true[active], tokens, WINDOWS, active // WINDOW, active % WINDOW, WINDOW
)
expected = true[examples]
own = examples // WINDOW == examples[torch.arange(len(examples)), activations.argmax(1)][:, None] // WINDOW
wrong = activations != expected
print(
    f"eai-delphi {version('eai-delphi')}: {len(examples)} examples; with a wrong activation at a token of their own "
    f"window {(wrong & own).any(1).sum()}, of the window before {(wrong & ~own).any(1).sum()}"
)
place = int((wrong & ~own).any(1).nonzero()[0])
print("one of them, shown:", [round(one, 2) for one in activations[place].tolist()])
print("its true activations:", [round(one, 2) for one in expected[place].tolist()])
assert not (wrong & own).any()
assert (wrong & ~own).any(1).float().mean() > 0.9, "the activations belong to their tokens now"
PYTHON
