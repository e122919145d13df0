#!/usr/bin/env bash
# circuit-tracer 0.5.0: a cross-layer transcoder with a skip connection that is saved and loaded again has none.
#
# Expected: to_safetensors and load_clt keep all weights, as to_safetensors of SingleLayerTranscoder keeps W_skip.
# Found: W_skip is not written, and load_clt would not read it. The loaded transcoder says skip_connection = False
# and gives another output for the same latents, without a warning.
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
from circuit_tracer.transcoder.cross_layer_transcoder import CrossLayerTranscoder, load_clt

torch.manual_seed(0)
LAYERS, LATENTS, WIDTH = 2, 32, 8
exact = {"device": torch.device("cpu"), "dtype": torch.float32}


def with_random_weights(module):
    for one in module.parameters():
        one.data.normal_()
    return module


cross = with_random_weights(
    CrossLayerTranscoder(LAYERS, LATENTS, WIDTH, skip_connection=True, lazy_decoder=False, **exact)
)
cross.to_safetensors("cross")
cross_back = load_clt("cross", lazy_decoder=False, **exact)
x = torch.randn(LAYERS, 5, WIDTH)
latents = cross.encode(x)
assert torch.equal(latents, cross_back.encode(x))
skip = torch.stack([cross.compute_skip(layer, x[layer]) for layer in range(LAYERS)])
difference = cross.decode(latents, x) - cross_back.decode(latents, x)
is_skip = torch.allclose(difference, skip, atol=1e-4)

single = with_random_weights(SingleLayerTranscoder(WIDTH, LATENTS, torch.relu, 0, skip_connection=True, **exact))
single.to_safetensors("layer_0.safetensors")
single_back = load_transcoder_set({0: "layer_0.safetensors"}, "none", "mlp.hook_in", "hook_mlp_out", **exact)[0]
print(
    f"circuit-tracer {version('circuit-tracer')}: skip_connection after loading {cross_back.skip_connection}; outputs "
    f"differ by the skip term: {is_skip}; the single-layer transcoder keeps it: {single_back.W_skip is not None}"
)
assert torch.allclose(single(x[0]), single_back(x[0]), atol=1e-5), "the single layer loses something too"
assert not cross_back.skip_connection and cross_back.W_skip is None and is_skip, "the skip connection is kept now"
PYTHON
