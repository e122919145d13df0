#!/usr/bin/env bash
# pyvene 0.1.8: when the examples of a batch have different subspaces of the same size, each example is intervened on
# in the subspaces of all examples.
#
# Expected: subspaces has a list for each example, so in a batch each example gets what it gets alone.
# Found: the lists become one index array, which is paired with positions and not with the dimension of examples. So
# all examples are intervened on in the union: here each of 3 examples in 6 dimensions instead of 2, and its logits
# are those of an intervention on these 6. There is no error and no warning. If all examples have the same subspace,
# or if the lists have different lengths, another path is taken and each example gets its own.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0 numpy transformers==5.24.0 matplotlib
pip --no-deps pyvene==0.1.8
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import pyvene
import torch
from transformers import GPT2Config, GPT2LMHeadModel

torch.manual_seed(0)
config = GPT2Config(
    n_layer=2, n_embd=8, n_head=2, n_positions=32, vocab_size=50, bos_token_id=0, eos_token_id=0
)
plain = GPT2LMHeadModel(config).eval()
for weight in plain.parameters():
    weight.data = torch.randn_like(weight) / 2
site = {"layer": 0, "component": "block_output", "unit": "pos", "max_number_of_units": 1}
model = pyvene.IntervenableModel(
    pyvene.IntervenableConfig([site], intervention_types=pyvene.VanillaIntervention), plain
)
base, source = torch.randint(0, 50, (2, 3, 5))


def logits(rows, subspaces):
    """Return the logits of these examples after an interchange of the last position in their subspaces."""
    with torch.no_grad():
        _, found = model(
            {"input_ids": base[rows]}, [{"input_ids": source[rows]}], {"sources->base": 4}, subspaces=[subspaces]
        )
    return found.logits


def agreement(subspaces):
    """Return per example whether the batch gives what the example gives: (alone, alone in the union)."""
    union = sorted({place for one in subspaces for place in one})
    batch = logits(slice(0, 3), subspaces)
    return [
        tuple(
            torch.allclose(batch[row], logits(slice(row, row + 1), [one])[0], atol=1e-5)
            for one in (subspaces[row], union)
        )
        for row in range(3)
    ]


same, different, ragged = (
    agreement(one)
    for one in ([[0, 1], [0, 1], [0, 1]], [[0, 1], [4, 5], [2, 7]], [[0, 1], [4, 5, 6], [2]])
)
print(f"pyvene {version('pyvene')}: the batch gives what the example gives (alone, alone in the union of subspaces)")
print(f"the same subspace: {same}\ndifferent ones: {different}\nof different sizes: {ragged}")
assert all(alone for alone, _ in same) and all(alone for alone, _ in ragged)
assert different == [(False, True)] * 3, "each example gets its own subspace now"
PYTHON
