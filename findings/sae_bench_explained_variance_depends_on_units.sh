#!/usr/bin/env bash
# sae-bench 0.6.0: `explained_variance` of the core evaluation is not the share of variance that is explained: the
# same SAE on the same activations gets another value when they are counted in units of 10 or of 1/10.
#
# Expected: 1 minus the squared error by the squared distance from the mean, which has no unit.
# Found: the variance is taken as E[|x|^2] minus the square of the mean of the squares, where the square of the
# mean belongs. One term grows with the second power of the scale, the other with the fourth. Here .67 of the
# variance is explained in all units, and sae-bench says .91, .96 and 1.0008. `explained_variance_legacy` does not
# depend on units; it is a mean of ratios per token. sae-lens 6.54.12 subtracts the square of the mean.
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


def metrics(scale):
    """Return explained_variance as sae-bench says it and as it is, of activations times `scale`."""
    config = HookedTransformerConfig(
        n_layers=1, d_model=WIDTH, n_ctx=8, d_head=8, n_heads=2, d_vocab=VOCABULARY, act_fn="gelu", seed=0, device="cpu"
    )
    model = HookedTransformer(config)
    model.W_E.data, model.W_pos.data = scale * embeddings, torch.zeros(8, WIDTH)
    sae = sae_of("blocks.0.hook_resid_pre")
    with torch.no_grad():
        said, _ = get_sparsity_and_variance_metrics(sae, model, Rows(), 8, True, True, True, True, 8, {})
        x = scale * embeddings[rows.flatten()]
        error, distance = (x - sae(x)).pow(2).sum(), (x - x.mean(0)).pow(2).sum()
    return said["explained_variance"], (1 - error / distance).item(), said["explained_variance_legacy"]


print(f"sae-bench {version('sae-bench')}, explained variance of one SAE on the same activations in several units:")
said, exact, legacy = zip(*(metrics(scale) for scale in (1.0, 0.1, 10.0)))
print("sae-bench", [f"{one:.4f}" for one in said], "exact", [f"{one:.4f}" for one in exact])
assert max(exact) - min(exact) < 1e-4 and max(legacy) - min(legacy) < 1e-4
assert said[0] > exact[0] + 0.2 and said[1] > said[0] + 0.02 and said[2] > 1, "explained_variance is right now"
PYTHON
