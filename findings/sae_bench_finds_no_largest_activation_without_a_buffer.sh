#!/usr/bin/env bash
# sae-bench 0.6.0: get_k_largest_indices returns no index at all with its default buffer of 0.
#
# Expected: the positions of the k largest activations, of the whole sequence when no buffer is kept.
# Found: the buffer is cut off by x[:, buffer:-buffer], which is empty for 0. An empty tensor with the right number of
# columns comes back, without an error, so a table of top activations is empty as if the latent were dead. With
# buffer=1 the positions are right.
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
pip --no-deps transformer-lens==3.9.0 sae-lens==6.54.12 sae-bench==0.6.0
cd "$folder"
JAXTYPING_DISABLE=1 "$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import torch
from sae_bench.sae_bench_utils.indexing_utils import get_k_largest_indices

torch.manual_seed(0)
activations = torch.rand(4, 10)
activations[2, 5], activations[1, 3] = 3, 2
print(f"sae-bench {version('sae-bench')}: the largest activations are at [2, 5] and [1, 3]")
without, with_one = get_k_largest_indices(activations, k=2), get_k_largest_indices(activations, k=2, buffer=1)
print(f"found with the default buffer {without.tolist()}, with buffer=1 {with_one.tolist()}")
assert with_one.tolist() == [[2, 5], [1, 3]]
assert without.shape == (0, 2), "a buffer of 0 works now"
PYTHON
