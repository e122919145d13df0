#!/usr/bin/env bash
# dictionary-learning 0.1.0: given activations as [texts, positions, width], MatryoshkaBatchTopKSAE does not cut
# off the groups that active_groups excludes, and batch top-k keeps k latents per text instead of k per token.
#
# Expected: the same latents as for the same activations as [tokens, width], as the other dictionaries of the
# package give them, and as its own loss_recovered passes them; or an error.
# Found: the groups are cut off along dimension 1, which are positions here, so with active_groups = 1 latents of
# the other groups stay; and a long text would lose its last positions instead. encode(use_threshold=False) counts
# the batch by dimension 0. There is no error and no warning.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0 numpy einops==0.8.2 transformers==5.23.0 accelerate==1.15.0 datasets==5.2.0 wandb==0.31.0 zstandard
pip nnsight==0.3.7
pip --no-deps dictionary-learning==0.1.0
cd "$folder"
WANDB_MODE=disabled "$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import torch
from dictionary_learning.trainers.batch_top_k import BatchTopKSAE
from dictionary_learning.trainers.matryoshka_batch_top_k import MatryoshkaBatchTopKSAE
from dictionary_learning.trainers.top_k import AutoEncoderTopK

torch.manual_seed(0)
TEXTS, POSITIONS, WIDTH, LATENTS, K = 8, 10, 16, 64, 4
by_text = torch.randn(TEXTS, POSITIONS, WIDTH)
tokens = by_text.reshape(-1, WIDTH)


def per_token(latents):
    return (latents != 0).sum().item() / len(tokens)


matryoshka = MatryoshkaBatchTopKSAE(WIDTH, LATENTS, K, group_sizes=[16, 48])
matryoshka.active_groups = 1
excluded = [per_token(matryoshka.encode(x)[..., 16:]) for x in (tokens, by_text)]
batch_topk, topk = BatchTopKSAE(WIDTH, LATENTS, K), AutoEncoderTopK(WIDTH, LATENTS, K)
batch = [per_token(batch_topk.encode(x, use_threshold=False)) for x in (tokens, by_text)]
plain = [per_token(topk.encode(x)) for x in (tokens, by_text)]
print(f"dictionary-learning {version('dictionary-learning')}: active latents per token, as [80, 16] and as [8, 10, 16]")
print(f"of groups that are excluded: {excluded}; batch top-k, k = {K}: {batch}; top-k: {plain}")
assert excluded[0] == 0 and batch[0] == K, "the SAEs do otherwise with [tokens, width]"
assert plain == [K, K]
assert excluded[1] > 1, "excluded groups are cut off now"
assert batch[1] == K / POSITIONS, "batch top-k counts tokens now"
PYTHON
