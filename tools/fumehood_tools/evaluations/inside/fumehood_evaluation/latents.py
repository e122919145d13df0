"""The latents of an SAE on the rows of an evaluation, stored by row.

N = rows, F = dictionary size, A = active latents of all rows together.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Latents:
    """Non-negative latents [N, F]. `index` and `value` of row n are at start[n] to start[n + 1].

    They are in raw units: x_hat = latents @ context.W + context.b for a linear decoder.
    """

    def __init__(
        self,
        dict_size: int,
        start: "NDArray[np.int64]",
        index: "NDArray[np.int32]",
        value: "NDArray[np.float32]",
    ) -> None:
        self.rows, self.dict_size = len(start) - 1, dict_size
        self.start, self.index, self.value = start, index, value

    @property
    def shape(self) -> tuple[int, int]:
        """(N, F)."""
        return self.rows, self.dict_size

    def row(self) -> "NDArray[np.int64]":
        """Return the row number of every active latent, int64 [A]."""
        return np.repeat(np.arange(self.rows), np.diff(self.start))

    def counts(self) -> "NDArray[np.int64]":
        """Return the number of rows in which each latent is active, int64 [F]."""
        return np.bincount(self.index, minlength=self.dict_size)

    def dense(self, first: int = 0, last: int | None = None) -> "NDArray[np.float32]":
        """Return the rows `first` to `last` - 1 (default: all) as float32 [n, F]."""
        last = self.rows if last is None else last
        begin, end = int(self.start[first]), int(self.start[last])
        found = np.zeros((last - first, self.dict_size), dtype=np.float32)
        row = np.repeat(np.arange(last - first), np.diff(self.start[first : last + 1]))
        found[row, self.index[begin:end]] = self.value[begin:end]
        return found

    def csr(self) -> Any:
        """Return the same latents as scipy.sparse.csr_matrix [N, F]; cheap for sparse ones."""
        from scipy.sparse import csr_matrix

        parts = (np.asarray(self.value), np.asarray(self.index), np.asarray(self.start))
        return csr_matrix(parts, shape=self.shape)

    def __array__(self, dtype: Any = None) -> "NDArray[Any]":
        """Return all rows, so that numpy.asarray(latents) works."""
        return self.dense() if dtype is None else self.dense().astype(dtype)


def read_latents(folder: Path, dict_size: int) -> Latents:
    """Return the latents in a folder. Their arrays stay mapped from the files."""
    start, index, value = (
        np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("start", "index", "value")
    )
    return Latents(dict_size, start, index, value)
