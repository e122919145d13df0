"""Write activations as shards that survive a kill.

A shard holds the rows of a fixed range of token rows, so a harvest that goes on after a kill makes
the very bytes an undisturbed one makes. A shard's file is replaced atomically: what is there is
finished. D = d_model, N = activations of a shard.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import write_bytes
from fumehood_tools.harvest.engine import Reader
from fumehood_tools.harvest.reporting import Phase

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHARD_ACTIVATIONS = 16_384
BATCH_TOKENS = 4_096
# float16 ends at 65,504; massive activations of some models lie above.
FLOAT16_LIMIT = 6e4


def write_split(
    rows_RT: "NDArray[np.int32]", folder: Path, reader: Reader, phase: Phase
) -> tuple[Path, ...]:
    """Write every missing shard of one split and return all their paths in order.

    Raises RunFailed for activations that are not finite, StorageFailed.
    """
    paths: list[Path] = []
    for number, part_RT in enumerate(shard_ranges(rows_RT)):
        path = folder / f"{number:05d}.npy"
        count = part_RT.shape[0] * (part_RT.shape[1] - 1)
        if not is_whole(path, count, reader.d_model):
            write_array(path, _activations(part_RT, reader, phase))
        paths.append(path)
    return tuple(paths)


def missing_tokens(rows_RT: "NDArray[np.int32]", folder: Path, d_model: int) -> int:
    """Return how many activations still have to be computed."""
    sizes = [(part.shape[0] * (part.shape[1] - 1)) for part in shard_ranges(rows_RT)]
    return sum(
        size
        for number, size in enumerate(sizes)
        if not is_whole(folder / f"{number:05d}.npy", size, d_model)
    )


def shard_ranges(rows_RT: "NDArray[np.int32]") -> Iterator["NDArray[np.int32]"]:
    """Yield the token rows of each shard: as many as hold about 16,384 activations."""
    step = max(1, SHARD_ACTIVATIONS // (rows_RT.shape[1] - 1))
    for start in range(0, len(rows_RT), step):
        yield rows_RT[start : start + step]


def is_whole(path: Path, count: int, d_model: int) -> bool:
    """Tell whether a shard is there with all its bytes (a power cut can truncate a file)."""
    try:
        return bool(np.load(path, mmap_mode="r").shape == (count, d_model))
    except (OSError, ValueError):
        return False


def write_array(path: Path, array: "NDArray[np.generic]") -> None:
    """Replace path atomically with an npy file. Raises StorageFailed."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    write_bytes(path, buffer.getvalue())


def read_array(path: Path) -> "NDArray[np.int32]":
    """Return a token file written before. Raises StorageFailed when it is damaged."""
    try:
        rows: NDArray[np.int32] = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise StorageFailed(f"{path} is damaged ({error}). Delete it and repeat.") from error
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
    rows_RT: "NDArray[np.int32]", reader: Reader, phase: Phase
) -> "NDArray[np.float16] | NDArray[np.float32]":
    context = rows_RT.shape[1]
    shard_ND = np.empty((rows_RT.shape[0] * (context - 1), reader.d_model), dtype=np.float32)
    batch = max(1, BATCH_TOKENS // context)
    for start in range(0, len(rows_RT), batch):
        tokens_BT = torch.from_numpy(rows_RT[start : start + batch].astype(np.int64))
        # Position 0 is BOS: a hundred times the norm of the others, and the same in every row.
        x_ND = reader.read(tokens_BT)[:, 1:].reshape(-1, reader.d_model).numpy()
        first = start * (context - 1)
        shard_ND[first : first + len(x_ND)] = x_ND
        phase.advance(len(x_ND))
    if float(np.abs(shard_ND).max()) > FLOAT16_LIMIT:
        return shard_ND
    return shard_ND.astype(np.float16)
