"""Large arrays of rows in temporary files instead of in this process's memory.

The files have no name (`tempfile.TemporaryFile`), so they are deleted when the process ends, even
if it is killed. The kernel keeps their pages in memory while there is room and drops them
otherwise; unlike tensors, they never have to be swapped out. A read costs a copy from the page
cache.

R = rows, V = numbers per row.
"""

import tempfile
import weakref
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
import torch

from fumehood_tools.errors import StorageFailed

if TYPE_CHECKING:
    from torch import Tensor


class RowFile:
    """Float32 rows [R, V] that are written once, in order, and can then be read."""

    def __init__(self, folder: Path | None) -> None:
        """folder: the folder of the file; None: the system's folder for temporary files."""
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self._written, self._width = 0, 0

    def write(self, first: int, rows: "Tensor") -> None:
        """Append rows with numbers from `first` on. Rows that are in the file already are ignored.

        Raises OSError when the disk is full.
        """
        if first != self._written:
            return
        content = rows.contiguous().numpy()
        self._width = content.shape[1]
        self._file.seek(first * content.itemsize * self._width)
        self._file.write(content.data)
        self._file.flush()
        self._written += len(content)

    def read(self, first: int, last: int) -> "Tensor | None":
        """Return a copy of the rows `first` to `last` - 1; None if some are not written yet."""
        if last > self._written:
            return None
        content = np.empty((last - first, self._width), dtype=np.float32)
        self._file.seek(first * content.itemsize * self._width)
        self._file.readinto(content.data)  # type: ignore[attr-defined]
        return torch.from_numpy(content)


class RowWriter:
    """Concatenates tensors [N, V] of one type in a file, and maps the result into memory."""

    def __init__(self, folder: Path) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self._rows, self._like = 0, torch.empty(0)

    def append(self, rows: "Tensor") -> None:
        """Write rows to the file. Raises StorageFailed when the disk is full."""
        try:
            self._file.write(rows.contiguous().numpy().data)
            self._file.flush()
        except OSError as error:
            raise StorageFailed.from_os_error(error, "Writing the rows of probing texts") from error
        self._rows, self._like = self._rows + len(rows), rows[:0]

    def mapped(self) -> "Tensor":
        """Return all rows, mapped from the file. The result outlives this object."""
        shape = (self._rows, *self._like.shape[1:])
        dtype = self._like.numpy().dtype
        return torch.from_numpy(np.memmap(self._file, mode="r+", dtype=dtype, shape=shape))
