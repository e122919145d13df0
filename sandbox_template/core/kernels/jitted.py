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
    """Write the largest ordered bits of every residue class of columns modulo len(lane)."""
    lanes = len(lane)
    lane[:] = -32768
    for start in range(0, len(row), lanes):
        part = row[start : start + lanes]
        for j in range(len(part)):
            bits = part[j] ^ ((part[j] >> 15) & 0x7FFF)
            lane[j] = max(lane[j], np.int16(bits))


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


@jit(COUNTS, VECTOR, NUMBER, NUMBER, VECTOR, VECTOR, COUNTS)
def keep_largest(candidate, score, count, k, scratch, value, index):
    """Write the k largest scores, those above 0, and what they belong to; the rest stays 0."""
    least = np.float32(0)
    if count > k:
        for c in range(count):
            scratch[c] = score[c]
        least = max(nth_largest(scratch, count, k), np.float32(0))
    kept = 0
    for c in range(count):
        if score[c] > least:
            value[kept], index[kept] = score[c], candidate[c]
            kept += 1
    if least > 0:
        for c in range(count):
            if kept < k and score[c] == least:
                value[kept], index[kept] = score[c], candidate[c]
                kept += 1


@jit(
    "int16[::1]", "int16[::1]", VECTOR, MATRIX, VECTOR, "float32", NUMBER, NUMBER, "uint64[::1]",
    COUNTS, COUNTS, *[VECTOR] * 3, COUNTS, returns="int64",
)  # fmt: skip
def topk_row(
    row, lane, x, W, b, slack, k, room, words, hit, candidate, score, ordered, value, index
):
    """Write the k largest relu(x . W + b); return the number of candidates, -1 for too many.

    row: bits of screened values, lane: its maxima. The columns that screening takes for the best
    are scored first, and the k-th largest of these scores is what any other has to reach.
    """
    scratch = ordered[:1]
    scratch_bits = scratch.view(np.uint32)
    bound = max(kth_largest_bits(lane, k), 1)
    found = list_between(row, bound, 32768, words, hit, candidate, 0)
    if found > room:
        return -1
    score_again(x, W, b, candidate, 0, found, score)
    least = np.float32(0)
    if found >= k:
        ordered[:found] = score[:found]
        least = max(nth_largest(ordered, found, k), least)
    lowest = least - slack
    lowest -= abs(lowest) * np.float32(2**-8)
    cut = floor_bits(lowest, scratch, scratch_bits)
    if cut < bound:
        best, found = found, list_between(row, cut, bound, words, hit, candidate, found)
        if found > room:
            return -1
        score_again(x, W, b, candidate, best, found, score)
    keep_largest(candidate, score, found, k, ordered, value, index)
    return found


@jit(BITS, MATRIX, MATRIX, VECTOR, VECTOR, MATRIX, INDEX, COUNTS, *[NUMBER] * 5)
def topk_rounded(pre, x, W, b, slack, value, index, count, k, lanes, room, first, last):
    """Write the k largest relu(x . W + b) of each row. count: candidates, -1 for too many."""
    F = pre.shape[1]
    lane, words = np.empty(lanes, np.int16), np.empty((F + 7) // 8, np.uint64)
    hit = np.empty(len(words) + 1, np.int32)
    candidate, score = np.empty(F + 1, np.int32), np.empty(F, np.float32)
    ordered = np.empty(F, np.float32)
    for r in range(first, last):
        lane_maxima(pre[r], lane)
        count[r] = topk_row(
            pre[r], lane, x[r], W, b, slack[r], k, room, words, hit, candidate, score, ordered,
            value[r], index[r],
        )  # fmt: skip


@jit(MATRIX, MATRIX, INDEX, COUNTS, *[NUMBER] * 5)
def topk_exact(pre, value, index, count, k, lanes, room, first, last):
    """Write the k largest relu(pre) of each row. count: candidates, -1 for too many."""
    F = pre.shape[1]
    lane = np.empty(lanes, np.float32)
    lane_high = np.empty(lanes, np.int16)
    candidate, score = np.empty(room, np.int32), np.empty(room, np.float32)
    ordered, scratch = np.empty(room, np.float32), np.empty(1, np.float32)
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
            keep_largest(candidate, score, found, k, ordered, value[r], index[r])


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


@jit(VECTOR, COUNTS, LONGS, VECTOR, COUNTS, LONGS)
def transpose(value, index, start, new_value, row, end):
    """List entries by latent: new_value and row, those of latent f from end[f] to end[f + 1].

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
            new_value[place], row[place] = value[a], r
