"""Lines out of a pipe, without blocking longer than asked."""

import os
import select


class LineReader:
    """Reads whole lines from a descriptor; a line that has not ended is kept for later."""

    def __init__(self, handle: int) -> None:
        self.handle = handle
        self._rest = b""

    def read(self, wait_seconds: float | None) -> list[str] | None:
        """Return the lines that have arrived, waiting for the first; None at the end of the pipe.

        wait_seconds None waits as long as it takes, and 0 not at all.
        """
        if not select.select([self.handle], [], [], wait_seconds)[0]:
            return []
        chunk = os.read(self.handle, 1 << 16)
        if not chunk:
            return None
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return [line.decode() for line in lines if line.strip()]
