#!/usr/bin/env bash
# pyvene 0.1.8: running a model with interventions removes all hooks from it, those of other code included.
#
# Expected: hooks that pyvene did not register stay, as they do when a model is only wrapped.
# Found: each call clears the forward and pre-forward hooks of every module first. A hook that records activations sees
# neither the intervened run nor any later run of the plain model, and no error or warning tells of it: a list of
# activations that is filled by it just ends. The same happens to hooks that steer or count.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0 numpy transformers==5.24.0 matplotlib
pip --no-deps pyvene==0.1.8
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import torch
from pyvene import CollectIntervention, IntervenableModel
from transformers import GPT2Config, GPT2LMHeadModel

torch.manual_seed(0)
model = GPT2LMHeadModel(
    GPT2Config(n_layer=2, n_embd=16, n_head=2, vocab_size=30, n_positions=16, bos_token_id=0, eos_token_id=0)
).eval()
block, seen = model.transformer.h[0], []
block.register_forward_hook(lambda module, inputs, output: seen.append("after"))
block.register_forward_pre_hook(lambda module, inputs: seen.append("before"))
tokens = {"input_ids": torch.randint(0, 30, (1, 6))}
wrapped = IntervenableModel(
    {"layer": 1, "component": "block_output", "intervention_type": CollectIntervention}, model=model
)
counts = []
for run in (lambda: model(**tokens), lambda: wrapped(tokens, unit_locations={"base": 0}), lambda: model(**tokens)):
    before = len(seen)
    run()
    counts.append(len(seen) - before)
print(
    f"pyvene {version('pyvene')}: calls of two hooks of our own: plain model, wrapped {counts[0]}; with a collecting "
    f"intervention on another layer {counts[1]}; plain model again {counts[2]}"
)
assert counts[0] == 2
assert counts[1:] == [0, 0] and not block._forward_hooks, "hooks of other code stay now"
PYTHON
