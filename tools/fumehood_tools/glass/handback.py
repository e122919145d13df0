"""Read the files that a child left in its scratch folder safely.

The child controlled this folder. A name in it may be a link, a pipe, a device or a file of 100 GB,
and JSON may be nested 100,000 levels deep.
"""

import json
import os
import stat
from pathlib import Path
from typing import Any

from fumehood_tools.errors import RunFailed


def take_file(folder: Path, name: str, most_bytes: int) -> bytes | None:
    """Return the content of a regular file in `folder`, or None if there is no such name.

    Raises RunFailed for links, special files, files with several hard links, and files of more than
    most_bytes.
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
            raise _refusal(name, "it is not a regular file, or it has several hard links")
        if facts.st_size > most_bytes:
            raise _refusal(name, f"it has {facts.st_size:,} bytes; the limit is {most_bytes:,}")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(most_bytes)
    finally:
        os.close(handle)


def take_json(folder: Path, name: str, most_bytes: int) -> Any:
    """Return the parsed JSON of a regular file in `folder`, or None if there is no such name.

    Raises RunFailed for files that `take_file` refuses and for invalid JSON.
    """
    content = take_file(folder, name, most_bytes)
    if content is None:
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _refusal(name, "it is not valid JSON") from error


def _refusal(name: str, why: str) -> RunFailed:
    return RunFailed(
        f"The file {name}, left by the variant's process, was not read: {why}. Remove the code "
        "that writes files from the variant; the sandbox writes its results."
    )
