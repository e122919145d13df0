"""Whether a latent means the same beside other latents, for a nonlinear decoder.

The other trials change the sizes of latents, or leave one out. None of them sees a decoder that
reads latents together: one latent names a book, and another one a page of whichever book that is.
At an L0 of 2 such a decoder has as many codewords as there are pairs, and yet it is straight in
every size. So some latents are left out of several rows each, and what each one adds is compared:

    added_r = x_hat(f) - x_hat(f without latent i)            for rows r in which i is active
    spread = sum |added_r - its part along one direction per latent|^2 / sum |added_r|^2

0 for a linear decoder, and for one that is linear in some function of each latent; nearly 1 if a
latent adds something else in every row. What is added against the direction counts as apart, too.
R = trial rows, n = those of one latent, F = dictionary size, D = d_model.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fumehood_tools.errors import IntegrityFailed
from fumehood_tools.scoring.decoding import Encoded
from fumehood_tools.scoring.latents import Latents, pack

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

WHOLE, WITHOUT = "some rows", "some rows without one latent"
# Rows of each latent, and rows that are looked through for them.
LEAST_ROWS, MOST_ROWS, LOOKED_AT = 4, 16, 32_768
# Measured on the synthetic subject: 2e-8 to 1e-4 for the four honest SAEs of the red team with a
# nonlinear decoder, 0.004 and 0.009 for decoders with a hidden layer. Books and pages at an L0 of
# 2: 0.34 (explained variance .903), 0.15 (.906), 0.12 (.901), and 0.053 (.871), where a linear
# decoder with clusters of its own for pages explains .864.
SPREAD_LIMIT = 0.05


class Contexts(NamedTuple):
    """Rows with a latent each that is left out of them.

    trials: the latents of R rows, with and without it. latent_R: its number; -1: not counted.
    """

    trials: dict[str, Latents]
    latent_R: "NDArray[np.int64]"

    def spread(self, x_hat: "Mapping[str, Tensor]") -> float:
        """Return the spread. x_hat: the reconstructions [R, D] of both trials."""
        import torch

        added_RD = (x_hat[WHOLE] - x_hat[WITHOUT]).double()
        apart = whole = 0.0
        for latent in np.unique(self.latent_R[self.latent_R >= 0]):
            added_nD = added_RD[torch.from_numpy(self.latent_R == latent)]
            direction_D = torch.linalg.svd(added_nD, full_matrices=False)[2][0]
            along_n = added_nD @ direction_D
            along_n = (along_n * along_n.sum().sign()).clamp(min=0)
            squares = float(added_nD.square().sum())
            whole += squares
            apart += squares - float(along_n.square().sum())
        return apart / max(whole, 1e-30)


def in_contexts(kept: Sequence[Encoded], rows: int, dict_size: int) -> Contexts:
    """Draw `rows` rows of the evaluation split, several of each of some latents.

    Latents are drawn as often as they are active. Rows that are left over are empty.
    """
    import torch

    draw = np.random.default_rng()
    parts = _some(kept, draw)
    number_A = np.concatenate([part.row_A().numpy() + first for first, part in parts])
    index_A = np.concatenate([part.index_A.numpy() for _, part in parts]).astype(np.int64)
    value_A = torch.cat([part.value_A for _, part in parts])
    found = _pairs(number_A, index_A, rows, draw)
    latent_R = np.full(rows, -1)
    whole_RF = torch.zeros(rows, dict_size, dtype=torch.bfloat16)
    for place, (number, latent) in enumerate(found):
        own = slice(*np.searchsorted(number_A, (number, number + 1)))
        whole_RF[place, torch.from_numpy(index_A[own])] = value_A[own]
        latent_R[place] = latent
    without_RF = whole_RF.clone()
    without_RF[np.arange(len(found)), latent_R[: len(found)]] = 0
    return Contexts({WHOLE: pack(whole_RF), WITHOUT: pack(without_RF)}, latent_R)


def _some(kept: Sequence[Encoded], draw: np.random.Generator) -> list[tuple[int, Latents]]:
    """Return random parts with about LOOKED_AT rows: the number of their first row, and latents."""
    found, count = [], 0
    for place in draw.permutation(len(kept)):
        found.append((count, kept[place].f.sparse()))
        count += found[-1][1].rows
        if count >= LOOKED_AT:
            break
    return found


def _pairs(
    number_A: "NDArray[np.int64]",
    index_A: "NDArray[np.int64]",
    most: int,
    draw: np.random.Generator,
) -> list[tuple[int, int]]:
    """Return up to `most` (row, latent), of some latents LEAST_ROWS to MOST_ROWS each."""
    by_latent = np.argsort(index_A, kind="stable")
    ends = np.cumsum(np.bincount(index_A))
    _, first = np.unique(shuffled := draw.permutation(index_A), return_index=True)
    found: list[tuple[int, int]] = []
    for latent in shuffled[np.sort(first)]:
        entries = by_latent[(ends[latent - 1] if latent else 0) : ends[latent]]
        room = min(MOST_ROWS, most - len(found))
        if len(entries) < LEAST_ROWS or room < LEAST_ROWS:
            continue
        chosen = draw.permutation(entries)[:room]
        found += [(int(number_A[one]), int(latent)) for one in chosen]
    return found


def judge_contexts(spread: float) -> None:
    """Raise IntegrityFailed if what latents add to x_hat depends on which others are active."""
    if spread > SPREAD_LIMIT:
        raise IntegrityFailed(
            "decoder_packing",
            f"of what a latent adds to x_hat, {spread:.0%} depends on the row and not on the "
            f"latent (allowed: {SPREAD_LIMIT:.0%})",
            "Let each latent add about the same to x_hat wherever it is active. Which latents are "
            "active together must not name what each of them stands for.",
        )
