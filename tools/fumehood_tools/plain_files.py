"""Read files from folders in which anybody may write: only plain ones, without ever waiting.

A name in such a folder may be a FIFO (opening it waits for a writer that never comes), a device, a
socket, a folder, a link to nothing, or a file of 100 GB. A link to a plain file is followed.
"""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

from fumehood_tools.errors import StorageFailed

# An honest variant holds some thousand bytes.
MOST_SOURCE_BYTES = 8 << 20
_KINDS = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class NotPlain(OSError):
    """There is something of that name, but no plain file of the size that is allowed."""


def open_plain(path: Path | str, most_bytes: int | None = None) -> BufferedReader:
    """Open a plain file of at most most_bytes for reading. Raises NotPlain, OSError."""
    _check(path, os.stat(path), most_bytes)
    # It may have been replaced since: then opening does not wait, and is looked at again.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        _check(path, os.fstat(handle), most_bytes)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_plain(path: Path, most_bytes: int = MOST_SOURCE_BYTES) -> bytes:
    """Return the content of a plain file of at most most_bytes.

    Raises StorageFailed when there is none, when it is anything else, or larger.
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
            f"{path}: a link to a file that is not there. {_cure(path)}."
        ) from error
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"Reading {path.name}") from error


def _check(path: Path | str, facts: os.stat_result, most_bytes: int | None) -> None:
    if not stat.S_ISREG(facts.st_mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(facts.st_mode)), "something else")
        raise NotPlain(errno.EINVAL, f"{kind} and no plain file", str(path))
    if most_bytes is not None and facts.st_size > most_bytes:
        size = f"{facts.st_size:,} bytes, at most {most_bytes:,} are read"
        raise NotPlain(errno.EFBIG, size, str(path))


def _cure(path: Path) -> str:
    return f"Remove {path.name}, or put a plain, smaller file in its place"
