#!/usr/bin/env bash
# sae-lens 6.54.12: features of ActivationGenerator do not have the correlations of its correlation_matrix, and rare
# ones hardly any negative correlation at all.
#
# Expected: "optional correlation structure between features", so a matrix with .5 between two features gives firings
# that correlate by about .5, and -.5 by about -.5.
# Found: it is the correlation of normal variables which are then compared with a threshold. The firings correlate
# less, and the less the rarer they are: for features that fire on 1% of samples .5 becomes .13 and -.5 becomes -.01,
# its limit, since features that rarely fire cannot exclude each other by much. A study of how SAEs treat correlated
# features varies far less than its parameter says.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0 transformers==5.24.0 datasets==3.6.0 pyarrow==25.0.1 pandas==2.3.3 \
    numpy==1.26.4 einops fancy-einsum better-abc rich \
    jaxtyping==0.3.11 beartype==0.23.1 typeguard==4.6.1 sentencepiece wandb accelerate tqdm typing-extensions \
    safetensors simple-parsing python-dotenv pyyaml requests nltk plotly plotly-express tenacity scipy statsmodels \
    pydantic tabulate matplotlib seaborn scikit-learn==1.7.2
pip --no-deps transformer-lens==3.9.0 sae-lens==6.54.12
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version
import torch
from sae_lens.synthetic import ActivationGenerator

torch.manual_seed(0)
found = {}
print(f"sae-lens {version('sae-lens')}: correlation of firings by probability of firing and entry of the matrix")
for probability in (0.5, 0.1, 0.01):
    for asked in (0.5, -0.5):
        matrix = torch.tensor([[1.0, asked], [asked, 1.0]])
        generator = ActivationGenerator(2, probability, correlation_matrix=matrix)
        firings = (generator.sample(1_000_000) > 0).float()
        assert (firings.mean(0) - probability).abs().max() < 0.01
        found[probability, asked] = torch.corrcoef(firings.T)[0, 1].item()
        print(f"probability {probability}, entry {asked}: {found[probability, asked]:.3f}")
assert 0.31 < found[0.5, 0.5] < 0.36 and 0.22 < found[0.1, 0.5] < 0.27 and 0.09 < found[0.01, 0.5] < 0.17
assert -0.36 < found[0.5, -0.5] < -0.31 and -0.02 < found[0.01, -0.5] < 0, "firings correlate as asked now"
PYTHON
