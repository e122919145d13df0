# mypy: allow-untyped-defs, allow-untyped-calls
"""Machine code that rounds rows to 8-bit integers and turns sums of them into bounds.

See integers.py for what is bounded. K = columns of the integer rows: D, then repeated ones.
"""

import numpy as np

from core.kernels.jitted import (
    BITS,
    COUNTS,
    INDEX,
    MATRIX,
    NUMBER,
    VECTOR,
    jit,
    topk_row,
)

# Rows of which the bounds stay in the second cache.
BLOCK = 32
BYTES = "int8[:,::1]"


@jit("int8[::1]", VECTOR, COUNTS)
def _leave_the_rest(row, whole, owner):
    """Subtract from each coordinate of a row what its further columns hold."""
    D = len(whole)
    for c in range(D, len(row)):
        d = owner[c - D]
        if d >= 0:
            whole[d] -= np.float32(row[c])
            row[d] = np.int8(np.int32(whole[d]))


@jit(MATRIX, COUNTS, COUNTS, NUMBER, "boolean", BYTES, *[VECTOR] * 4, NUMBER, NUMBER)
def quantise_rows(W, times, owner, levels, is_split, out, scale, norm, own, moved, first, last):
    """Write W / scale in integers, |rounded w|, |w| and |w - rounded w| per row.

    times: in how many columns each coordinate is written; owner: the coordinates of the columns
    from D on, -1 for none. is_split: the integer of a coordinate is the sum of its columns, and
    as many times larger than `levels`; otherwise each column holds it whole.
    """
    D, K = W.shape[1], out.shape[1]
    whole, share = np.empty(D, np.float32), np.empty(D, np.float32)
    bits = whole.view(np.int32)
    for d in range(D):
        share[d] = np.float32(1) / np.float32(times[d] if is_split else 1)
    for r in range(first, last):
        w, row = W[r], out[r]
        for d in range(D):
            whole[d] = abs(w[d]) * share[d]
        # Bits of positive numbers compare as these do, and their maximum is vectorized.
        top = np.int32(0)
        for d in range(D):
            top = max(top, bits[d])
        bits[0] = top
        most = whole[0]
        step = most / np.float32(levels)
        inverse = np.float32(levels) / most if most > 0 else np.float32(0)
        size = error = full = np.float32(0)
        for d in range(D):
            whole[d] = np.rint(w[d] * inverse)
            near = whole[d] * step
            size += near * near
            full += w[d] * w[d]
            error += (w[d] - near) * (w[d] - near)
        for d in range(D):
            row[d] = np.int8(np.int32(whole[d]))
        for c in range(D, K):
            row[c] = 0
            d = owner[c - D]
            if d >= 0 and is_split:
                # The share is rounded, so a quotient may end a little above the largest integer.
                part = min(np.ceil(abs(whole[d]) * share[d]), np.float32(levels))
                row[c] = np.int8(part if whole[d] > 0 else -part)
            elif d >= 0:
                row[c] = row[d]
        if is_split:
            _leave_the_rest(row, whole, owner)
        scale[r], norm[r] = step, np.sqrt(size)
        own[r], moved[r] = np.sqrt(full), np.sqrt(error)


@jit(INDEX, MATRIX, MATRIX, BITS, BITS, NUMBER, NUMBER)
def upper_rows(total, latents, rows, out, lane, first, last):
    """Write bfloat16 bits that are not below any x . w + b, from sums of integers, and maxima.

    latents: per latent its scale, its bias and what `moved` and `norm` of x are multiplied with;
    rows: per row its scale, moved and norm; lane: as of jitted.lane_maxima. A block of latents
    stays in the fastest cache for all rows.
    """
    F, lanes = total.shape[1], lane.shape[1]
    bound = np.empty(lanes, np.float32)
    bits = bound.view(np.int32)
    lane[first:last] = 0
    for start in range(0, F, lanes):
        end = min(start + lanes, F)
        step, bias = latents[0, start:end], latents[1, start:end]
        by_moved, by_norm = latents[2, start:end], latents[3, start:end]
        for r in range(first, last):
            sums, part, most = total[r, start:end], out[r, start:end], lane[r]
            scale, moved, norm = rows[r, 0], rows[r, 1], rows[r, 2]
            for j in range(end - start):
                slack = moved * by_moved[j] + norm * by_norm[j]
                bound[j] = np.float32(sums[j]) * (step[j] * scale) + (bias[j] + slack)
            for j in range(end - start):
                # Cutting 16 bits moves a positive number down and a negative one up.
                up = 0xFFFF & ~(bits[j] >> 31)
                part[j] = (bits[j] + up) >> 16
                most[j] = max(most[j], part[j])


@jit(INDEX, MATRIX, MATRIX, *[MATRIX] * 2, VECTOR, MATRIX, INDEX, COUNTS, *[NUMBER] * 5)
def topk_integers(total, latents, rows, x, W, b, value, index, count, k, lanes, room, first, last):
    """Write the k largest relu(x . W + b) of each row. count: candidates, -1 for too many."""
    F = total.shape[1]
    bits, lane = np.empty((BLOCK, F), np.int16), np.empty((BLOCK, lanes), np.int16)
    words, candidate = np.empty((F + 7) // 8, np.uint64), np.empty(F + 1, np.int32)
    hit, score = np.empty(len(words) + 1, np.int32), np.empty(F + 1, np.float32)
    for start in range(first, last, BLOCK):
        end = min(start + BLOCK, last)
        upper_rows(total[start:end], latents, rows[start:end], bits, lane, 0, end - start)
        for r in range(start, end):
            count[r] = topk_row(
                bits[r - start], lane[r - start], x[r], W, b, np.float32(0), k, room, words, hit,
                candidate, score, value[r], index[r],
            )  # fmt: skip
