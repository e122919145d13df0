"""Batches out of activation shards: one permutation of the whole split, drawn from the seed.

Shards are memory-mapped .npy files [n, D], float16 or float32; only the rows of a batch are read.
They are never written to: a batch is a fresh float32 tensor, divided by `scale`.
The order depends on the seed and the number of rows, not on how rows are spread over shards.
"""

from collections.abc import Iterator, Mapping, Sequence
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
        # Ascending rows are read in the order in which they lie on the disk, and put in the order
        # of the batch before torch makes float32 of them, which is faster than numpy.
        cuts = np.searchsorted(sorted_B, self.ends)
        stored = np.result_type(*[shard.dtype for shard in self.shards])
        read_BD = np.empty((len(chosen_B), self.activation_dim), dtype=stored)
        begin, first = 0, 0
        for shard, cut, end in zip(self.shards, cuts, self.ends, strict=True):
            if cut > begin:
                read_BD[begin:cut] = shard[sorted_B[begin:cut] - first]
            begin, first = int(cut), int(end)
        x_BD = torch.from_numpy(read_BD).index_select(0, torch.from_numpy(order_B.argsort()))
        return x_BD.to(torch.float32).div_(self.scale)

    def batches(self, batch_size: int, steps: int, seed: int) -> Iterator[Tensor]:
        """Yield exactly `steps` batches [batch_size, D].

        When the rows do not suffice it goes on with a new permutation (a further epoch).
        Raises VariantError (kind "data") when there are fewer rows than one batch needs.
        """
        for chosen_B in self.chosen(batch_size, steps, seed):
            yield self.rows(chosen_B)

    def chosen(self, batch_size: int, steps: int, seed: int) -> Iterator[NDArray[np.int64]]:
        """Yield the rows of each batch, by number. Raises VariantError as `batches` does."""
        if len(self) < batch_size:
            rule = f"there are {len(self)} activations, fewer than one batch of {batch_size}"
            raise VariantError(rule, "raise train_tokens or lower batch_size", kind="data")
        draw = np.random.default_rng(seed)
        order, position = draw.permutation(len(self)), 0
        for _ in range(steps):
            if position + batch_size > len(order):
                order, position = draw.permutation(len(self)), 0
            yield order[position : position + batch_size]
            position += batch_size

    def epochs(self, batch_size: int, steps: int) -> int:
        """Return how many permutations `steps` batches use."""
        return -(-steps // max(1, len(self) // batch_size))


class TrainingData:
    """What a trainer is given, batch by batch: x, or for a transcoder x and y.

    Row n of the targets belongs to row n of the inputs. Each is divided by a scale of its own.
    """

    def __init__(self, inputs: Shards, targets: Shards | None = None) -> None:
        """Take the shards of both sites. Raises VariantError (kind "data") if rows do not match."""
        if targets is not None and len(targets) != len(inputs):
            rule = f"there are {len(inputs)} activations and {len(targets)} targets"
            raise VariantError(rule, AGAIN, kind="data")
        self.inputs, self.targets = inputs, targets

    @classmethod
    def of(cls, spec: Mapping[str, Any], activation_dim: int) -> "TrainingData":
        """Map the shards that a spec.json names. Raises VariantError (kind "data")."""
        inputs = Shards(spec["train_shards"], float(spec["scale"]), activation_dim)
        if not spec.get("target_shards"):
            return cls(inputs)
        targets = Shards(spec["target_shards"], float(spec["target_scale"]), activation_dim)
        return cls(inputs, targets)

    def __len__(self) -> int:
        return len(self.inputs)

    def batches(self, batch_size: int, steps: int, seed: int) -> Iterator[tuple[Tensor, ...]]:
        """Yield exactly `steps` times (x [batch_size, D],), or (x, y) with targets.

        The same rows as `Shards.batches`, in the same order.
        """
        for chosen_B in self.inputs.chosen(batch_size, steps, seed):
            x_BD = self.inputs.rows(chosen_B)
            yield (x_BD,) if self.targets is None else (x_BD, self.targets.rows(chosen_B))


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
