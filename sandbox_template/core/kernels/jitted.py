# mypy: allow-untyped-defs, allow-untyped-calls
"""Machine code of the CPU backend. Signatures are fixed: everything is compiled on import.

Arrays are C-contiguous. Kernels work on rows `first` to `last` and hold no lock while they do.
"Ordered bits" are bfloat16 numbers as int16 that compare as the numbers do: b ^ (b >> 15 & 0x7fff).
B = rows, D = width, F = dictionary size, A = entries, R = room for candidates of a row.
"""

from collections.abc import Callable
from typing import Any

import numba as nb
import numpy as np

# NaN and infinity keep their meaning, so not all of fastmath.
_FASTMATH = {"nsz", "arcp", "contract", "reassoc"}
MATRIX, VECTOR = "float32[:,::1]", "float32[::1]"
BITS, INDEX, COUNTS = "int16[:,::1]", "int32[:,::1]", "int32[::1]"
LONGS, NUMBER = "int64[::1]", "int64"


def jit(*arguments: str, returns: str = "void") -> Callable[[Any], Any]:
    """Compile at once, for this signature alone."""
    signature = f"{returns}({','.join(arguments)})"
    found: Callable[[Any], Any] = nb.njit(
        signature, nogil=True, cache=True, error_model="numpy", fastmath=_FASTMATH
    )
    return found


@jit(MATRIX, "uint16[:,::1]", VECTOR, VECTOR, NUMBER, NUMBER)
def round_rows(W, rounded, norm, moved, first, last):
    """Write bfloat16(W), |bfloat16(w)| and |w - bfloat16(w)| per row; 0 beyond W's columns."""
    D = W.shape[1]
    as_float = np.empty(D, np.float32)
    as_bits = as_float.view(np.uint32)
    for r in range(first, last):
        w, bits, out = W[r], W[r].view(np.uint32), rounded[r]
        out[D:] = 0
        for d in range(D):
            # Round to nearest, ties to even.
            half = np.uint32(0x7FFF) + ((bits[d] >> np.uint32(16)) & np.uint32(1))
            kept = (bits[d] + half) >> np.uint32(16)
            out[d] = kept
            as_bits[d] = kept << np.uint32(16)
        size = error = np.float32(0)
        for d in range(D):
            size += as_float[d] * as_float[d]
            apart = w[d] - as_float[d]
            error += apart * apart
        norm[r], moved[r] = np.sqrt(size), np.sqrt(error)


@jit("int16[::1]", NUMBER, returns="int64")
def count_lanes(lane, cut):
    """Return how many of some numbers (fewer than 32,768) are at least cut."""
    low, count = np.int16(cut), np.int16(0)
    for j in range(len(lane)):
        count = np.int16(count + np.int16(lane[j] >= low))
    return np.int64(count)


@jit("int16[::1]", NUMBER, returns="int64")
def kth_largest_bits(lane, k):
    """Return the k-th largest of some ordered bits, 0 when fewer than k are above 0."""
    low, high = 0, 0
    for j in range(len(lane)):
        high = max(high, lane[j])
    # Of the numbers, k or more are at least low, or low is 0; fewer than k are above high.
    while low < high:
        middle = (low + high + 1) >> 1
        if count_lanes(lane, middle) >= k:
            low = middle
        else:
            high = middle - 1
    return low


@jit(VECTOR, NUMBER, NUMBER, returns="float32")
def nth_largest(values, count, n):
    """Return the n-th largest (from 1) of values[:count], which are put in another order."""
    low, high, wanted = 0, count - 1, n - 1
    while low < high:
        pivot, i, j = values[(low + high) >> 1], low, high
        while i <= j:
            while values[i] > pivot:
                i += 1
            while values[j] < pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if wanted <= j:
            high = j
        elif wanted >= i:
            low = i
        else:
            break
    return values[wanted]


@jit("int16[::1]", "int16[::1]")
def lane_maxima(row, lane):
    """Write the largest bits of every residue class of columns modulo len(lane), 0 at least."""
    lanes = len(lane)
    lane[:] = 0
    for start in range(0, len(row), lanes):
        part = row[start : start + lanes]
        for j in range(len(part)):
            # Bits of negative numbers are negative, in whatever order.
            lane[j] = max(lane[j], part[j])


@jit(VECTOR, VECTOR)
def float_maxima(row, lane):
    """Write the largest number of every residue class of columns, 0 where none is above it."""
    lanes = len(lane)
    lane[:] = 0
    for start in range(0, len(row), lanes):
        part = row[start : start + lanes]
        for j in range(len(part)):
            lane[j] = max(lane[j], part[j])


@jit("int16[::1]", NUMBER, NUMBER, "uint64[::1]", COUNTS, COUNTS, NUMBER, returns="int64")
def list_between(row, cut, end, words, hit, candidate, count):
    """List the columns whose ordered bits are from cut to before end, behind `count` others.

    Return how many are listed then. words: a byte per column, hit: a number per word and one more,
    candidate: room for all columns and one more. To write what is not kept, and then write over
    it, is faster than to branch.
    """
    F, hits, flags = len(row), 0, words.view(np.uint8)
    low, most = np.int16(cut), np.int16(end - 1)
    if cut > 0:
        for f in range(F):
            flags[f] = (row[f] >= low) & (row[f] <= most)
    else:
        for f in range(F):
            bits = row[f] ^ ((row[f] >> 15) & np.int16(0x7FFF))
            flags[f] = (bits >= low) & (bits <= most)
    flags[F:] = 0
    for j in range(len(words)):
        hit[hits] = j
        hits += words[j] != 0
    for h in range(hits):
        for f in range(8 * hit[h], 8 * hit[h] + 8):
            candidate[count] = f
            count += flags[f]
    return count


@jit("float32", VECTOR, "uint32[::1]", returns="int64")
def floor_bits(value, scratch, scratch_bits):
    """Return the ordered bits of the largest bfloat16 not above value."""
    scratch[0] = value
    bits = np.int64(scratch_bits[0] >> np.uint32(16))
    if value >= 0:
        return bits
    # Cutting bits moves a negative number towards 0: one further down, then put in order.
    return (bits + 1 - 65536) ^ 0x7FFF


@jit(VECTOR, MATRIX, VECTOR, COUNTS, NUMBER, NUMBER, VECTOR)
def score_again(x, W, b, candidate, first, end, score):
    """Write x . W[candidate] + b[candidate] for the candidates from `first` to before `end`."""
    D = len(x)
    for c in range(first, end):
        w = W[candidate[c]]
        total = np.float32(0)
        for d in range(D):
            total += x[d] * w[d]
        score[c] = total + b[candidate[c]]


@jit(COUNTS, NUMBER, NUMBER, returns="int32")
def kth_largest_score(bits, count, k):
    """Return the bits of the k-th largest of `count` float32 numbers, 0 if it is not above 0.

    bits: the numbers as int32, in which positive ones compare as they do. To halve the range and
    count again is faster for a few hundred than quickselect, whose branches cannot be predicted.
    """
    low, high = np.int32(0), np.int32(0)
    for c in range(count):
        high = max(high, bits[c])
    while low < high:
        middle = np.int32(low + ((high - low + 1) >> 1))
        reached = np.int32(0)
        for c in range(count):
            reached = np.int32(reached + np.int32(bits[c] >= middle))
        if reached >= k:
            low = middle
        else:
            high = np.int32(middle - 1)
    return low


@jit(COUNTS, VECTOR, NUMBER, NUMBER, VECTOR, COUNTS)
def keep_largest(candidate, score, count, k, value, index):
    """Write the k largest scores, those above 0, and what they belong to; the rest stays 0.

    candidate and score are written over.
    """
    bits = score.view(np.int32)
    least = kth_largest_score(bits, count, k) if count > k else np.int32(0)
    ties = k if least > 0 else 0
    for c in range(count):
        ties -= bits[c] > least
    kept = 0
    for c in range(count):
        is_tie = (bits[c] == least) & (ties > 0)
        is_kept = (bits[c] > least) | is_tie
        score[kept], candidate[kept] = score[c], candidate[c]
        ties -= is_tie
        kept += is_kept
    for c in range(kept):
        value[c], index[c] = score[c], candidate[c]


@jit(
    "int16[::1]", "int16[::1]", VECTOR, MATRIX, VECTOR, "float32", NUMBER, NUMBER, "uint64[::1]",
    COUNTS, COUNTS, *[VECTOR] * 2, COUNTS, returns="int64",
)  # fmt: skip
def topk_row(row, lane, x, W, b, slack, k, room, words, hit, candidate, score, value, index):
    """Write the k largest relu(x . W + b); return the number of candidates, -1 for too many.

    row: bits of screened values, lane: its maxima. The columns that screening takes for the best
    are scored first, and the k-th largest of these scores is what any other has to reach.
    """
    bits = score.view(np.int32)
    bound = max(kth_largest_bits(lane, k), 1)
    found = list_between(row, bound, 32768, words, hit, candidate, 0)
    if found > room:
        return -1
    score_again(x, W, b, candidate, 0, found, score)
    # One more place behind the scores, for numbers of which the bits are looked at.
    last = len(score) - 1
    bits[last] = kth_largest_score(bits, found, k) if found >= k else 0
    lowest = score[last] - slack
    lowest -= abs(lowest) * np.float32(2**-8)
    cut = floor_bits(lowest, score[last:], score[last:].view(np.uint32))
    if slack == 0:
        # What is not above 0 is exactly that.
        cut = max(cut, 1)
    if cut < bound:
        best, found = found, list_between(row, cut, bound, words, hit, candidate, found)
        if found > room:
            return -1
        score_again(x, W, b, candidate, best, found, score)
    keep_largest(candidate, score, found, k, value, index)
    return found


@jit(BITS, MATRIX, MATRIX, VECTOR, VECTOR, MATRIX, INDEX, COUNTS, *[NUMBER] * 5)
def topk_rounded(pre, x, W, b, slack, value, index, count, k, lanes, room, first, last):
    """Write the k largest relu(x . W + b) of each row. count: candidates, -1 for too many."""
    F = pre.shape[1]
    lane, words = np.empty(lanes, np.int16), np.empty((F + 7) // 8, np.uint64)
    hit = np.empty(len(words) + 1, np.int32)
    candidate, score = np.empty(F + 1, np.int32), np.empty(F + 1, np.float32)
    for r in range(first, last):
        lane_maxima(pre[r], lane)
        count[r] = topk_row(
            pre[r], lane, x[r], W, b, slack[r], k, room, words, hit, candidate, score,
            value[r], index[r],
        )  # fmt: skip


@jit(MATRIX, MATRIX, INDEX, COUNTS, *[NUMBER] * 5)
def topk_exact(pre, value, index, count, k, lanes, room, first, last):
    """Write the k largest relu(pre) of each row. count: candidates, -1 for too many."""
    F = pre.shape[1]
    lane = np.empty(lanes, np.float32)
    lane_high = np.empty(lanes, np.int16)
    candidate, score = np.empty(room, np.int32), np.empty(room, np.float32)
    scratch = np.empty(1, np.float32)
    scratch_bits, lane_bits = scratch.view(np.uint32), lane.view(np.int32)
    for r in range(first, last):
        row = pre[r]
        float_maxima(row, lane)
        for j in range(lanes):
            lane_high[j] = lane_bits[j] >> 16
        bound = kth_largest_bits(lane_high, k)
        scratch_bits[0] = np.uint32(bound) << np.uint32(16)
        found = 0
        for j in range(lanes):
            if lane[j] >= scratch[0] and lane[j] > 0:
                for f in range(j, F, lanes):
                    if row[f] >= scratch[0] and row[f] > 0:
                        if found < room:
                            candidate[found], score[found] = f, row[f]
                        found += 1
        count[r] = found if found <= room else -1
        if found <= room:
            keep_largest(candidate, score, found, k, value[r], index[r])


@jit(MATRIX, MATRIX, COUNTS, LONGS, VECTOR, NUMBER, NUMBER)
def gathered_dot(x, W, index, start, out, first, last):
    """Write x[row] . W[index] for the entries of some rows."""
    D = x.shape[1]
    for r in range(first, last):
        row = x[r]
        for a in range(start[r], start[r + 1]):
            w = W[index[a]]
            total = np.float32(0)
            for d in range(D):
                total += row[d] * w[d]
            out[a] = total


@jit(VECTOR, COUNTS, LONGS, MATRIX, MATRIX, NUMBER, NUMBER)
def weighted_rows(value, index, start, W, y, first, last):
    """Write y[row], the sum of value * W[index] over the entries of some rows."""
    D = W.shape[1]
    for r in range(first, last):
        row = y[r]
        row[:] = 0
        a, end = start[r], start[r + 1]
        # Four at a time: y[row] is loaded and stored once for all of them.
        while a + 3 < end:
            w0, w1, w2, w3 = W[index[a]], W[index[a + 1]], W[index[a + 2]], W[index[a + 3]]
            v0, v1, v2, v3 = value[a], value[a + 1], value[a + 2], value[a + 3]
            for d in range(D):
                row[d] += v0 * w0[d] + v1 * w1[d] + v2 * w2[d] + v3 * w3[d]
            a += 4
        while a < end:
            w0, v0 = W[index[a]], value[a]
            for d in range(D):
                row[d] += v0 * w0[d]
            a += 1


@jit(COUNTS, LONGS, COUNTS, COUNTS, LONGS)
def transpose(index, start, entry, row, end):
    """List entries by latent: which they are and their rows, of f from end[f] to end[f + 1].

    end has F + 2 places and is filled on the way: the last one is left over.
    """
    end[:] = 0
    for a in range(len(index)):
        end[index[a] + 2] += 1
    for f in range(2, len(end)):
        end[f] += end[f - 1]
    for r in range(len(start) - 1):
        for a in range(start[r], start[r + 1]):
            place = end[index[a] + 1]
            end[index[a] + 1] = place + 1
            entry[place], row[place] = a, r


@jit(VECTOR, MATRIX, MATRIX, COUNTS, COUNTS, LONGS, VECTOR, MATRIX, NUMBER, NUMBER)
def decode_gradients(value, grad, W, entry, row, end, grad_value, grad_W, first, last):
    """Write the gradients of values and weights for some latents, each row of grad read once."""
    D = W.shape[1]
    for f in range(first, last):
        w, out = W[f], grad_W[f]
        out[:] = 0
        a, stop = end[f], end[f + 1]
        while a + 1 < stop:
            g0, g1 = grad[row[a]], grad[row[a + 1]]
            v0, v1 = value[entry[a]], value[entry[a + 1]]
            dot0 = dot1 = np.float32(0)
            for d in range(D):
                out[d] += v0 * g0[d] + v1 * g1[d]
                dot0 += w[d] * g0[d]
                dot1 += w[d] * g1[d]
            grad_value[entry[a]], grad_value[entry[a + 1]] = dot0, dot1
            a += 2
        if a < stop:
            g0, v0, dot0 = grad[row[a]], value[entry[a]], np.float32(0)
            for d in range(D):
                out[d] += v0 * g0[d]
                dot0 += w[d] * g0[d]
            grad_value[entry[a]] = dot0
