#!/usr/bin/env bash
# sae-bench 0.6.0: `mse` of the core evaluation is divided by the number of tokens in a batch, so it depends on
# eval_batch_size_prompts.
#
# Expected: the mean squared error per token (or per number), whatever the size of the batches in which it is
# measured.
# Found: each token's squared error is divided by the number of tokens of its batch before the mean over tokens is
# taken. Four times larger batches give a quarter of the error, for the same SAE, model and tokens.
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
from sae_bench.custom_saes.relu_sae import ReluSAE
from sae_bench.evals.core.main import get_sparsity_and_variance_metrics
from transformer_lens import HookedTransformer, HookedTransformerConfig

WIDTH, VOCABULARY, KEPT = 16, 50, 0.8
torch.manual_seed(0)
rows = torch.randint(0, VOCABULARY, (64, 8))
embeddings = torch.randn(VOCABULARY, WIDTH) + 3 * torch.randn(WIDTH)  # tokens around a mean that is not zero


class Rows:
    """The part of an activation store that is asked for."""

    at = 0

    def get_batch_tokens(self, size):
        self.at += size
        return rows[self.at - size : self.at]


def sae_of(hook_name):
    """Return an SAE whose reconstruction is 0.8 times what it gets."""
    sae = ReluSAE(WIDTH, 2 * WIDTH, "tiny", 0, torch.device("cpu"), torch.float32, hook_name)
    both = torch.cat([torch.eye(WIDTH), -torch.eye(WIDTH)])
    sae.W_enc.data, sae.W_dec.data = both.T.clone(), KEPT * both
    return sae


config = HookedTransformerConfig(
    n_layers=1, d_model=WIDTH, n_ctx=8, d_head=8, n_heads=2, d_vocab=VOCABULARY, act_fn="gelu", seed=0, device="cpu"
)
model = HookedTransformer(config)
model.W_E.data, model.W_pos.data = embeddings, torch.zeros(8, WIDTH)
sae = sae_of("blocks.0.hook_resid_pre")
with torch.no_grad():
    said = {
        size: get_sparsity_and_variance_metrics(sae, model, Rows(), 64 // size, True, True, True, True, size, {})[0]
        for size in (4, 16)
    }
    x = embeddings[rows.flatten()]
    exact = (x - sae(x)).pow(2).sum(1).mean().item()
mse, l0 = ([said[size][name] for size in (4, 16)] for name in ("mse", "l0"))
print(
    f"sae-bench {version('sae-bench')}: with batches of 4 and of 16 rows of 8 tokens, mse {[f'{one:.4f}' for one in mse]}, "
    f"L0 {l0}; squared error per token {exact:.4f}"
)
assert l0[0] == l0[1]
assert abs(mse[0] * 4 * 8 - exact) < 1e-3 and abs(mse[1] * 16 * 8 - exact) < 1e-3, "mse does not depend on the batch now"
PYTHON
