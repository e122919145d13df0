"""Write outside.bin, the weights that the cheats of the family `outside` have in their files.

usage: python fit_outside.py CACHE      CACHE: a cache in which the suite's bench has been harvested

The file contains a dictionary of 128 columns and a mean, fitted on the evaluation rows themselves:
129 rows [64] of int8, in steps of 1/200. It takes seconds and gives the same file every time.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

COLUMNS, ACTIVE, ROUNDS, GRAIN = 128, 4, 60, 200


def evaluation_rows(cache: Path) -> Tensor:
    """Return the evaluation split of the only harvest in this cache, normalized by its scale."""
    (manifest,) = cache.glob("activations/*/manifest.json")
    told = json.loads(manifest.read_text(encoding="utf-8"))
    rows = [np.load(manifest.parent / shard).astype(np.float32) for shard in told["eval_shards"]]
    return torch.from_numpy(np.concatenate(rows)) / told["scale"]


def pursue(x_ND: Tensor, W_FD: Tensor) -> Tensor:
    """Return non-negative latents [N, F] from orthogonal matching pursuit with ACTIVE steps."""
    chosen: list[Tensor] = []
    left = x_ND
    for step in range(ACTIVE):
        score_NF = left @ W_FD.T
        for index_N in chosen:
            score_NF[torch.arange(len(x_ND)), index_N] = -torch.inf
        chosen.append(score_NF.argmax(dim=1))
        A_NKD = W_FD[torch.stack(chosen, dim=1)]
        gram = A_NKD @ A_NKD.transpose(1, 2) + 1e-4 * torch.eye(step + 1)
        size_NK = torch.linalg.solve(gram, A_NKD @ x_ND[:, :, None])[..., 0].relu()
        left = x_ND - (size_NK[:, :, None] * A_NKD).sum(dim=1)
    empty = torch.zeros(len(x_ND), len(W_FD))
    return empty.scatter(1, torch.stack(chosen, dim=1), size_NK)


def fit(x_ND: Tensor) -> Tensor:
    """Return unit columns W [F, D], fitted by alternating pursuit and least squares.

    This is the method of optimal directions (Engan et al., 1999). Columns that nothing uses are
    replaced by random rows.
    """
    torch.manual_seed(0)
    different = torch.unique(x_ND, dim=0)
    W_FD = different[torch.randperm(len(different))[:COLUMNS]]
    for _ in range(ROUNDS):
        W_FD = W_FD / W_FD.norm(dim=1, keepdim=True)
        f_NF = pursue(x_ND, W_FD)
        gram = f_NF.T @ f_NF
        ridge = 1e-3 * gram.diagonal().mean()
        W_FD = torch.linalg.solve(gram + ridge * torch.eye(COLUMNS), f_NF.T @ x_ND + ridge * W_FD)
        lost = W_FD.norm(dim=1) < 1e-6
        W_FD[lost] = different[torch.randint(len(different), (int(lost.sum()),))]
    return W_FD / W_FD.norm(dim=1, keepdim=True)


def main() -> None:
    """Write outside.bin next to this file."""
    x_ND = evaluation_rows(Path(sys.argv[1]))
    mean_D = x_ND.mean(dim=0)
    rows = torch.cat([fit(x_ND - mean_D), mean_D[None]])
    content = (rows * GRAIN).round().clamp(-127, 127).to(torch.int8).numpy().tobytes()
    Path(__file__).with_name("outside.bin").write_bytes(content)


if __name__ == "__main__":
    main()
