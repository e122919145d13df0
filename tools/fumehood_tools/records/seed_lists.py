"""Lists of seeds in few characters: a row of numbers is written as "first-last"."""

import re
from collections.abc import Iterable, Sequence

from fumehood_tools.errors import BadRequest

RANGE = "^[0-9]{1,9}-[0-9]{1,9}$"
"""What a row of seeds looks like in a list, as a pattern."""
MOST_SEEDS = 50
"""The most seeds that one run may have."""
_AS_NUMBERS = 5
_LEAST_ROW = 3


def short_seeds(seeds: Iterable[int]) -> list[int | str]:
    """Return the seeds in ascending order, with rows as ranges if there are many numbers."""
    numbers = sorted(set(seeds))
    if len(numbers) <= _AS_NUMBERS:
        return [*numbers]
    rows: list[list[int]] = []
    for seed in numbers:
        if rows and seed == rows[-1][-1] + 1:
            rows[-1].append(seed)
        else:
            rows.append([seed])
    found: list[int | str] = []
    for row in rows:
        found += [f"{row[0]}-{row[-1]}"] if len(row) >= _LEAST_ROW else row
    return found


def all_seeds(said: Sequence[int | str]) -> list[int]:
    """Return the single seeds of a list that may contain ranges.

    Raises BadRequest for what is no range, and for a range with more seeds than a run may have.
    """
    found: list[int] = []
    for one in said:
        if isinstance(one, int):
            found.append(one)
            continue
        first, _, last = one.partition("-")
        if not re.fullmatch(RANGE, one) or not 0 <= int(last) - int(first) < MOST_SEEDS:
            raise BadRequest(
                f"{one!r} is not a range of seeds. Write the first and the last seed, as in "
                f"'0-9', with at most {MOST_SEEDS} seeds."
            )
        found += range(int(first), int(last) + 1)
    return found
