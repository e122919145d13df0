# mypy: allow-untyped-defs, allow-untyped-calls
"""Machine code that lists what passes a threshold: batch-wise TopK, ReLU, JumpReLU. See cpu.py."""

import numpy as np

from core.kernels.jitted import (
    BITS,
    COUNTS,
    INDEX,
    LONGS,
    MATRIX,
    NUMBER,
    VECTOR,
    float_maxima,
    jit,
    list_between,
    score_again,
)

BLOCK = 64


@jit(BITS, NUMBER, LONGS)
def bits_histogram(pre, step, histogram):
    """Count the bits of positive bfloat16 numbers in every step-th row; histogram has 32,768."""
    histogram[:] = 0
    for r in range(0, pre.shape[0], step):
        for bits in pre[r]:
            if bits > 0:
                histogram[bits] += 1


@jit(BITS, NUMBER, NUMBER, NUMBER, returns="int64")
def count_from(pre, bound, first, last):
    """Return how many numbers of some rows have bits of at least bound, which is above 0."""
    total, low = 0, np.int16(bound)
    for r in range(first, last):
        found = 0
        for bits in pre[r]:
            found += bits >= low
        total += found
    return total


@jit(BITS, MATRIX, MATRIX, VECTOR, LONGS, INDEX, MATRIX, COUNTS, NUMBER, NUMBER)
def candidates_rounded(pre, x, W, b, cut, candidate, score, count, first, last):
    """List the columns from cut[row] on and score them again; count says how many there are."""
    F, room = pre.shape[1], candidate.shape[1]
    words, listed = np.empty((F + 7) // 8, np.uint64), np.empty(F + 1, np.int32)
    hit = np.empty(len(words) + 1, np.int32)
    for r in range(first, last):
        found = list_between(pre[r], cut[r], 32768, words, hit, listed, 0)
        count[r], kept = found, min(found, room)
        candidate[r, :kept] = listed[:kept]
        score_again(x[r], W, b, listed, 0, kept, score[r])


@jit(MATRIX, "float32", INDEX, MATRIX, COUNTS, *[NUMBER] * 3)
def candidates_exact(pre, cut, candidate, score, count, lanes, first, last):
    """List the columns from cut on, which is above 0; count says how many there are."""
    F, room = pre.shape[1], candidate.shape[1]
    lane = np.empty(lanes, np.float32)
    for r in range(first, last):
        float_maxima(pre[r], lane)
        found = 0
        for j in range(lanes):
            if lane[j] >= cut:
                for f in range(j, F, lanes):
                    if pre[r, f] >= cut:
                        if found < room:
                            candidate[r, found], score[r, found] = f, pre[r, f]
                        found += 1
        count[r] = found


@jit(MATRIX, COUNTS, VECTOR, returns="int64")
def positive_scores(score, count, flat):
    """List the scores above 0 of all rows; return how many there are."""
    total = 0
    for r in range(score.shape[0]):
        for c in range(count[r]):
            if score[r, c] > 0:
                flat[total] = score[r, c]
                total += 1
    return total


@jit(INDEX, MATRIX, COUNTS, "float32", NUMBER, VECTOR, COUNTS, LONGS)
def keep_from(candidate, score, count, least, ties, value, index, start):
    """List what scores more than least, and the first `ties` of what scores just that."""
    kept = 0
    for r in range(score.shape[0]):
        start[r] = kept
        for c in range(count[r]):
            if score[r, c] > least or (score[r, c] == least and ties > 0):
                ties -= score[r, c] == least
                value[kept], index[kept] = score[r, c], candidate[r, c]
                kept += 1
    start[score.shape[0]] = kept


@jit(BITS, MATRIX, MATRIX, *[VECTOR] * 3, INDEX, MATRIX, COUNTS, NUMBER, NUMBER)
def above_rounded(pre, x, W, b, floor, slack, candidate, score, count, first, last):
    """List the columns that may be above their floor, scored again; count: -1 for too many.

    slack: how far a screened value, before it was rounded to 8 bits itself, may be off.
    """
    F, room = pre.shape[1], candidate.shape[1]
    over = np.empty(BLOCK, np.float32)
    bits = np.empty(BLOCK, np.uint32)
    screened = bits.view(np.float32)
    for r in range(first, last):
        found = 0
        for start in range(0, F, BLOCK):
            row, least = pre[r, start : start + BLOCK], floor[start : start + BLOCK]
            for j in range(len(row)):
                bits[j] = np.uint32(np.uint16(row[j])) << np.uint32(16)
            most = np.float32(-1)
            for j in range(len(row)):
                lowest = least[j] - slack[r]
                over[j] = screened[j] - (lowest - abs(lowest) * np.float32(2**-8))
                most = max(most, over[j])
            if most >= 0:
                for j in range(len(row)):
                    if over[j] >= 0:
                        if found < room:
                            candidate[r, found] = start + j
                        found += 1
        count[r] = found if found <= room else -1
        if found <= room:
            score_again(x[r], W, b, candidate[r], 0, found, score[r])


@jit(INDEX, MATRIX, COUNTS, VECTOR, VECTOR, COUNTS, LONGS, returns="int64")
def keep_above(candidate, score, count, floor, value, index, start):
    """List what scores more than its latent's floor; return how many there are."""
    kept = 0
    for r in range(score.shape[0]):
        start[r] = kept
        for c in range(count[r]):
            if score[r, c] > floor[candidate[r, c]]:
                value[kept], index[kept] = score[r, c], candidate[r, c]
                kept += 1
    start[score.shape[0]] = kept
    return kept
