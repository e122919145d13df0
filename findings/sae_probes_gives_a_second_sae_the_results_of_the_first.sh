#!/usr/bin/env bash
# sae-probes 0.4.2: a second SAE that is evaluated with the same results_path gets the first one's results.
#
# Expected: results are kept apart by SAE, or a result of another SAE is not taken for one's own.
# Found: the name of the file has the model, the data set, the hook and the probe, but nothing of the SAE. Where
# it exists, the data set is skipped with a line on standard output, and whoever reads the folder after the call
# reads the first SAE's numbers: .98 for an SAE without the one latent that matters, which has .50 in a folder of
# its own. So a loop over SAEs of one site needs a folder for each. (sae-bench makes such folders itself.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0 transformers==5.24.0 datasets==5.2.0 pyarrow==25.0.1 einops fancy-einsum better-abc rich pandas \
    jaxtyping==0.3.11 beartype==0.23.1 typeguard==4.6.1 sentencepiece wandb accelerate tqdm typing-extensions \
    safetensors simple-parsing python-dotenv pyyaml requests nltk plotly plotly-express tenacity scipy statsmodels \
    scikit-learn==1.7.2 xgboost joblib zstandard
pip --no-deps transformer-lens==3.9.0 sae-lens==6.54.12 sae-probes==0.4.2
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import contextlib
import io
import json
from importlib.metadata import version
from pathlib import Path

import torch
from sae_lens import StandardSAE, StandardSAEConfig
from sae_probes.run_sae_evals import run_sae_evals
from sae_probes.utils_data import get_yvals

DATASET, HOOK, WIDTH = "163_agnews_2", "blocks.0.hook_resid_post", 8
torch.manual_seed(0)
labels = torch.tensor(get_yvals(DATASET))
activations = torch.randn(len(labels), WIDTH)
activations[:, 0] += 3 * labels  # the only direction that tells the classes apart
stored = Path("activations/model_activations_tiny")
stored.mkdir(parents=True)
torch.save(activations, stored / f"{DATASET}_{HOOK}.pt")


def evaluate(informative, results):
    """Return the AUC that lies in the folder after the evaluation, and what the call said."""
    sae = StandardSAE(StandardSAEConfig(d_in=WIDTH, d_sae=WIDTH))
    sae.W_enc.data = torch.eye(WIDTH)
    sae.W_enc.data[0, 0] = float(informative)
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        run_sae_evals(
            sae, "tiny", HOOK, "l1", "normal", ks=[1], results_path=results, model_cache_path="activations",
            datasets=[DATASET], device="cpu",
        )
    [file] = Path(results).rglob("*.json")
    return json.loads(file.read_text())[0]["test_auc"], said.getvalue().split(maxsplit=1)[0]


first, second, alone = evaluate(True, "results"), evaluate(False, "results"), evaluate(False, "results_of_its_own")
print(f"sae-probes {version('sae-probes')}: first SAE {first}; second, same folder {second}; second, own folder {alone}")
assert first[0] > 0.9 and abs(alone[0] - 0.5) < 0.1
assert second == (first[0], "Skipping"), "the second SAE is evaluated now"
PYTHON
