"""Choose the number of tokens per forward pass: measured once per subject and machine, then stored.

The measurement runs a few thousand tokens with each candidate size and discards the results. It
takes a second or two, so short harvests skip it. The batch size is also stored next to the shards:
a harvest that continues after a kill uses the same size and so writes the same bytes.
T = positions, R = rows.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from pydantic import BaseModel, Field, ValidationError

from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import read_json, write_json
from fumehood_tools.harvest.engine import Reader
from fumehood_tools.harvest.records import Site

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DEFAULT_TOKENS = 4_096
# On a CPU a pass should fit into the caches; a GPU needs large batches to be busy.
CANDIDATES = {"cpu": (1_024, 2_048, 4_096), "cuda": (4_096, 8_192, 16_384)}
# The measurement processes about 10,000 tokens, at most a twentieth of this.
_LEAST_TOKENS = 200_000
_SECONDS = 1.0
# A smaller gain is noise; then use the default, so that all machines use the same batch size.
_WORTH_IT = 1.05


class Batch(BaseModel, frozen=True):
    """The size of a forward pass, and the measurements it was chosen by."""

    tokens: int = Field(DEFAULT_TOKENS, ge=1, description="tokens per forward pass")
    rates: dict[int, float] = Field(
        default_factory=dict, description="batch size -> tokens/s; empty if not measured"
    )


def kept_batch(path: Path) -> Batch | None:
    """Return the batch stored in a file, or None if it is missing or cannot be read."""
    try:
        return Batch.model_validate(read_json(path))
    except (StorageFailed, ValidationError):
        return None


def choose_batch(
    beside: Path, known: Path, measure: Callable[[], Batch], total_tokens: int
) -> Batch:
    """Return the batch for a harvest of total_tokens, and store it in `beside`.

    It is the first of these: the batch in `beside`; the one in `known` (for this subject and
    machine); the default, if the harvest is too short for a measurement; the result of `measure`,
    which is then stored in `known`. Raises the errors of `measure`, and StorageFailed.
    """
    batch = kept_batch(beside)
    if batch is not None:
        return batch
    batch = kept_batch(known)
    if batch is None and total_tokens < _LEAST_TOKENS:
        batch = Batch()
    if batch is None:
        batch = measure()
        write_json(known, batch.model_dump())
    write_json(beside, batch.model_dump())
    return batch


def measure_batch(
    rows_RT: "NDArray[np.int32]",
    reader: Reader,
    sites: Sequence[Site],
    candidates: Sequence[int],
    clock: Callable[[], float] = time.perf_counter,
) -> Batch:
    """Return the fastest candidate, or the default if no candidate is clearly faster.

    The candidates take turns until each has run once and a second has passed; the best rate of each
    counts. Raises RunFailed if an activation is not finite.
    """
    context = rows_RT.shape[1]
    sizes = {tokens: max(1, tokens // context) for tokens in candidates}
    tokens_RT = torch.from_numpy(rows_RT[: max(sizes.values())]).long()
    reader.read(tokens_RT[: min(sizes.values())], sites)
    rates = dict.fromkeys(candidates, 0.0)
    started = clock()
    while not all(rates.values()) or clock() - started < _SECONDS:
        for tokens, rows in sizes.items():
            begun = clock()
            reader.read(tokens_RT[:rows], sites)
            done = min(rows, len(tokens_RT)) * context
            rates[tokens] = max(rates[tokens], done / max(clock() - begun, 1e-9))
    best = max(rates, key=lambda tokens: rates[tokens])
    needed = _WORTH_IT * rates.get(DEFAULT_TOKENS, 0.0)
    chosen = best if rates[best] >= needed else DEFAULT_TOKENS
    return Batch(tokens=chosen, rates={size: round(rate, 1) for size, rate in rates.items()})
