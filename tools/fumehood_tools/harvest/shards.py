"""Write activations as shards, so that a killed harvest loses at most one of them.

Each shard has the activations of a fixed range of token rows, so a harvest that continues after a
kill writes the same bytes as an uninterrupted one. Shards are written atomically: a shard that
exists is complete. D = d_model, N = activations in a shard.
"""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import write_bytes
from fumehood_tools.harvest.engine import Reader
from fumehood_tools.harvest.records import Site
from fumehood_tools.harvest.reporting import Phase

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHARD_ACTIVATIONS = 16_384
# float16 ends at 65,504, and some models have massive activations above it.
FLOAT16_LIMIT = 6e4


class Target(NamedTuple):
    """A site, and the folder for its shards."""

    site: Site
    folder: Path

    def shard(self, number: int) -> Path:
        """Return the path of a shard, whether or not it exists."""
        return self.folder / f"{number:05d}.npy"

    def lacks(self, number: int, count: int, d_model: int) -> bool:
        """Return True if a shard still has to be written."""
        return not is_whole(self.shard(number), count, d_model)


def write_split(
    rows_RT: "NDArray[np.int32]",
    targets: Sequence[Target],
    reader: Reader,
    batch_tokens: int,
    phase: Phase,
) -> list[tuple[Path, ...]]:
    """Write every missing shard of one split; return the paths of each target, in order.

    If a shard is missing for several sites, the same forward passes serve all of them.
    Raises RunFailed for activations that are not finite, and StorageFailed.
    """
    numbers = range(len(shard_sizes(rows_RT)))
    for number, part_RT in zip(numbers, shard_ranges(rows_RT), strict=True):
        count = part_RT.shape[0] * (part_RT.shape[1] - 1)
        missing = [one for one in targets if one.lacks(number, count, reader.d_model)]
        if not missing:
            continue
        sites = [one.site for one in missing]
        shards = _activations(part_RT, sites, reader, batch_tokens, phase)
        for target, shard_ND in zip(missing, shards, strict=True):
            write_array(target.shard(number), shard_ND)
    return [tuple(target.shard(number) for number in numbers) for target in targets]


def missing_tokens(rows_RT: "NDArray[np.int32]", targets: Sequence[Target], d_model: int) -> int:
    """Return the number of tokens that still have to be processed for at least one target."""
    return sum(
        size
        for number, size in enumerate(shard_sizes(rows_RT))
        if any(target.lacks(number, size, d_model) for target in targets)
    )


def shard_sizes(rows_RT: "NDArray[np.int32]") -> list[int]:
    """Return the number of activations in each shard."""
    return [part.shape[0] * (part.shape[1] - 1) for part in shard_ranges(rows_RT)]


def shard_ranges(rows_RT: "NDArray[np.int32]") -> Iterator["NDArray[np.int32]"]:
    """Yield the token rows of each shard, enough for about SHARD_ACTIVATIONS activations."""
    step = max(1, SHARD_ACTIVATIONS // (rows_RT.shape[1] - 1))
    for start in range(0, len(rows_RT), step):
        yield rows_RT[start : start + step]


def is_whole(path: Path, count: int, d_model: int) -> bool:
    """Return True if a shard exists and is complete (a power failure can truncate a file)."""
    try:
        return bool(np.load(path, mmap_mode="r").shape == (count, d_model))
    except (OSError, ValueError):
        return False


def write_array(path: Path, array: "NDArray[np.generic]") -> None:
    """Write `path` atomically as an npy file. Raises StorageFailed."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    write_bytes(path, buffer.getvalue())


def read_array(path: Path) -> "NDArray[np.int32]":
    """Return the tokens stored in an npy file. Raises StorageFailed if it is damaged."""
    try:
        rows: NDArray[np.int32] = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise StorageFailed(f"{path} is damaged ({error}). Delete it, then repeat.") from error
    return rows


def scale_of(shards: tuple[Path, ...]) -> float:
    """Return sqrt(mean |x|^2) over all rows of the shards, summed in float64."""
    total, count = 0.0, 0
    for path in shards:
        x_ND = np.load(path, mmap_mode="r").astype(np.float32)
        total += float(np.einsum("nd,nd->n", x_ND, x_ND).sum(dtype=np.float64))
        count += len(x_ND)
    return float(np.sqrt(total / count))


def _activations(
    rows_RT: "NDArray[np.int32]",
    sites: Sequence[Site],
    reader: Reader,
    batch_tokens: int,
    phase: Phase,
) -> "list[NDArray[np.float16] | NDArray[np.float32]]":
    """Return shard_ND for each site, for one range of rows."""
    context = rows_RT.shape[1]
    body = context - 1
    shards_ND = [torch.empty(len(rows_RT) * body, reader.d_model) for _ in sites]
    step = _rows_per_pass(len(rows_RT), context, batch_tokens)
    for start in range(0, len(rows_RT), step):
        tokens_BT = torch.from_numpy(rows_RT[start : start + step].astype(np.int64))
        for shard_ND, x_BTD in zip(shards_ND, reader.read(tokens_BT, sites), strict=True):
            # Omit position 0 (BOS): it is the same in every row, at 100 times the usual norm.
            shard_BTD = shard_ND[start * body : (start + len(x_BTD)) * body]
            shard_BTD.view(len(x_BTD), body, -1).copy_(x_BTD[:, 1:])
        phase.advance(len(tokens_BT) * body)
    return [_stored(shard_ND) for shard_ND in shards_ND]


def _rows_per_pass(rows: int, context: int, batch_tokens: int) -> int:
    """Return the rows per forward pass, spread evenly so that the last pass is not tiny."""
    passes = -(-rows // max(1, batch_tokens // context))
    return -(-rows // passes)


def _stored(shard_ND: torch.Tensor) -> "NDArray[np.float16] | NDArray[np.float32]":
    fits = bool(torch.stack(shard_ND.aminmax()).abs().max() <= FLOAT16_LIMIT)
    stored: NDArray[np.float16] | NDArray[np.float32]
    stored = (shard_ND.half() if fits else shard_ND).numpy()
    return stored
