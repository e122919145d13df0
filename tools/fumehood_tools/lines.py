"""Lines out of a pipe, without blocking longer than asked."""

import os
import select

MOST_LINE = 1 << 24


class LineReader:
    """Reads whole lines from a descriptor; a line that has not ended is kept for later."""

    def __init__(self, handle: int, most_line: int = MOST_LINE) -> None:
        """most_line: bytes that are kept of a line that does not end; what is longer is lost."""
        self.handle, self.most_line = handle, most_line
        self._rest = b""

    def read(self, wait_seconds: float) -> list[str] | None:
        """Return the lines that have arrived, waiting for the first; None at the end of the pipe.

        wait_seconds 0 does not wait.
        """
        if not select.select([self.handle], [], [], wait_seconds)[0]:
            return []
        chunk = os.read(self.handle, 1 << 16)
        if not chunk:
            return None
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > self.most_line:
            self._rest = b""
        return [line.decode("utf-8", "replace") for line in lines if line.strip()]
