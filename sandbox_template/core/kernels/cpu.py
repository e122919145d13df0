"""The primitives of sparse latents on a CPU: numba kernels behind the signatures of reference.py.

Selection screens in bfloat16 where that was measured to be faster: the product is rounded,
candidates are all latents that could still belong to the result, given how far rounding can have
moved them, and candidates are scored again in float32. The bound is rigorous,

    |screened - exact| <= |x - x'| |w'| + |x| |w - w'| + D eps |x| |w|,    x', w' the rounded rows

(Cauchy-Schwarz), so the result is the exact one. A row with more candidates than there is room for
is done again densely; `redone` counts those.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from core.kernels import jitted, jitted_int8, jitted_lists, reference
from core.kernels.arithmetic import product_dtype, screens_in_integers
from core.kernels.integers import Bounded, bounded
from core.kernels.reference import Entries
from core.kernels.screening import Screen, screen
from core.kernels.threads import over_rows

# Candidates that a row has room for, per wanted latent, and at least.
ROOM, LEAST_ROOM = 4, 256
LANES = 256
# Rows whose values are counted to guess where the threshold of a batch lies.
SAMPLED_ROWS = 128
# Screened values of the sample that are scored, per wanted latent.
DEPTH = 4
# A threshold that lets one latent in so many pass is computed densely.
DENSE_FROM = 8
# active.py may list latents and compute on the list.
LISTS_PREACTIVATIONS = True

redone = {"rows": 0}


def topk(x_BD: Tensor, W_FD: Tensor, b_F: Tensor, k: int) -> Entries:
    """Return the k largest of relu(pre) of every row: exactly k entries, in any order."""
    B, F = len(x_BD), len(W_FD)
    value_BK, index_BK = torch.zeros(B, k), torch.zeros(B, k, dtype=torch.int32)
    count_B = torch.empty(B, dtype=torch.int32)
    out = (value_BK, index_BK, count_B)
    sizes = (k, _lanes(F, k), max(ROOM * k, LEAST_ROOM, F // 4))
    integers = bounded(x_BD, W_FD, b_F) if screens_in_integers() else None
    if integers is not None:
        _topk_of_sums(integers, (x_BD, W_FD, b_F), out, sizes)
    else:
        found = screen(x_BD, W_FD, b_F)
        given, kernel = [found.pre_BF, *out], jitted.topk_exact
        if found.rounded:
            given = [found.pre_BF, x_BD, W_FD, b_F, found.slack_B, *out]
            kernel = jitted.topk_rounded
        over_rows(B, partial(kernel, *[tensor.numpy() for tensor in given], *sizes))
    again = (count_B < 0).nonzero().flatten()
    if len(again):
        redone["rows"] += len(again)
        exact = reference.topk(x_BD[again], W_FD, b_F, k)
        value_BK[again], index_BK[again] = exact.value_A.view(-1, k), exact.index_A.view(-1, k)
    return Entries(value_BK.flatten(), index_BK.flatten(), torch.arange(0, B * k + 1, k))


def _topk_of_sums(
    integers: Bounded,
    given: tuple[Tensor, Tensor, Tensor],
    out: tuple[Tensor, Tensor, Tensor],
    sizes: tuple[int, int, int],
) -> None:
    """Select from sums of integers, block by block while they are in a cache."""
    x_BD, W_FD, b_F = given
    weights = [tensor.numpy() for tensor in (W_FD, b_F)]
    for first, end, total in integers.sums():
        part = slice(first, end)
        rows = [tensor[part].numpy() for tensor in (integers.rows_B3, x_BD)]
        written = [tensor[part].numpy() for tensor in out]
        arrays = (total.numpy(), integers.latents_4F.numpy(), *rows, *weights, *written)
        over_rows(end - first, partial(jitted_int8.topk_integers, *arrays, *sizes))


def batch_topk(x_BD: Tensor, W_FD: Tensor, b_F: Tensor, count: int) -> Entries:
    """Return the `count` largest of relu(pre) of all rows together, those above 0."""
    B, F = len(x_BD), len(W_FD)
    count = min(count, B * F)
    found = screen(x_BD, W_FD, b_F)
    if found.rounded:
        listed, flat = _rounded_candidates(found, (x_BD, W_FD, b_F), count)
    else:
        high_BF = found.pre_BF.view(torch.int16)[:, 1::2]
        bound = _reached_by(high_BF.contiguous(), count)
        listed = _exact_candidates(found, bound, max(ROOM * count // B, LEAST_ROOM))
        flat = listed.positive()
    arrays, above_0 = [tensor.numpy() for tensor in listed], len(flat)
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

    def positive(self) -> Tensor:
        """Return the scores above 0 of all rows."""
        flat = torch.empty(int(self.count_B.sum()))
        arrays = [tensor.numpy() for tensor in (self.score_BR, self.count_B, flat)]
        return flat[: jitted_lists.positive_scores(*arrays)]


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


def _exact_candidates(found: Screen, bound: int, room: int) -> _Listed:
    """Return what reaches a number above 0, given by its bits, with room for more if needed."""
    least = float(torch.tensor(bound, dtype=torch.int16).view(torch.bfloat16))
    given = (found.pre_BF.numpy(), np.float32(max(least, 2.0**-149)))
    lanes = min(LANES, found.pre_BF.shape[1])

    def work(listed: _Listed) -> None:
        out = [tensor.numpy() for tensor in listed]
        over_rows(len(found.pre_BF), partial(jitted_lists.candidates_exact, *given, *out, lanes))

    return _with_room(len(found.pre_BF), room, work)


def _rounded_candidates(
    found: Screen, given: tuple[Tensor, Tensor, Tensor], count: int
) -> tuple[_Listed, Tensor]:
    """Return latents among which are the `count` largest, and their scores above 0.

    A sample of rows says which score is probably reached by as many. All that may reach it are
    scored; if fewer do than are wanted, it was too high.
    """
    B = len(found.pre_BF)
    step = max(1, B // SAMPLED_ROWS)
    rows = slice(None, None, step)
    sample = Screen(found.pre_BF[rows].contiguous(), found.slack_B[rows], True)
    of_sample = (given[0][rows].contiguous(), *given[1:])
    share = count * len(sample.pre_BF) / B
    reached = _reached_in_sample(sample.pre_BF, math.ceil(DEPTH * share))
    scores = _reaching(sample, of_sample, reached, count).positive()
    for surplus in (1.1, 1.5, DEPTH / 2, math.inf):
        wanted, least = math.ceil(min(surplus * share, 2.0**62)), 0.0
        if wanted <= len(scores):
            least = jitted.nth_largest(scores.numpy(), len(scores), wanted)
        listed = _reaching(found, given, least, count)
        flat = listed.positive()
        if least <= 0 or int((flat >= least).sum()) >= count:
            break
    return listed, flat


def _reached_in_sample(pre_BF: Tensor, wanted: int) -> float:
    """Return a number that at least `wanted` screened values reach; 0 if fewer are above 0."""
    histogram = torch.empty(32768, dtype=torch.int64)
    jitted_lists.bits_histogram(pre_BF.numpy(), 1, histogram.numpy())
    bound = 32767 - int(torch.searchsorted(histogram.flip(0).cumsum(0), wanted))
    return float(torch.tensor(max(bound, 0), dtype=torch.int16).view(torch.bfloat16))


def _reaching(
    found: Screen, given: tuple[Tensor, Tensor, Tensor], least: float, count: int
) -> _Listed:
    """Return what may score `least` or more, scored."""
    B, F = found.pre_BF.shape
    arrays = [tensor.numpy() for tensor in (found.pre_BF, *given, _cuts(least, found.slack_B))]

    def work(listed: _Listed) -> None:
        out = [tensor.numpy() for tensor in listed]
        over_rows(B, partial(jitted_lists.candidates_rounded, *arrays, *out))

    return _with_room(B, min(F, max(ROOM * count // B, LEAST_ROOM, F // 4)), work)


def _with_room(rows: int, room: int, work: Callable[[_Listed], None]) -> _Listed:
    """Return what work lists, done again with more room if a row has more candidates."""
    while True:
        candidate_BR = torch.empty(rows, room, dtype=torch.int32)
        count_B = torch.empty(rows, dtype=torch.int32)
        listed = _Listed(candidate_BR, torch.empty(rows, room), count_B)
        work(listed)
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
    entry_A, row_A, end_F = _by_latent(index_A, start_B, dict_size)
    return weighted_rows(value_A[entry_A.long()], row_A, end_F, x_BD)


def decode_gradients(
    value_A: Tensor, index_A: Tensor, start_B: Tensor, grad_BD: Tensor, W_FD: Tensor
) -> tuple[Tensor, Tensor]:
    """Return gathered_dot(grad, W) and outer_rows(value, grad), computed in one pass."""
    listed = _by_latent(index_A, start_B, len(W_FD))
    out = (torch.empty_like(value_A), torch.empty_like(W_FD))
    arrays = [tensor.numpy() for tensor in (value_A, grad_BD, W_FD, *listed, *out)]
    over_rows(len(W_FD), partial(jitted.decode_gradients, *arrays))
    return out


def _by_latent(index_A: Tensor, start_B: Tensor, dict_size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return entries sorted by latent, int32: their numbers and rows, and where latents begin."""
    entry_A, row_A = torch.empty_like(index_A), torch.empty_like(index_A)
    end_F = torch.empty(dict_size + 2, dtype=torch.int64)
    given = (index_A, start_B, entry_A, row_A, end_F)
    jitted.transpose(*[tensor.numpy() for tensor in given])
    return entry_A, row_A, end_F[:-1]


def _cuts(least: float, slack_B: Tensor) -> Tensor:
    """Return per row the ordered bits below which nothing can score `least`."""
    lowest_B = least - slack_B
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
