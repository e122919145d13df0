#!/usr/bin/env bash
# sae-lens 6.54.12: after ActivationsStore.reset_input_dataset, get_batch_tokens goes on where it was.
#
# Expected: after "Resets the input dataset iterator to the beginning" (its docstring), the next batch of tokens is
# the first of the dataset again. sae-lens's run_evals calls it between its two halves, so that loss recovered
# and sparsity would be measured on the same rows.
# Found: get_batch_tokens reads from another iterator, which the call does not touch, and continues with the rows
# after those that it gave last. Only a new store begins at the first row. So the two halves of an evaluation
# use different rows, and a second evaluation with the same store uses different rows again.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0 transformers==5.24.0 datasets==5.2.0 pyarrow==25.0.1 einops fancy-einsum better-abc rich pandas \
    jaxtyping==0.3.11 beartype==0.23.1 typeguard==4.6.1 sentencepiece wandb accelerate tqdm typing-extensions \
    safetensors simple-parsing python-dotenv pyyaml requests nltk plotly plotly-express tenacity scipy statsmodels
pip --no-deps transformer-lens==3.9.0 sae-lens==6.54.12
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import torch
from datasets import Dataset
from sae_lens import ActivationsStore
from transformer_lens import HookedTransformer, HookedTransformerConfig

config = HookedTransformerConfig(
    n_layers=1, d_model=16, n_ctx=8, d_head=8, n_heads=2, d_vocab=200, act_fn="gelu", seed=0, device="cpu"
)
model = HookedTransformer(config)
# Row n holds the tokens 10 n to 10 n + 7, which fill a context exactly.
rows = Dataset.from_list([{"tokens": list(range(10 * n, 10 * n + 8))} for n in range(12)])


def new_store():
    """Return a store over the rows."""
    return ActivationsStore(
        model=model, dataset=rows, streaming=False, hook_name="blocks.0.hook_resid_post", hook_head_index=None,
        context_size=8, d_in=16, n_batches_in_buffer=2, total_training_tokens=1000, store_batch_size_prompts=2,
        train_batch_size_tokens=8, prepend_bos=False, normalize_activations="none", device=torch.device("cpu"),
        dtype="float32",
    )


def batch(store):
    """Return the numbers of the next two rows."""
    return [int(row[0]) // 10 for row in store.get_batch_tokens(2)]


store = new_store()
before = [batch(store), batch(store)]
store.reset_input_dataset()
after, anew = batch(store), batch(new_store())
print(f"sae-lens {version('sae-lens')}: rows {before}, after the reset {after}, of a new store {anew}")
assert before == [[0, 1], [2, 3]] and anew == [0, 1], "a store does not begin at the first row"
assert after == [4, 5], "the reset goes back to the first row now"
PYTHON
