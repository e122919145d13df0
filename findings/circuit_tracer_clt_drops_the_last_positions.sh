#!/usr/bin/env bash
# circuit-tracer 0.5.0: decode of a cross-layer transcoder returns fewer positions than it was given, when no
# latent is active at the last ones.
#
# Expected: one output per position, which is the bias b_dec where no latent is active, as in
# SingleLayerTranscoder.
# Found: the number of positions is taken from the last one that has an active latent. With the latents of 6
# positions, of which the last two are zero, 4 positions come back. Where only the first is active, a single one
# comes back, which PyTorch then repeats over all positions in a comparison with the target: a wrong error and no
# exception.
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
from circuit_tracer.transcoder import SingleLayerTranscoder, TranscoderSet
from circuit_tracer.transcoder.cross_layer_transcoder import CrossLayerTranscoder

torch.manual_seed(0)
LAYERS, POSITIONS, LATENTS, WIDTH = 2, 6, 32, 8
exact = {"device": torch.device("cpu"), "dtype": torch.float32}
cross = CrossLayerTranscoder(LAYERS, LATENTS, WIDTH, lazy_decoder=False, **exact)
layers = {i: SingleLayerTranscoder(WIDTH, LATENTS, torch.relu, i, **exact) for i in range(LAYERS)}
single = TranscoderSet(layers, "mlp.hook_in", "hook_mlp_out")
for one in (*cross.parameters(), *single.parameters()):
    one.data.normal_()


def positions_of(module, active):
    """Return how many positions come back for latents that are zero after the first `active` positions."""
    latents = torch.rand(LAYERS, POSITIONS, LATENTS)
    latents[:, active:] = 0
    return module.decode(latents, None).shape[1]


found = {active: (positions_of(cross, active), positions_of(single, active)) for active in (6, 4, 1)}
print(f"circuit-tracer {version('circuit-tracer')}: of {POSITIONS} positions, by the number of those with active latents:")
for active, (across, alone) in found.items():
    print(f"{active} active: cross-layer {across}, single layers {alone}")
assert all(alone == POSITIONS for _, alone in found.values()), "single layers drop positions too"
assert found[6][0] == POSITIONS
assert found[4][0] == 4 and found[1][0] == 1, "all positions come back now"
PYTHON
