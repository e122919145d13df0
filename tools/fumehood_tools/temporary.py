"""Temporary folders of this process, which do not stay behind when the process ends in haste.

A server whose client has left ends at once, without waiting for threads that still work in a
temporary folder. It calls `remove_live_folders_after_exit` first.
"""

import atexit
import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

REMOVE_SECONDS = 600.0
_LIVE: set[Path] = set()


def remove_folder(folder: Path, seconds: float = REMOVE_SECONDS) -> None:
    """Remove a folder that a child has written to, at any depth. Gives up after `seconds`."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(
            ["rm", "-rf", "--", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )


@contextlib.contextmanager
def scratch_folder(parent: Path | None, prefix: str) -> Iterator[Path]:
    """Create a folder for children; remove it on exit. parent: None for the system's temp dir."""
    folder = Path(tempfile.mkdtemp(dir=parent, prefix=prefix))
    _LIVE.add(folder)
    try:
        yield folder
    finally:
        remove_folder(folder)
        _LIVE.discard(folder)


def process_folder(prefix: str) -> Path:
    """Create a folder that is removed when this process ends."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    _LIVE.add(folder)
    atexit.register(remove_folder, folder)
    return folder


def remove_live_folders_after_exit() -> None:
    """Have the folders in use removed one second from now, when this process has ended.

    Threads and children still work in them, and would create them again if they went earlier.
    """
    if not _LIVE:
        return
    subprocess.Popen(
        ["sh", "-c", 'sleep 1; exec rm -rf -- "$@"', "sh", *map(str, _LIVE)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
