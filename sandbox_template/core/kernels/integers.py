"""Screening in 8-bit integers: for every pre-activation a number that it cannot exceed.

For processors that multiply bytes much faster than float32. With x' and w' the rounded rows,

    x . w <= x' . w' + |x - x'| |w'| + |x| |w - w'|         (Cauchy-Schwarz)

where x' . w' is exact, being a sum of integers times two scales, and the norms are measured. Each
row of x and each latent has a scale. The few coordinates that are much larger than the others (in a
residual stream some are) would make a row's scale coarse, so their integers are the sum of several
columns. What is bounded is only left out or scored again in float32: see cpu.py.
"""

import functools
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from core.kernels import jitted_int8
from core.kernels.threads import over_rows

# Of sums in float32, relative to |x| |w| and the width, and what is added for rounded norms.
_SUM_ERROR, _NORM_ERROR = 2.0**-23, 2.0**-10
# Columns for coordinates that are large: at least so many, and as many as make K a multiple.
_SPARE, _MULTIPLE = 16, 32
_LEVELS = 127
# Rows of x that say which coordinates are large.
_SAMPLED_ROWS = 256
# Rows of x whose sums are computed at a time, per thread: they stay in a cache.
_BLOCK_ROWS = 256
# Latents whose bounds are computed at a time.
_LANES = 256


class Bounded(NamedTuple):
    """Integer rows of x and W, and the numbers with which their sums become bounds."""

    x_BK: Tensor
    W_FK: Tensor
    rows_B3: Tensor
    latents_4F: Tensor

    def sums(self) -> Iterator[tuple[int, int, Tensor]]:
        """Yield (first, end, x' . w' of these rows as integers); the tensor is used again."""
        B, F = len(self.x_BK), len(self.W_FK)
        size = min(B, _BLOCK_ROWS * torch.get_num_threads())
        total = torch.empty(size, F, dtype=torch.int32)
        for first in range(0, B, size):
            end = min(first + size, B)
            torch._int_mm(self.x_BK[first:end], self.W_FK.t(), out=total[: end - first])
            yield first, end, total[: end - first]

    def bounds(self) -> Tensor:
        """Return for every pre-activation the bits of a bfloat16 not below it, int16 [B, F]."""
        out_BF = torch.empty(len(self.x_BK), len(self.W_FK), dtype=torch.int16)
        latents = self.latents_4F.numpy()
        for first, end, total in self.sums():
            rows, out = self.rows_B3[first:end].numpy(), out_BF[first:end].numpy()
            unused = np.empty((end - first, _LANES), np.int16)
            work = partial(jitted_int8.upper_rows, total.numpy(), latents, rows, out, unused)
            over_rows(end - first, work)
        return out_BF


def bounded(x_BD: Tensor, W_FD: Tensor, b_F: Tensor) -> Bounded | None:
    """Return integer rows of x and W; None where there are none for these numbers or sizes."""
    B, D = x_BD.shape
    K = -(-(D + _SPARE) // _MULTIPLE) * _MULTIPLE
    levels = exact_levels(K)
    if not levels or B == 0:
        return None
    times_D, owner = _columns(x_BD, K)
    x_BK, x_scale, x_rounded, x_norm, x_moved = _quantised(x_BD, times_D, owner, K, _LEVELS, True)
    W_FK, scale, rounded, norm, moved = _quantised(W_FD, times_D, owner, K, levels, False)
    if not bool((x_norm.max() * norm.max() + b_F.abs().max()).isfinite()):
        return None
    x_moved = x_moved * (1 + _NORM_ERROR) + x_norm * (_SUM_ERROR * (D + 8))
    rows_B3 = torch.stack([x_scale, x_moved, x_norm * (1 + _NORM_ERROR)], dim=1)
    bias_F = b_F + b_F.abs() * 2.0**-20
    by_moved_F = torch.maximum(rounded, norm) * (1 + _NORM_ERROR)
    by_norm_F = moved * (1 + _NORM_ERROR) + norm * _SUM_ERROR * 8
    return Bounded(x_BK, W_FK, rows_B3, torch.stack([scale, bias_F, by_moved_F, by_norm_F]))


@functools.cache
def exact_levels(K: int) -> int:
    """Return how large the integers of W may be so that sums of K products are exact; 0: never.

    Processors with AVX2 alone add pairs of products in 16 bits, which overflow from 8 bits on: with
    7 they cannot. What this processor does is tried with the largest numbers.
    """
    signs = torch.ones(64, K, dtype=torch.int8)
    signs[1::2] = -1
    signs[2::4, ::2] = -1
    for levels in (_LEVELS, _LEVELS // 2 + 1):
        try:
            found = torch._int_mm(signs * _LEVELS, (signs * levels).t())
        except RuntimeError:
            return 0
        wanted = (signs.double() @ signs.double().t()) * (_LEVELS * levels)
        if torch.equal(found.double(), wanted):
            return levels
    return 0


def _columns(x_BD: Tensor, K: int) -> tuple[Tensor, Tensor]:
    """Return how many columns each coordinate gets, and the coordinates of those from D on."""
    D, spare = x_BD.shape[1], K - x_BD.shape[1]
    sample = x_BD[:: max(1, len(x_BD) // _SAMPLED_ROWS)]
    size = sample.pow(2).mean(dim=1, keepdim=True).sqrt().clamp(min=torch.finfo().tiny)
    peak = (sample / size).abs().amax(dim=0).nan_to_num(0.0).numpy()
    times, owner = np.ones(D, np.int32), np.empty(spare, np.int32)
    for column in range(spare):
        owner[column] = d = int((peak / times).argmax())
        times[d] += 1
    return torch.from_numpy(times), torch.from_numpy(owner)


def _quantised(
    rows_ND: Tensor, times_D: Tensor, owner: Tensor, K: int, levels: int, is_split: bool
) -> tuple[Tensor, ...]:
    """Return integers [N, K], and per row scale, |rounded|, |row| and |row - rounded|."""
    N = len(rows_ND)
    out = torch.empty(N, K, dtype=torch.int8), *(torch.empty(N) for _ in range(4))
    given = [tensor.numpy() for tensor in (rows_ND, times_D, owner)]
    written = [tensor.numpy() for tensor in out]
    over_rows(N, partial(jitted_int8.quantise_rows, *given, levels, is_split, *written))
    return out
