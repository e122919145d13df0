#!/usr/bin/env bash
# eai-delphi 0.1.3: "Number of interpreted live features" in the summary of a run is the number of scored examples.
#
# Expected: the number of latents that have scores.
# Found: it is the length of the table with one row per example and scorer. 3 latents with 20 examples, scored by
# detection and by fuzzing, are reported as 120 interpreted features of the 16 that the sparse coder has.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0 numpy orjson pandas plotly==5.24.1 kaleido==0.2.1 scikit-learn
pip --no-deps eai-delphi==0.1.3
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import contextlib
import io
import json
from importlib.metadata import version
from pathlib import Path

import plotly.graph_objects
import torch
from delphi.log.result_analysis import log_results

plotly.graph_objects.Figure.write_image = lambda *args, **options: None  # the pictures are not used here
LATENTS, EXAMPLES, MODULE = 3, 20, "layers.0"
for scorer in ("detection", "fuzz"):
    scores = Path("run/scores") / scorer
    scores.mkdir(parents=True)
    for latent in range(LATENTS):
        rows = [
            {
                "str_tokens": ["a"], "activating": number % 2 == 0, "prediction": number % 2 == 0, "probability": None,
                "correct": True, "activations": [1.0], "distance": 0.0,
            }
            for number in range(EXAMPLES)
        ]
        (scores / f"{MODULE}_latent{latent}.txt").write_text(json.dumps(rows))
Path("run/run_config.json").write_text("{}")
Path("run/log").mkdir()
torch.save({MODULE: torch.full((16,), 100)}, "run/log/hookpoint_firing_counts.pt")
said = io.StringIO()
with contextlib.redirect_stdout(said):
    log_results(Path("run/scores"), Path("pictures"), [MODULE], ["detection", "fuzz"])
line = next(line for line in said.getvalue().splitlines() if "interpreted live features" in line)
print(f"eai-delphi {version('eai-delphi')}, {LATENTS} latents of 16, {EXAMPLES} examples each, 2 scorers: {line}")
assert int(line.split()[-1]) == LATENTS * EXAMPLES * 2, "latents are counted now"
PYTHON
