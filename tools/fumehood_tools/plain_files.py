"""Safely read files from folders to which anyone may write.

A name in such a folder may be a FIFO (opening it would wait for a writer that never comes), a
device, a socket, a folder, a broken link, or a file of 100 GB. Only plain files up to a size limit
are read, and opening never waits. A link to a plain file is followed.
"""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

from fumehood_tools.errors import StorageFailed

# An honest variant has a few thousand bytes.
MOST_SOURCE_BYTES = 8 << 20
_KINDS = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class NotPlain(OSError):
    """The path exists, but is not a plain file, or is larger than allowed."""


def open_plain(path: Path | str, most_bytes: int | None = None) -> BufferedReader:
    """Open a plain file of at most most_bytes for reading. Raises NotPlain, OSError."""
    _check(path, os.stat(path), most_bytes)
    # The file may be replaced between stat and open. O_NONBLOCK keeps open from waiting on a FIFO,
    # and the opened file is checked again.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        _check(path, os.fstat(handle), most_bytes)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_plain(path: Path, most_bytes: int = MOST_SOURCE_BYTES) -> bytes:
    """Return the content of a plain file of at most most_bytes.

    Raises StorageFailed when it is missing, not a plain file, or larger.
    """
    try:
        with open_plain(path, most_bytes) as file:
            return file.read(most_bytes)
    except NotPlain as error:
        raise StorageFailed(f"{path}: {error.strerror}. {_cure(path)}.") from error
    except FileNotFoundError as error:
        if not os.path.lexists(path):
            raise StorageFailed.from_os_error(error, f"Reading {path.name}") from error
        raise StorageFailed(
            f"{path}: a link to a file that does not exist. {_cure(path)}."
        ) from error
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"Reading {path.name}") from error


def _check(path: Path | str, facts: os.stat_result, most_bytes: int | None) -> None:
    if not stat.S_ISREG(facts.st_mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(facts.st_mode)), "something else")
        raise NotPlain(errno.EINVAL, f"{kind}, not a plain file", str(path))
    if most_bytes is not None and facts.st_size > most_bytes:
        size = f"{facts.st_size:,} bytes, but at most {most_bytes:,} are allowed"
        raise NotPlain(errno.EFBIG, size, str(path))


def _cure(path: Path) -> str:
    return f"Remove {path.name}, or replace it with a smaller plain file"
