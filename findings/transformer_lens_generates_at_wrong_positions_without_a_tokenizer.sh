#!/usr/bin/env bash
# transformer-lens 3.9.0: a HookedTransformer without a tokenizer generates other tokens with its default cache of
# keys and values than without it, and fails when the prompt is longer than half of the context.
#
# Expected: the cache only saves time; greedy tokens are the same, and any prompt that fits can be continued.
# Found: with learned positions, position embeddings are taken for all tokens so far beginning at the length of
# the cache, so the new token after n others gets the embedding of position 2n instead of n. Where 2n is beyond the
# context, the sum of token and position embeddings raises RuntimeError. Rotary positions are not affected.
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
from transformer_lens import HookedTransformer, HookedTransformerConfig

STEPS = 8


def same_tokens(positions):
    """Return whether greedy generation agrees with an argmax over full forward passes: (cached, not cached)."""
    config = HookedTransformerConfig(
        n_layers=2, d_model=32, n_ctx=64, d_head=8, n_heads=2, d_vocab=50, act_fn="gelu",
        positional_embedding_type=positions, rotary_dim=8, seed=0, device="cpu",
    )
    model = HookedTransformer(config)
    for weight in model.parameters():
        weight.data *= 3
    prompt = torch.randint(0, 50, (2, 10))
    by_hand = prompt
    for _ in range(STEPS):
        by_hand = torch.cat([by_hand, model(by_hand)[:, -1].argmax(-1, keepdim=True)], dim=1)
    options = dict(max_new_tokens=STEPS, do_sample=False, stop_at_eos=False, verbose=False)
    found = [model.generate(prompt, use_past_kv_cache=cached, **options) for cached in (True, False)]
    try:
        model.generate(torch.zeros(1, 40, dtype=torch.long), **options)
        fits = True
    except RuntimeError:
        fits = False
    return [torch.equal(one, by_hand) for one in found], fits


(cached, uncached), fits = same_tokens("standard")
print(f"transformer-lens {version('transformer-lens')}, learned positions: the same tokens with the cache {cached}, "
      f"without {uncached}; 40 of 64 tokens can be continued: {fits}")
rotary = same_tokens("rotary")
print(f"rotary positions: {rotary}")
assert uncached and rotary == ([True, True], True), "something else differs too"
assert not cached and not fits, "the cache no longer changes the positions"
PYTHON
