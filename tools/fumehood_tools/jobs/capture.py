"""A log of limited size that never makes its writer fail.

The first 64 MiB are kept. Of the rest, only the last 64 KiB (which contain the traceback) are
written when the log is closed. If the disk has less space, the limit is reached 16 MiB before the
disk is full, so that the job table can still be written.
"""

import contextlib
import os
from pathlib import Path

CAP = 64 * 1024 * 1024
END = 64 * 1024
RESERVE = 16 * 1024 * 1024


class CappedLog:
    """An append-only file of at most `cap` bytes, not counting our notes and the kept end."""

    def __init__(self, path: Path, cap: int = CAP) -> None:
        self._file = path.open("ab", buffering=0)
        self._room = cap - self._file.tell()
        self._dropped = 0
        self._end = b""

    def write(self, chunk: bytes) -> None:
        """Append as much as fits, and keep the end of the rest in memory. Never raises OSError."""
        if len(chunk) > self._room or len(chunk) > self._free():
            self._room = 0
        fitting = chunk if self._room else b""
        written = self._append(fitting)
        self._room -= written
        rest = chunk[written:]
        if not rest:
            return
        if not self._dropped:
            self._append(b"\n[fumehood: this log is full; from here only its end follows]\n")
        self._room = 0
        self._dropped += len(rest)
        self._end = (self._end + rest)[-END:]

    def close(self) -> None:
        """Write the number of dropped bytes and the kept end."""
        if self._dropped:
            lost = self._dropped - len(self._end)
            self._append(f"[fumehood: {lost:,} bytes dropped]\n".encode() + self._end)
        with contextlib.suppress(OSError):
            self._file.close()

    def _free(self) -> int:
        disk = os.fstatvfs(self._file.fileno())
        return disk.f_bavail * disk.f_frsize - RESERVE

    def _append(self, content: bytes) -> int:
        done = 0
        with contextlib.suppress(OSError):
            while done < len(content):
                done += self._file.write(content[done:]) or 0
        return done
