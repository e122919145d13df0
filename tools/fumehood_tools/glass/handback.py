"""Read what a child handed back without being led elsewhere, and remove what it left.

The folder was in a child's hands: a name in it may be a link, a pipe, a device or 100 GB, a file of
JSON a hundred thousand brackets, and folders may be nested deeper than Python can walk.
"""

import contextlib
import json
import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fumehood_tools.errors import RunFailed

REMOVE_SECONDS = 600.0


def take_file(folder: Path, name: str, most_bytes: int) -> bytes | None:
    """Return the content of a plain file in `folder`; None when there is none of that name.

    Raises RunFailed for anything but one plain, unshared file of at most most_bytes.
    """
    directory = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    plain = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        parent = os.open(folder, directory)
        try:
            handle = os.open(name, plain, dir_fd=parent)
        finally:
            os.close(parent)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refusal(name, error.strerror or "it cannot be opened") from error
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:
            raise _refusal(name, "it is not a plain file of its own")
        if facts.st_size > most_bytes:
            raise _refusal(name, f"it holds {facts.st_size:,} bytes, {most_bytes:,} are allowed")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(most_bytes)
    finally:
        os.close(handle)


def take_json(folder: Path, name: str, most_bytes: int) -> Any:
    """Return the JSON in a plain file of `folder`; None when there is none of that name.

    Raises RunFailed for what `take_file` refuses and for what is not JSON.
    """
    content = take_file(folder, name, most_bytes)
    if content is None:
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _refusal(name, "it is not JSON") from error


def remove_folder(folder: Path) -> None:
    """Remove a folder that was in a child's hands, however deep. What cannot go in time stays."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(
            ["rm", "-rf", "--", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=REMOVE_SECONDS,
            check=False,
        )


@contextlib.contextmanager
def scratch_folder(parent: Path | None, prefix: str) -> Iterator[Path]:
    """Give a new folder for children, in the system's place for such when parent is None."""
    folder = Path(tempfile.mkdtemp(dir=parent, prefix=prefix))
    try:
        yield folder
    finally:
        remove_folder(folder)


def _refusal(name: str, why: str) -> RunFailed:
    return RunFailed(
        f"{name}, handed back by the variant's process, was not read: {why}. Leave the writing of "
        "files to the sandbox."
    )
