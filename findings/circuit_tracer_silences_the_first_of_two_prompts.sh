#!/usr/bin/env bash
# circuit-tracer 0.5.0: get_activations of two prompts returns only zeros for the first prompt.
#
# Expected: it refuses a batch, as attribute does ("Tensor must be 1-D"), or returns for each prompt what it
# returns for that prompt alone, with zeros at position 0.
# Found: the slice that sets position 0 to zero is applied to the batch dimension, because the activations of
# one prompt have lost it by then. The first prompt has no active feature at all, and the others keep
# those of position 0. There is no error and no warning, and the logits are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0
pip transformers==4.57.3 einops==0.8.2 jaxtyping==0.3.11 beartype==0.23.1 fancy-einsum==0.0.3 better-abc==0.0.3 \
  datasets==5.0.1 sentencepiece==0.2.3 wandb==0.31.0 rich==15.0.0 typeguard==4.6.1 protobuf==7.36.2
pip --no-deps transformer-lens==3.2.1 circuit-tracer==0.5.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import torch
from circuit_tracer import ReplacementModel
from circuit_tracer.transcoder import SingleLayerTranscoder, TranscoderSet
from transformer_lens import HookedTransformerConfig

torch.manual_seed(0)
cpu = torch.device("cpu")
transcoder = SingleLayerTranscoder(16, 64, torch.relu, 0, device=cpu, dtype=torch.float32)
transcoder.W_enc.data.normal_()
config = HookedTransformerConfig(
    n_layers=1, d_model=16, n_ctx=8, d_head=8, n_heads=2, d_mlp=32, d_vocab=20, act_fn="gelu",
    normalization_type="LN", seed=0, device="cpu", model_name="tiny",
)
transcoders = TranscoderSet({0: transcoder}, feature_input_hook="mlp.hook_in", feature_output_hook="hook_mlp_out")
model = ReplacementModel.from_config(config, transcoders)
prompts = torch.tensor([[1, 4, 6], [1, 3, 2]])
logits, both = model.get_activations(prompts)
alone = [model.get_activations(one) for one in prompts]
del model  # at the end of the program its finalizer would print a traceback
print(f"circuit-tracer {version('circuit-tracer')}: active features of each prompt, "
      f"alone {[int((acts > 0).sum()) for _, acts in alone]}, together {(both > 0).sum(dim=(0, 2, 3)).tolist()}")
assert all(torch.allclose(logits[i], alone[i][0][0], atol=1e-5) for i in range(2)), "logits differ"
assert (alone[0][1] > 0).any(), "the first prompt has no active feature by itself"
assert not both[:, 0].any(), "the first prompt keeps its activations now"
assert both[:, 1, 0].any(), "position 0 of the second prompt is set to zero now"
PYTHON
