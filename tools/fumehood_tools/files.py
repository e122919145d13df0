"""Read, hash and atomically replace files, so that a crash never leaves half a file behind.

Also finds the data files that come with the package.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from fumehood_tools.errors import StorageFailed
from fumehood_tools.plain_files import open_plain

_PART = 1 << 16


def data_path(name: str) -> Path:
    """Return the path of a packaged file or folder, such as "sandbox_template".

    Works in a checkout and in an installed package. Raises FileNotFoundError.
    """
    here = Path(__file__).resolve().parent
    for path in (here / "_data" / name, *(up / name for up in here.parents[:2])):
        if path.exists():
            return path
    raise FileNotFoundError(f"{name} is neither above {here} nor in its _data")


def make_private(folder: Path) -> None:
    """Create a folder that only its owner can use, as the .fumehood of a workspace.

    One that is there is closed to others as well, unless it belongs to another user. Raises
    OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        with contextlib.suppress(PermissionError):
            folder.chmod(0o700)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Yield a file to write to, which atomically replaces path when the block ends without error.

    The folder is created if needed. If the block raises, path is unchanged. Raises StorageFailed.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"Writing {path.name}") from error


def write_bytes(path: Path, content: bytes) -> None:
    """Replace path atomically; its folder is created if needed. Raises StorageFailed."""
    with replacing(path) as file:
        file.write(content)


def write_text(path: Path, content: str) -> None:
    """Replace path atomically with UTF-8 text. Raises StorageFailed."""
    write_bytes(path, content.encode("utf-8"))


def write_json(path: Path, content: Any) -> None:
    """Replace path atomically with JSON; the order of keys is kept. Raises StorageFailed."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Return the JSON in path. Raises StorageFailed when it is missing or damaged."""
    try:
        with open_plain(path) as file:
            return json.loads(file.read().decode("utf-8"))
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"Reading {path.name}") from error
    except ValueError as error:
        raise StorageFailed(
            f"{path} is damaged: it is not valid JSON ({error}). Delete it and repeat the run."
        ) from error


def sha256_of(path: Path | str, most_bytes: int | None = None) -> str:
    """Return the hex sha256 of a plain file of at most most_bytes.

    Raises NotPlain for anything else, OSError if it cannot be read.
    """
    digest = hashlib.sha256()
    with open_plain(path, most_bytes) as file:
        # hashlib.file_digest clears a buffer of 256 KiB for every file, most of which are small.
        while part := file.read(_PART):
            digest.update(part)
    return digest.hexdigest()


def sha256_of_tree(root: Path, pattern: str = "**/*.py") -> str:
    """Return one hex sha256 over the names and contents of all files that match pattern."""
    digest = hashlib.sha256()
    for path in sorted(root.glob(pattern)):
        digest.update(f"{path.relative_to(root).as_posix()}\0{sha256_of(path)}\n".encode())
    return digest.hexdigest()


def digest_of(parts: Any) -> str:
    """Return a short content address (16 hex digits) of JSON-like parts."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def last_lines(text: str, count: int) -> str:
    """Return the last count lines of text."""
    return "\n".join(text.splitlines()[-count:])


def total_size(paths: Iterable[Path]) -> int:
    """Return the total size of the files in bytes; missing files count as 0."""
    return sum(path.stat().st_size for path in paths if path.is_file())
