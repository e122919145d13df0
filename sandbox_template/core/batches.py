"""Batches out of activation shards: one permutation of the whole split, drawn from the seed.

Shards are memory-mapped .npy files [n, D], float16 or float32; only the rows of a batch are read.
They are never written to: a batch is a fresh float32 tensor, divided by `scale`.
The order depends on the seed and the number of rows, not on how rows are spread over shards.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import VariantError

AGAIN = "run it again: the activations are harvested anew when they are damaged"


class Shards:
    """The training split of one harvest. N = rows in all shards, D = activation_dim."""

    def __init__(self, paths: Sequence[Path | str], scale: float, activation_dim: int) -> None:
        """Map the shards. Raises VariantError (kind "data") for a damaged or unfit one."""
        self.scale = scale
        self.activation_dim = activation_dim
        self.shards = [_map(Path(path), activation_dim) for path in paths]
        self.ends = np.cumsum([len(shard) for shard in self.shards], dtype=np.int64)

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def rows(self, chosen_B: NDArray[np.int64]) -> Tensor:
        """Return x_BD float32, normalised: the rows with these numbers, in this order."""
        order_B = np.argsort(chosen_B, kind="stable")
        sorted_B = chosen_B[order_B]
        # Ascending rows are read in the order in which they lie on the disk.
        cuts = np.searchsorted(sorted_B, self.ends)
        x_BD = np.empty((len(chosen_B), self.activation_dim), dtype=np.float32)
        begin, first = 0, 0
        for shard, cut, end in zip(self.shards, cuts, self.ends, strict=True):
            if cut > begin:
                x_BD[order_B[begin:cut]] = shard[sorted_B[begin:cut] - first]
            begin, first = int(cut), int(end)
        return torch.from_numpy(x_BD).div_(self.scale)

    def batches(self, batch_size: int, steps: int, seed: int) -> Iterator[Tensor]:
        """Yield exactly `steps` batches [batch_size, D].

        When the rows do not suffice it goes on with a new permutation (a further epoch).
        Raises VariantError (kind "data") when there are fewer rows than one batch needs.
        """
        if len(self) < batch_size:
            rule = f"there are {len(self)} activations, fewer than one batch of {batch_size}"
            raise VariantError(rule, "raise train_tokens or lower batch_size", kind="data")
        draw = np.random.default_rng(seed)
        order, position = draw.permutation(len(self)), 0
        for _ in range(steps):
            if position + batch_size > len(order):
                order, position = draw.permutation(len(self)), 0
            yield self.rows(order[position : position + batch_size])
            position += batch_size

    def epochs(self, batch_size: int, steps: int) -> int:
        """Return how many permutations `steps` batches use."""
        return -(-steps // max(1, len(self) // batch_size))


def _map(path: Path, activation_dim: int) -> NDArray[np.floating[Any]]:
    try:
        shard = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        rule = f"the shard {path.name} cannot be read: {error}"
        raise VariantError(rule.rstrip("."), AGAIN, kind="data") from error
    if shard.ndim != 2 or shard.shape[1] != activation_dim:
        rule = f"the shard {path.name} has the shape {shard.shape}, not [n, {activation_dim}]"
        raise VariantError(rule, AGAIN, kind="data")
    mapped: NDArray[np.floating[Any]] = shard
    return mapped
