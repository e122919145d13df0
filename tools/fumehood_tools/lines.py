"""Read lines from a pipe without blocking longer than requested."""

import os
import select

MOST_LINE = 1 << 24


class LineReader:
    """Reads whole lines from a file descriptor; an unfinished line is kept for the next call."""

    def __init__(self, handle: int, most_line: int = MOST_LINE) -> None:
        """Read from the descriptor `handle`.

        most_line: an unfinished line that exceeds this number of bytes is discarded.
        """
        self.handle, self.most_line = handle, most_line
        self._rest = b""

    def read(self, wait_seconds: float) -> list[str] | None:
        """Return the lines that have arrived, which may be none; None at the end of the pipe.

        Waits up to wait_seconds for data to arrive; 0 does not wait.
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
