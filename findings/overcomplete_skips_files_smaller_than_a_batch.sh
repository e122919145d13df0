#!/usr/bin/env bash
# overcomplete 0.3.0: AsyncTensorDataset drops the rows of each file beyond the last full batch, so files with fewer
# rows than a batch are not read at all.
#
# Expected: batches run on from one file to the next ("yields tensor batches until all files are processed"), and at
# most one batch less one row is lost at the end.
# Found: each file is cut into full batches for itself. Of 20 files of 1000 rows, batches of 100 give all 20000 rows,
# batches of 600 give 12000, and the default of 2048 gives none, without a word: an epoch over them trains nothing.
# Which rows are left out changes with each epoch only when the files are shuffled.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0 "numpy<2" einops==0.8.2 scikit-learn==1.7.2 scipy tqdm pillow matplotlib==3.8.4
pip --no-deps overcomplete==0.3.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import torch

for name in ("models", "visualization"):  # placeholders for the image models and the plots, which are not used here
    placeholder = sys.modules[f"overcomplete.{name}"] = ModuleType(name)
    placeholder.__getattr__ = lambda attribute: object
from overcomplete.data import AsyncTensorDataset

FILES, ROWS = 20, 1000
with tempfile.TemporaryDirectory() as folder:
    for number in range(FILES):
        torch.save(torch.randn(ROWS, 4), Path(folder) / f"{number}.pt")
    found = {
        size: sum(len(batch) for batch in AsyncTensorDataset(folder, batch_size=size)) for size in (100, 600)
    }
    found["the default"] = sum(len(batch) for batch in AsyncTensorDataset(folder))
print(f"overcomplete {version('overcomplete')}: rows read of {FILES} files of {ROWS}, by the size of a batch:", found)
assert found[100] == FILES * ROWS
assert found[600] == FILES * 600 and found["the default"] == 0, "batches run on from file to file now"
PYTHON
