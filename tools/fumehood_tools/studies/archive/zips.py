"""Zip files whose every byte is decided by their content, and safe reading of such files.

Files are stored, not compressed, in the order of their names and with a fixed date. So the same
content always gives the same bytes, a reader can tell that no byte was changed, and what a file
holds cannot be larger than the file itself.
"""

import hashlib
import stat
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, NamedTuple

from fumehood_tools.errors import BadRequest, StorageFailed
from fumehood_tools.files import replacing
from fumehood_tools.plain_files import open_plain

Content = bytes | Path
MOST_FILES = 100_000
MOST_BYTES = 2_000_000_000
"""Of a whole archive: beyond 2 GiB the format of zip files changes."""
MOST_TEXT = 200_000_000
"""Of one file that is read into memory."""
_DATE = (1980, 1, 1, 0, 0, 0)
_MODE = (stat.S_IFREG | 0o644) << 16
_BLOCK = 1 << 20


class Damaged(BadRequest):
    """A file is not an archive of a study, or has entries that no archive has."""

    code = "damaged_archive"


class Member(NamedTuple):
    """One file of an archive. size: in bytes."""

    name: str
    size: int


def write_zip(to: Path, files: Mapping[str, Content]) -> None:
    """Write a zip file atomically. Raises BadRequest if it is too large, StorageFailed."""
    size = sum(len(c) if isinstance(c, bytes) else c.stat().st_size for c in files.values())
    if size > MOST_BYTES:
        raise BadRequest(
            f"The archive would have {size / 1e9:.1f} GB; at most {MOST_BYTES / 1e9:.0f} GB fit. "
            "Export without --weights, and publish the weights separately: their sha256 is signed."
        )
    with replacing(to) as file:
        _write(file, ((name, files[name]) for name in sorted(files)))


def _write(file: IO[bytes], files: Iterable[tuple[str, Content | IO[bytes]]]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
        for name, content in files:
            entry = zipfile.ZipInfo(name, _DATE)
            entry.external_attr, entry.create_system = _MODE, 3
            entry.create_version = entry.extract_version = 20
            with archive.open(entry, "w") as target:
                for block in _blocks(content):
                    target.write(block)


def _blocks(content: Content | IO[bytes]) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
    elif isinstance(content, Path):
        with content.open("rb") as file:
            yield from iter(lambda: file.read(_BLOCK), b"")
    else:
        yield from iter(lambda: content.read(_BLOCK), b"")


def is_zip(path: Path | str) -> bool:
    """Return whether a file begins like a zip file, whole or not."""
    try:
        with open_plain(path) as file:
            return file.read(4) == b"PK\3\4"
    except OSError:
        return False


class ArchiveReader:
    """Reads a zip file that `write_zip` may have written. Nothing is extracted."""

    def __init__(self, path: Path) -> None:
        """Raises Damaged for a file with entries that `write_zip` never writes, StorageFailed."""
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
            entries = self._zip.infolist()
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise Damaged(f"{path.name} is not a zip file ({error}). Fetch it again.") from error
        except OSError as error:
            raise StorageFailed.from_os_error(error, f"Reading {path.name}") from error
        if len(entries) > MOST_FILES:
            raise Damaged(
                f"{path.name} is not a study archive: it has {len(entries):,} files, and an "
                f"archive has at most {MOST_FILES:,}."
            )
        for entry in entries:
            _refuse_odd(entry, path.name)
        self.members = {
            entry.filename: Member(entry.filename, entry.file_size) for entry in entries
        }
        if len(self.members) != len(entries):
            raise Damaged(f"{path.name} contains two files with the same name. Do not trust it.")
        if sum(member.size for member in self.members.values()) > path.stat().st_size:
            raise Damaged(
                f"{path.name} claims to contain more bytes than the file has. Do not trust it."
            )

    def read(self, name: str) -> bytes:
        """Return the content of a small file. Raises Damaged if it is missing, large or broken."""
        if name not in self.members or self.members[name].size > MOST_TEXT:
            how = "is missing" if name not in self.members else "is too large"
            raise Damaged(f"{self.path.name}: {name} {how}. Fetch the archive again.")
        return b"".join(self._blocks(name))

    def sha256(self, name: str) -> str:
        """Return the sha256 of a file. Raises Damaged if its bytes cannot be read."""
        digest = hashlib.sha256()
        for block in self._blocks(name):
            digest.update(block)
        return digest.hexdigest()

    def copy(self, name: str, to: Path) -> None:
        """Write a file of the archive to a path. Raises Damaged, StorageFailed."""
        with replacing(to) as file:
            for block in self._blocks(name):
                file.write(block)

    def is_canonical(self) -> bool:
        """Return whether every byte of the zip file is as `write_zip` writes it."""
        try:
            with tempfile.TemporaryFile() as again:
                _write(again, ((name, self._zip.open(name)) for name in sorted(self.members)))
                again.seek(0)
                written = hashlib.file_digest(again, "sha256").hexdigest()
        except (zipfile.BadZipFile, zipfile.LargeZipFile, ValueError):
            return False
        with self.path.open("rb") as file:
            return written == hashlib.file_digest(file, "sha256").hexdigest()

    def _blocks(self, name: str) -> Iterator[bytes]:
        try:
            with self._zip.open(name) as file:
                yield from iter(lambda: file.read(_BLOCK), b"")
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
            raise Damaged(f"{self.path.name}: {name} is damaged ({error}).") from error


def _refuse_odd(entry: zipfile.ZipInfo, archive: str) -> None:
    """Raise Damaged for an entry that could leave a folder, is a link, or is not stored plainly."""
    name, mode = entry.filename, entry.external_attr >> 16
    parts = name.split("/")
    if not all(parts) or ".." in parts or "." in parts or "\\" in name or not name.isprintable():
        raise Damaged(f"{archive}: {name!r} is not a path within an archive. Do not trust it.")
    if stat.S_ISLNK(mode) or not stat.S_ISREG(mode or stat.S_IFREG):
        raise Damaged(f"{archive}: {name!r} is a link or no plain file. Do not trust it.")
    if entry.flag_bits & 1 or entry.compress_type != zipfile.ZIP_STORED:
        raise Damaged(f"{archive}: {name!r} is encrypted or compressed, as no archive's files are.")
