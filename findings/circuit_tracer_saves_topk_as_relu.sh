#!/usr/bin/env bash
# circuit-tracer 0.5.0: a transcoder with TopK that is saved and loaded again has ReLU, and far more active
# latents.
#
# Expected: to_safetensors refuses an activation function for which its files have no place, or
# load_transcoder_set gives the function back, as it does for JumpReLU.
# Found: thresholds are the only thing of an activation function that is written. Without them the loader takes
# ReLU: each token had 3 active latents of 32 and has about 16 after loading. Nothing warns on either side.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0 numpy transformers==4.57.3 safetensors==0.8.0 pydantic==2.12.5
pip --no-deps circuit-tracer==0.5.0
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import torch
from circuit_tracer.transcoder import SingleLayerTranscoder, load_transcoder_set
from circuit_tracer.transcoder.activation_functions import JumpReLU, TopK

torch.manual_seed(0)
LATENTS, WIDTH, K = 32, 8, 3
exact = {"device": torch.device("cpu"), "dtype": torch.float32}
x = torch.randn(200, WIDTH)


def active_per_token(function):
    """Return the mean number of active latents per token, before saving and after loading."""
    transcoder = SingleLayerTranscoder(WIDTH, LATENTS, function, 0, **exact)
    for weight in (transcoder.W_enc, transcoder.W_dec):
        weight.data.normal_()
    transcoder.to_safetensors("layer_0.safetensors")
    back = load_transcoder_set({0: "layer_0.safetensors"}, "none", "mlp.hook_in", "hook_mlp_out", **exact)[0]
    return tuple(round((one.encode(x) != 0).sum(-1).float().mean().item(), 2) for one in (transcoder, back))


topk, jump = active_per_token(TopK(K)), active_per_token(JumpReLU(torch.full((LATENTS,), 2.0)))
print(f"circuit-tracer {version('circuit-tracer')}, active latents before and after: TopK({K}) {topk}, JumpReLU {jump}")
assert jump[0] == jump[1], "JumpReLU does not come back either"
assert topk[0] == K and topk[1] > 4 * K, "TopK comes back now"
PYTHON
