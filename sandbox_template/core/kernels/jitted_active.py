# mypy: allow-untyped-defs, allow-untyped-calls
"""Machine code that lists what is above a floor in a dense matrix: see active.py."""

from core.kernels.jitted import COUNTS, LONGS, MATRIX, NUMBER, VECTOR, jit


@jit(MATRIX, VECTOR, LONGS, NUMBER, NUMBER)
def count_above(pre, floor, count, first, last):
    """Write how many numbers of each row are above their column's floor; a NaN is one."""
    for r in range(first, last):
        row, found = pre[r], 0
        for f in range(len(row)):
            found += not (row[f] <= floor[f])
        count[r] = found


@jit(MATRIX, VECTOR, LONGS, VECTOR, COUNTS, NUMBER, NUMBER)
def list_above(pre, floor, start, value, index, first, last):
    """Write the numbers that count_above counts and their columns, from start[row] on."""
    for r in range(first, last):
        row, place, end = pre[r], start[r], start[r + 1]
        for f in range(len(row)):
            # Always written, and kept where the place moves on: no branch to guess wrong. Behind a
            # row's last number that would be the place of the next row, perhaps another thread's.
            if place == end:
                break
            value[place], index[place] = row[f], f
            place += not (row[f] <= floor[f])
