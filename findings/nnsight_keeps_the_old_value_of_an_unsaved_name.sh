#!/usr/bin/env bash
# nnsight 0.8.1: a name that is assigned in a trace without save() keeps the value that it had before.
#
# Expected: the new value, or the NameError that a name without an earlier value gives after the block.
# Found: no error and no warning. In a loop over prompts, every turn after one that saved reads the
# activations of an earlier prompt; in a notebook, a cell that lost its save() shows the last cell's result.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy transformers==5.24.0 nnsight==0.8.1
cat > "$folder/trace.py" <<'PYTHON'
import nnsight
import torch

model = nnsight.NNsight(torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU()))
first, second = torch.ones(1, 4), -torch.ones(1, 4)

with model.trace(first):
    hidden = model[0].output.save()
expected = model._module[0](second)
with model.trace(second):
    hidden = model[0].output  # not saved
kept = torch.equal(hidden, model._module[0](first))
print(f"nnsight {nnsight.__version__}: after the second trace the name holds the first one's value: {kept}")
assert kept and not torch.allclose(hidden, expected), "the old value is no longer kept"

try:
    with model.trace(second):
        fresh = model[0].output
    print(fresh)
except NameError as error:
    print(f"without an earlier value: {error}")
else:
    raise AssertionError("a name without an earlier value no longer gives a NameError")
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/trace.py"
