"""Read files that are open: large ones into memory that is used again for the next.

The memory of many large `bytes` would stay with the process, because smaller things that live
longer come to lie between them.
"""

import mmap
import os
from collections.abc import Iterable

from fumehood_tools.packing.text_files import BLOCK_BYTES, Block, blocks_of

LARGE_BYTES = 1 << 15


class Opened:
    """Reads from a descriptor."""

    __slots__ = ("_handle",)

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def read(self, size: int) -> bytes:
        """Return the next bytes. Raises OSError."""
        return os.read(self._handle, size)


class Blocks:
    """Reads files in blocks of whole lines, each of which is there until the next is asked for."""

    def __init__(self) -> None:
        # Pages of it that no file has filled take no memory.
        self._space = memoryview(mmap.mmap(-1, BLOCK_BYTES))

    def of(self, handle: int, size: int) -> Iterable[Block]:
        """Return what a file of about this size holds. Raises OSError."""
        if LARGE_BYTES < size < BLOCK_BYTES:
            if os.readv(handle, [self._space[: size + 1]]) == size:
                return [self._space[:size]]
            os.lseek(handle, 0, os.SEEK_SET)
        return blocks_of(Opened(handle), expected=size)
