"""Unpack an archive of source code (.zip, .whl, .tar, .tar.gz …) with limits, without running it.

Only plain files are written, and only below the folder. Links, devices, names that lead elsewhere
and second entries of one name are left out by name. The limits are on what is really written, since
an archive may state any size.
"""

import bz2
import gzip
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple, cast

from fumehood_tools.deadlines import Deadline
from fumehood_tools.errors import RepositoryFailed
from fumehood_tools.repositories.checkout import LeftOut
from fumehood_tools.repositories.trees import (
    MOST_POINTER,
    PART_BYTES,
    Limits,
    Written,
    bad_name,
    pointer_reason,
    write_new,
)

SUFFIXES = (".zip", ".whl", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
MOST_HEADER = 1 << 20
MOST_DIRECTORY = 1 << 25
MOST_ZIP_END = (1 << 16) + 22
_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
_OPENERS: dict[bytes, Callable[[IO[bytes]], IO[bytes]]] = {
    b"\x1f\x8b": lambda file: cast(IO[bytes], gzip.GzipFile(fileobj=file)),
    b"BZ": bz2.BZ2File,
    b"\xfd7": lzma.LZMAFile,
}


class _Member(NamedTuple):
    path: str
    reason: str
    body: IO[bytes] | None


def is_archive(name: str) -> bool:
    """Return whether a file's name is that of an archive."""
    return name.lower().endswith(SUFFIXES)


def unpack(archive: Path, to: Path, deadline: Deadline, limits: Limits) -> Written:
    """Write the files of an archive. Raises RepositoryFailed if it is broken or too large."""
    files, left_out = [], []
    total = 0

    def counted(body: IO[bytes]) -> Iterator[bytes]:
        nonlocal total
        while part := body.read(PART_BYTES):
            total += len(part)
            if total > limits.bytes:
                raise _too_large(archive, f"{limits.bytes:,} bytes")
            deadline.left()
            yield part

    try:
        for number, member in enumerate(_members(archive)):
            if number >= limits.files:
                raise _too_large(archive, f"{limits.files:,} entries")
            reason = member.reason or bad_name(member.path)
            if not reason and member.body is not None:
                reason = _write(to, member.path, counted(member.body))
            if reason:
                left_out.append(LeftOut(member.path, reason))
            else:
                files.append(member.path)
    except _BROKEN as error:
        raise _broken(archive, str(error)) from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise _broken(archive, str(error)) from error
    return Written(sorted(files), sorted(left_out))


def single_folder(written: Written) -> str:
    """Return the folder in which all files are, as in archives of releases, or ""."""
    tops = {path.partition("/")[0] if "/" in path else "" for path in written.files}
    return tops.pop() if len(tops) == 1 else ""


def without_folder(written: Written, folder: str) -> Written:
    """Return the paths relative to a folder in which all files are."""
    start = f"{folder}/"
    left_out = [it._replace(path=it.path.removeprefix(start)) for it in written.left_out]
    return Written([path.removeprefix(start) for path in written.files], left_out)


def _write(to: Path, path: str, parts: Iterator[bytes]) -> str:
    first = next(parts, b"")
    if len(first) < MOST_POINTER and (reason := pointer_reason(first)):
        return reason
    return write_new(to, path, _again(first, parts))


def _again(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _members(archive: Path) -> Iterator[_Member]:
    with archive.open("rb") as file:
        start = file.read(6)
        file.seek(0)
        if start[:2] == b"PK":
            yield from _of_zip(file)
            return
        opener = _OPENERS.get(start[:2])
        if opener is None:
            yield from _of_tar(file)
            return
        with opener(file) as plain:
            yield from _of_tar(plain)


def _of_zip(file: IO[bytes]) -> Iterator[_Member]:
    _check_directory(file)
    with zipfile.ZipFile(file) as archive:
        for one in archive.infolist():
            mode = one.external_attr >> 16
            if one.is_dir():
                continue
            if stat.S_ISLNK(mode):
                yield _Member(one.filename, "a link", None)
            elif one.flag_bits & 1:
                yield _Member(one.filename, "an encrypted file", None)
            else:
                with archive.open(one) as body:
                    yield _Member(one.filename, "", body)


def _check_directory(file: IO[bytes]) -> None:
    """Raise BadZipFile for a zip whose list of members would not fit into memory."""
    file.seek(0, os.SEEK_END)
    file.seek(max(0, file.tell() - MOST_ZIP_END))
    end = file.read(MOST_ZIP_END)
    at = end.rfind(b"PK\x05\x06")
    if at >= 0 and int.from_bytes(end[at + 12 : at + 16], "little") > MOST_DIRECTORY:
        raise zipfile.BadZipFile("its list of members is too long")
    file.seek(0)


class _Header(tarfile.TarInfo):
    """The header of a member. tarfile reads long names and attributes into memory at any size."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if not self.isfile() and not self.isdir() and self.size > MOST_HEADER:
            raise tarfile.ReadError("a name or an attribute is too long")
        whole: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
        return whole


def _of_tar(file: IO[bytes]) -> Iterator[_Member]:
    # Mode "r|": read forwards only, so that the headers of a large archive are not collected.
    with tarfile.open(fileobj=file, mode="r|", errorlevel=2, tarinfo=_Header) as archive:
        for one in archive:
            archive.members = []  # type: ignore[attr-defined]
            if one.isdir():
                continue
            if one.issym() or one.islnk():
                yield _Member(one.name, f"a link to {one.linkname}", None)
            elif not one.isfile():
                yield _Member(one.name, "a special file (FIFO or device)", None)
            else:
                yield _Member(one.name.removeprefix("./"), "", archive.extractfile(one))


def _too_large(archive: Path, most: str) -> RepositoryFailed:
    return RepositoryFailed(
        "too_large",
        f"{archive.name} unpacks to more than {most}. Unpack it yourself and pass one of its "
        "folders.",
    )


def _broken(archive: Path, why: str) -> RepositoryFailed:
    return RepositoryFailed(
        "broken",
        f"{archive.name} cannot be unpacked: it is damaged or not an archive ({why[:200]}). "
        "Download it again, or pass a folder.",
    )
