#!/usr/bin/env bash
# transformer-lens 3.9.0: SVDInterpreter gives other directions for the OV matrix of a model whose norms are not
# folded in than for the same model with fold_ln=True.
#
# Expected: the same, since folding does not change what the model computes. For "w_in" the weight of the norm is
# multiplied in when it is not folded ("If fold_ln == False").
# Found: for "OV" it is not. The values of a head read the output of ln1, so the matrix that acts is diag(ln1.w) W_V
# W_O, and its right singular vectors are others than those of W_V W_O. Here the best of the first directions agrees
# with its counterpart by a cosine of less than .9, while "w_in" and "w_out" agree exactly.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0 transformers==5.24.0 datasets==5.2.0 pyarrow==25.0.1 einops fancy-einsum better-abc rich pandas \
    jaxtyping==0.3.11 beartype==0.23.1 typeguard==4.6.1 sentencepiece wandb accelerate tqdm typing-extensions
pip --no-deps transformer-lens==3.9.0
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version
import torch
from transformer_lens import HookedTransformer, HookedTransformerConfig, SVDInterpreter

torch.manual_seed(0)
torch.set_grad_enabled(False)
config = HookedTransformerConfig(
    n_layers=1, d_model=16, n_ctx=8, d_head=8, n_heads=2, d_vocab=20, act_fn="gelu", seed=0, device="cpu",
    normalization_type="RMS",
)
plain = HookedTransformer(config)
for name, weight in plain.named_parameters():
    if not name.startswith("ln_final"):  # that one stays 1, so the unembedding is the same after folding
        weight.data = torch.randn_like(weight)
folded = HookedTransformer(config)
folded.load_and_process_state_dict(
    plain.state_dict(), fold_ln=True, center_writing_weights=False, center_unembed=False, fold_value_biases=False
)
tokens = torch.randint(0, 20, (4, 8))
assert torch.allclose(plain(tokens), folded(tokens), atol=1e-3), "the two are not the same model"


def directions(model, kind, head=None):
    """Return the first 4 singular directions in terms of tokens."""
    return SVDInterpreter(model).get_singular_vectors(kind, layer_index=0, num_vectors=4, head_index=head)[:, 0]


found = {}
print(f"transformer-lens {version('transformer-lens')}: cosines of the directions without and with fold_ln")
for kind, head in (("w_in", None), ("w_out", None), ("OV", 0)):
    cosines = torch.cosine_similarity(directions(plain, kind, head), directions(folded, kind, head), dim=0).abs()
    found[kind] = cosines
    print(f"{kind}: {[round(one, 3) for one in cosines.tolist()]}")
_, _, right = torch.linalg.svd(plain.blocks[0].ln1.w[:, None] * (plain.W_V[0, 0] @ plain.W_O[0, 0]))
exact = torch.cosine_similarity((right[:4] @ plain.W_U).T, directions(folded, "OV", 0), dim=0).abs()
print("OV with the weight of ln1 multiplied in:", [round(one, 3) for one in exact.tolist()])
assert min(found["w_in"].min(), found["w_out"].min(), exact.min()) > 0.999
assert found["OV"].min() < 0.9, "the norm is multiplied in for OV too now"
PYTHON
