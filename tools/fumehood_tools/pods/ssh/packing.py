"""Code for a machine, as one archive that is the same whenever and wherever it is made."""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.errors import BadRequest, StorageFailed
from fumehood_tools.files import replacing
from fumehood_tools.plain_files import open_plain

NOT_CODE = frozenset({"__pycache__", ".git", ".venv", ".mypy_cache", ".ruff_cache"})
MOST_FILES, MOST_BYTES = 20_000, 1 << 30


class Packed(NamedTuple):
    """An archive. digest: hex sha256 over names, modes and contents; the archive's name for us."""

    path: Path
    digest: str
    content_bytes: int


def files_below(folder: Path, most: int = MOST_FILES) -> dict[str, Path]:
    """Return name -> file for all files below a folder, sorted, without caches of tools.

    A link is refused, not followed: what it points to may be anything. Raises BadRequest.
    """
    found: dict[str, Path] = {}
    waiting = [folder]
    while waiting:
        for path in waiting.pop().iterdir():
            name = path.relative_to(folder).as_posix()
            if path.name in NOT_CODE:
                continue
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                raise BadRequest(
                    f"{name} is a link or no plain file: it cannot go to a machine. Put a copy of "
                    "the file there."
                )
            if path.is_dir():
                waiting.append(path)
            else:
                found[name] = path
            if len(found) > most:
                raise BadRequest(
                    f"The folder has more than {most:,} files, which is no code. Send data as one "
                    "file."
                )
    return dict(sorted(found.items()))


def pack(files: Mapping[str, Path], archive: Path) -> Packed:
    """Write files under their names into a tar.gz at `archive`, without times and owners.

    Raises StorageFailed.
    """
    digest, size = hashlib.sha256(), 0
    try:
        with (
            replacing(archive) as out,
            gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            for name, path in sorted(files.items()):
                with open_plain(path, MOST_BYTES) as file:
                    content = file.read()
                member = tarfile.TarInfo(name)
                member.size = len(content)
                member.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
                tar.addfile(member, io.BytesIO(content))
                size += len(content)
                own = hashlib.sha256(content).hexdigest()
                digest.update(f"{name}\0{member.mode:o}\0{own}\n".encode())
    except OSError as error:
        raise StorageFailed.from_os_error(error, "Packing code for a machine") from error
    return Packed(archive, digest.hexdigest(), size)
