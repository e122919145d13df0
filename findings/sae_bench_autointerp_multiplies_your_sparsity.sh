#!/usr/bin/env bash
# sae-bench 0.6.0: AutoInterp changes the tensor of sparsities that it is given, so the next evaluation with the same
# tensor takes dead latents for alive.
#
# Expected: the argument is read only.
# Found: "sparsity *= total_tokens" is done in place. The second object that is made with the tensor multiplies once
# more, and with 2 million tokens a latent that fired once passes the threshold of 15 by far. The first evaluation
# draws its latents from the alive ones, the second also from those that fired once, and the caller's sparsities are
# counts.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0 transformers==5.24.0 datasets==3.6.0 pyarrow==25.0.1 pandas==2.3.3 \
    numpy==1.26.4 einops fancy-einsum better-abc rich \
    jaxtyping==0.3.11 beartype==0.23.1 typeguard==4.6.1 sentencepiece wandb accelerate tqdm typing-extensions \
    safetensors simple-parsing python-dotenv pyyaml requests nltk plotly plotly-express tenacity scipy statsmodels \
    pydantic tabulate matplotlib seaborn scikit-learn==1.7.2 openai
pip --no-deps transformer-lens==3.9.0 sae-lens==6.54.12 sae-bench==0.6.0
cd "$folder"
JAXTYPING_DISABLE=1 "$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import torch
from sae_bench.evals.autointerp.eval_config import AutoInterpEvalConfig
from sae_bench.evals.autointerp.main import AutoInterp

TOKENS = 100_000
config = AutoInterpEvalConfig(model_name="tiny", n_latents=1000, total_tokens=TOKENS)
counts = torch.tensor([5000.0, 400.0, 20.0, 10.0, 1.0, 0.0])  # tokens on which each of six latents fires
sparsity = counts / TOKENS
drawn = []
for _ in range(2):
    evaluation = AutoInterp(config, None, None, torch.zeros(1, 1), sparsity, "cpu", "no key")
    drawn.append(sorted(evaluation.latents))
print(f"sae-bench {version('sae-bench')}: fired {counts.tolist()} times, alive means {config.dead_latent_threshold}")
print("alive latents of the first object", drawn[0], "and of the second", drawn[1])
print("the sparsities of the caller afterwards", [f"{one:.0f}" for one in sparsity.tolist()])
assert drawn[0] == [0, 1, 2]
assert drawn[1] == [0, 1, 2, 3, 4] and sparsity[0] > 1, "the argument is left as it is now"
PYTHON
