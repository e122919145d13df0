#!/usr/bin/env bash
# transformer-lens 3.9.0: with grouped-query attention and set_ungroup_grouped_query_attention(True), the patching
# functions for keys and values patch the first heads only.
#
# Expected: one result for each head that hook_k and hook_v have, which is one for each query head in this mode, so
# that every head can be patched by itself, for which the mode exists.
# Found: the number of heads is taken from n_key_value_heads all the same. Of 4 heads, 0 and 1 are patched, which are
# two halves of the first group, and the results look as if they were those of the two groups. The second group is not
# in the table at all. No error and no warning.
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
import functools
from importlib.metadata import version

import torch
from transformer_lens import HookedTransformer, HookedTransformerConfig, patching

model = HookedTransformer(
    HookedTransformerConfig(
        n_layers=2, d_model=16, n_ctx=32, d_head=4, n_heads=4, n_key_value_heads=2, d_vocab=50, act_fn="gelu", seed=0,
        device="cpu", positional_embedding_type="rotary", rotary_dim=4,
    )
).requires_grad_(False)
torch.manual_seed(1)
for weight in model.parameters():
    weight.data = torch.randn_like(weight) / 2
clean, corrupted = torch.randint(0, 50, (2, 1, 6))


def metric(logits):
    return logits[0, -1, 3]


def put(value, hook, head, kept):
    value[:, :, head] = kept[hook.name][:, :, head]
    return value


found = {}
for ungrouped in (False, True):
    model.set_ungroup_grouped_query_attention(ungrouped)
    _, cache = model.run_with_cache(clean)
    heads = cache["blocks.0.attn.hook_v"].shape[2]
    table = patching.get_act_patch_attn_head_v_all_pos(model, corrupted, cache, metric)
    by_hand = torch.tensor(
        [
            [
                metric(model.run_with_hooks(corrupted, fwd_hooks=[(f"blocks.{layer}.attn.hook_v", hook)]))
                for hook in (functools.partial(put, head=head, kept=cache) for head in range(heads))
            ]
            for layer in range(2)
        ]
    )
    found[ungrouped] = heads, table.shape[1], torch.allclose(table, by_hand[:, : table.shape[1]], atol=1e-5)
print(f"transformer-lens {version('transformer-lens')}: (heads of hook_v, of the table; the table is right for them)")
print(f"grouped {found[False]}, ungrouped {found[True]}")
assert found[False] == (2, 2, True)
assert found[True] == (4, 2, True), "all heads are patched now"
PYTHON
