"""How many tokens one forward pass takes: measured once per subject and machine, then kept.

The measurement reads a few thousand tokens with each candidate and throws them away: a second or
two, so a short harvest goes without. The batch stands beside the shards it made: a harvest that
goes on after a kill uses the same one and makes the same bytes. T = positions, R = rows.
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
# A CPU wants a pass to stay in its caches, a GPU wants to be filled.
CANDIDATES = {"cpu": (1_024, 2_048, 4_096), "cuda": (4_096, 8_192, 16_384)}
# The measurement costs about 10,000 tokens: a twentieth of this at most.
_LEAST_TOKENS = 200_000
_SECONDS = 1.0
# Less than this is noise, and then every machine had better use the same batch.
_WORTH_IT = 1.05


class Batch(BaseModel, frozen=True):
    """The size of a forward pass, and what it was chosen by."""

    tokens: int = Field(DEFAULT_TOKENS, ge=1, description="tokens per forward pass")
    rates: dict[int, float] = Field(
        default_factory=dict, description="batch -> tokens/s; empty: the default, not measured"
    )


def kept_batch(path: Path) -> Batch | None:
    """Return the batch written down in a file; None when there is none that can be read."""
    try:
        return Batch.model_validate(read_json(path))
    except (StorageFailed, ValidationError):
        return None


def choose_batch(
    beside: Path, known: Path, measure: Callable[[], Batch], total_tokens: int
) -> Batch:
    """Return the batch of a harvest of total_tokens and write it down in `beside`.

    It is the one written down there, else the one known for this subject and machine, else the
    default where a measurement would not pay, else the one measured now, which `known` then keeps.
    Raises what `measure` raises, and StorageFailed.
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
    """Return the fastest candidate, the default where none is clearly faster.

    Each candidate is read once, in turn, and again until a second has passed; the best counts.
    Raises RunFailed when an activation is not finite.
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
