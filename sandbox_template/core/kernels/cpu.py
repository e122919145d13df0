"""The primitives of sparse latents on a CPU: numba kernels behind the signatures of reference.py.

Selection screens in bfloat16 where that was measured to be faster: the product is rounded,
candidates are all latents that could still belong to the result, given how far rounding can have
moved them, and candidates are scored again in float32. The bound is rigorous,

    |screened - exact| <= |x - x'| |w'| + |x| |w - w'| + D eps |x| |w|,    x', w' the rounded rows

(Cauchy-Schwarz), so the result is the exact one. A row with more candidates than there is room for
is done again densely; `redone` counts those.
"""

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from core.kernels import jitted, jitted_lists, reference
from core.kernels.arithmetic import product_dtype
from core.kernels.reference import Entries
from core.kernels.screening import Screen, screen
from core.kernels.threads import over_rows

# Candidates that a row has room for, per wanted latent, and at least.
ROOM, LEAST_ROOM = 4, 256
LANES = 256
# Rows whose values are counted to guess where the threshold of a batch lies.
SAMPLED_ROWS = 64
# A threshold that lets one latent in so many pass is computed densely.
DENSE_FROM = 8
# active.py may list latents and compute on the list.
LISTS_PREACTIVATIONS = True

redone = {"rows": 0}


def topk(x_BD: Tensor, W_FD: Tensor, b_F: Tensor, k: int) -> Entries:
    """Return the k largest of relu(pre) of every row: exactly k entries, in any order."""
    B, found = len(x_BD), screen(x_BD, W_FD, b_F)
    value_BK, index_BK = torch.zeros(B, k), torch.zeros(B, k, dtype=torch.int32)
    count_B = torch.empty(B, dtype=torch.int32)
    sizes = (k, _lanes(len(W_FD), k), max(ROOM * k, LEAST_ROOM))
    if found.rounded:
        given = [found.pre_BF, x_BD, W_FD, b_F, found.slack_B, value_BK, index_BK, count_B]
        kernel = jitted.topk_rounded
    else:
        given, kernel = [found.pre_BF, value_BK, index_BK, count_B], jitted.topk_exact
    arrays = [tensor.numpy() for tensor in given]
    over_rows(B, partial(kernel, *arrays, *sizes))
    again = (count_B < 0).nonzero().flatten()
    if len(again):
        redone["rows"] += len(again)
        exact = reference.topk(x_BD[again], W_FD, b_F, k)
        value_BK[again], index_BK[again] = exact.value_A.view(-1, k), exact.index_A.view(-1, k)
    return Entries(value_BK.flatten(), index_BK.flatten(), torch.arange(0, B * k + 1, k))


def batch_topk(x_BD: Tensor, W_FD: Tensor, b_F: Tensor, count: int) -> Entries:
    """Return the `count` largest of relu(pre) of all rows together, those above 0."""
    B, F = len(x_BD), len(W_FD)
    count = min(count, B * F)
    found = screen(x_BD, W_FD, b_F)
    high_BF = found.pre_BF if found.rounded else found.pre_BF.view(torch.int16)[:, 1::2]
    bound = _reached_by(high_BF.contiguous(), count)
    listed = _candidates(found, (x_BD, W_FD, b_F), bound, max(ROOM * count // B, LEAST_ROOM))
    arrays = [tensor.numpy() for tensor in listed]
    flat = torch.empty(int(listed.count_B.sum()))
    above_0 = jitted_lists.positive_scores(arrays[1], arrays[2], flat.numpy())
    least, ties = 0.0, 0
    if above_0 > count:
        least = jitted.nth_largest(flat.numpy(), above_0, count)
        ties = count - int((flat[:above_0] > least).sum())
    kept = min(count, above_0)
    value_A, index_A = torch.empty(kept), torch.empty(kept, dtype=torch.int32)
    start_B = torch.empty(B + 1, dtype=torch.int64)
    out = [tensor.numpy() for tensor in (value_A, index_A, start_B)]
    jitted_lists.keep_from(*arrays, np.float32(least), ties, *out)
    return Entries(value_A, index_A, start_B)


class _Listed(NamedTuple):
    """Candidates of every row with their exact scores; room beyond count_B is not filled."""

    candidate_BR: Tensor
    score_BR: Tensor
    count_B: Tensor


def _reached_by(high_BF: Tensor, count: int) -> int:
    """Return bits of a bfloat16 that at least `count` numbers reach; 0 when fewer are above 0.

    A sample of rows says where to look; counting all rows says whether it was right.
    """
    B, high = len(high_BF), high_BF.numpy()
    histogram = torch.empty(32768, dtype=torch.int64)
    step = max(1, B // SAMPLED_ROWS)
    jitted_lists.bits_histogram(high, step, histogram.numpy())
    reach = histogram.flip(0).cumsum(0)
    sampled = len(range(0, B, step))
    for surplus in (1.02, 1.1, 1.3, 2.0, 4.0, 16.0):
        wanted = math.ceil(surplus * count * sampled / B)
        bound = 32767 - int(torch.searchsorted(reach, wanted))
        if bound <= 0:
            break
        if sum(over_rows(B, partial(jitted_lists.count_from, high, bound))) >= count:
            return bound
    return 0


def _candidates(
    found: Screen, given: tuple[Tensor, Tensor, Tensor], bound: int, room: int
) -> _Listed:
    """Return all that may be among the wanted, when `bound` (bits) is reached by as many."""
    B, F = found.pre_BF.shape
    reached = float(torch.tensor(bound, dtype=torch.int16).view(torch.bfloat16))
    lanes = min(LANES, F)
    while True:
        candidate_BR = torch.empty(B, room, dtype=torch.int32)
        listed = _Listed(candidate_BR, torch.empty(B, room), torch.empty(B, dtype=torch.int32))
        out = [tensor.numpy() for tensor in listed]
        if found.rounded:
            cut_B = _cuts(reached, found.slack_B)
            arrays: list[Any] = [tensor.numpy() for tensor in (found.pre_BF, *given, cut_B)]
            kernel = jitted_lists.candidates_rounded
        else:
            arrays = [found.pre_BF.numpy(), np.float32(max(reached, 2.0**-149))]
            kernel = jitted_lists.candidates_exact
        over_rows(B, partial(kernel, *arrays, *out, lanes))
        most = int(listed.count_B.max())
        if most <= room:
            return listed
        room = most


def above(x_BD: Tensor, W_FD: Tensor, b_F: Tensor, floor_F: Tensor) -> Entries:
    """Return every pre-activation above its latent's floor; values may be negative.

    Dense where more than one latent in eight may be, in the first rows, or one in two in any row.
    """
    B, F = len(x_BD), len(W_FD)
    if product_dtype() == torch.float32:
        return reference.above(x_BD, W_FD, b_F, floor_F)
    found, room = screen(x_BD, W_FD, b_F), max(1, F // 2)
    listed = _Listed(
        torch.empty(B, room, dtype=torch.int32),
        torch.empty(B, room),
        torch.zeros(B, dtype=torch.int32),
    )
    given = (found.pre_BF, x_BD, W_FD, b_F, floor_F, found.slack_B, *listed)
    arrays = [tensor.numpy() for tensor in given]
    work, first = partial(jitted_lists.above_rounded, *arrays), min(B, SAMPLED_ROWS)
    work(0, first)
    many = int(listed.count_B.sum()) > first * F // DENSE_FROM
    if not many:
        over_rows(B - first, lambda start, end: work(first + start, first + end))
    if many or bool((listed.count_B < 0).any()):
        redone["rows"] += B
        return reference.above(x_BD, W_FD, b_F, floor_F)
    most = int(listed.count_B.sum())
    value_A, index_A = torch.empty(most), torch.empty(most, dtype=torch.int32)
    start_B = torch.empty(B + 1, dtype=torch.int64)
    out = [tensor.numpy() for tensor in (*listed, floor_F, value_A, index_A, start_B)]
    kept = jitted_lists.keep_above(*out)
    return Entries(value_A[:kept], index_A[:kept], start_B)


def gathered_dot(x_BD: Tensor, W_FD: Tensor, index_A: Tensor, start_B: Tensor) -> Tensor:
    """Return value_A = x[row] . W[index], float32."""
    value_A = torch.empty(len(index_A))
    arrays = [tensor.numpy() for tensor in (x_BD, W_FD, index_A, start_B, value_A)]
    over_rows(len(x_BD), partial(jitted.gathered_dot, *arrays))
    return value_A


def weighted_rows(value_A: Tensor, index_A: Tensor, start_B: Tensor, W_FD: Tensor) -> Tensor:
    """Return y [B, D]: the sum of value * W[index] over the entries of each row."""
    y_BD = torch.empty(len(start_B) - 1, W_FD.shape[1])
    arrays = [tensor.numpy() for tensor in (value_A, index_A, start_B, W_FD, y_BD)]
    over_rows(len(y_BD), partial(jitted.weighted_rows, *arrays))
    return y_BD


def outer_rows(
    value_A: Tensor, index_A: Tensor, start_B: Tensor, x_BD: Tensor, dict_size: int
) -> Tensor:
    """Return G [F, D]: the sum of value * x[row] over the entries of each latent."""
    new_value_A, row_A = torch.empty_like(value_A), torch.empty_like(index_A)
    end_F = torch.empty(dict_size + 2, dtype=torch.int64)
    given = (value_A, index_A, start_B, new_value_A, row_A, end_F)
    jitted.transpose(*[tensor.numpy() for tensor in given])
    return weighted_rows(new_value_A, row_A, end_F[:-1], x_BD)


def _cuts(reached: float, slack_B: Tensor) -> Tensor:
    """Return per row the ordered bits below which nothing can be among the wanted."""
    wanted = reached * (1 - 2**-8) - float(slack_B.max())
    lowest_B = wanted - slack_B
    lowest_B -= lowest_B.abs() * 2**-8
    # A step down in bits where rounding to bfloat16 may have gone up.
    bits_B = lowest_B.bfloat16().view(torch.int16).to(torch.int64)
    ordered_B = torch.where(bits_B >= 0, bits_B, bits_B ^ 0x7FFF)
    return ordered_B - 1


def _lanes(dict_size: int, k: int) -> int:
    """Return how many residue classes a row is split into: enough to tell k largest apart."""
    lanes = LANES
    while lanes < 8 * k and lanes < dict_size:
        lanes *= 2
    return min(lanes, dict_size)
