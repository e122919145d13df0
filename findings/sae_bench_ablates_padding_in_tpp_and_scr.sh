#!/usr/bin/env bash
# sae-bench 0.6.0: in TPP and SCR, the effect of ablating a latent depends on how much padding follows a text.
#
# Expected: padding does not count. Its activations are set to zero, and the mean is taken over the text's own tokens,
# so a text gives the same features for the probe whatever length the batch is padded to.
# Found: ablated_precomputed_activations encodes the zeros too. A latent whose bias is positive fires on them, and to
# ablate it takes its decoder row away from each padding token. All of that is added to the sum over the text and
# divided by the number of the text's tokens. With 8 tokens and 56 of padding the ablation is too large by 7 times its
# effect on an input of zero. Without an ablation, or for latents that are silent at zero, padding changes nothing.
# The effects by which latents are chosen are masked.
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
from sae_bench.evals.scr_and_tpp.main import ablated_precomputed_activations

WIDTH, LATENTS, TOKENS = 16, 32, 8
torch.manual_seed(0)
sae = ReluSAE(WIDTH, LATENTS, "tiny", 0, torch.device("cpu"), torch.float32, "blocks.0.hook_resid_post")
sae.W_dec.data = torch.nn.functional.normalize(torch.randn(LATENTS, WIDTH), dim=1)
sae.W_enc.data = sae.W_dec.data.T.clone()
sae.b_enc.data = torch.tensor([0.5, -0.5]).repeat(LATENTS // 2)  # the first latent fires on zeros, the second does not
texts = torch.randn(4, TOKENS, WIDTH)


def features(latent, length):
    """Return what the probe gets of the texts, padded to this length, after the ablation of a latent (or of none)."""
    padded = torch.zeros(4, length, WIDTH)
    padded[:, :TOKENS] = texts
    chosen = torch.zeros(LATENTS, dtype=torch.bool)
    if latent is not None:
        chosen[latent] = True
    with torch.no_grad():
        return ablated_precomputed_activations(padded, sae, chosen, 4)


def by_hand(latent):
    """Return the mean over the texts' own tokens without the latent's part of the reconstruction."""
    with torch.no_grad():
        return (texts - sae.encode(texts)[..., [latent]] * sae.W_dec[latent]).mean(1)


print(f"sae-bench {version('sae-bench')}: distance of a text's features from those by hand, mean over 4 texts")
found = {}
for name, latent in (("fires on zeros", 0), ("silent on zeros", 1)):
    for length in (TOKENS, 2 * TOKENS, 8 * TOKENS):
        found[name, length] = (features(latent, length) - by_hand(latent)).norm(dim=1).mean().item()
        print(f"{name}, padded to {length}: {found[name, length]:.4f}")
assert torch.allclose(features(None, TOKENS), features(None, 8 * TOKENS), atol=1e-5)
assert max(found["silent on zeros", length] for length in (TOKENS, 8 * TOKENS)) < 1e-5
assert found["fires on zeros", TOKENS] < 1e-5
assert abs(found["fires on zeros", 8 * TOKENS] - 7 * 0.5) < 1e-3, "padding does not count now"
PYTHON
