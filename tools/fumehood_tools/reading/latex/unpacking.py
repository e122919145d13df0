"""Unpack the LaTeX source of a paper in memory; no file is written and no link is followed.

arXiv provides a gzipped tar, a single gzipped .tex file, or the PDF itself if the authors
submitted one. Limits apply to the number of members, the bytes per member and in all, and the
bytes while decompressing. Links, devices, absolute names and names with `..` are skipped and
reported; members that are not text, such as figures, are skipped silently.
"""

import gzip
import io
import posixpath
import tarfile
import zlib
from typing import NamedTuple

from fumehood_tools.errors import Unreadable
from fumehood_tools.quoting import one_line

MOST_MEMBERS = 5_000
MOST_MEMBER = 20_000_000
MOST_TEXT = 60_000_000
MOST_UNPACKED = 1_000_000_000
MOST_WARNINGS = 20
TEXT = (".tex", ".ltx", ".bbl", ".bib", ".sty", ".cls", ".tikz", ".txt", ".def", ".inc", ".clo")
_GZIP = b"\x1f\x8b"


class Sources(NamedTuple):
    """The text files of a source by name, and one sentence per member that was skipped."""

    files: dict[str, bytes]
    warnings: list[str]


class _Bounded(io.RawIOBase):
    """Reads a gzip stream and raises Unreadable beyond MOST_UNPACKED bytes.

    This stops a decompression bomb before it is fully unpacked.
    """

    def __init__(self, data: bytes) -> None:
        self._stream = gzip.GzipFile(fileobj=io.BytesIO(data))
        self._left = MOST_UNPACKED

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        part = self._stream.read(min(len(buffer), 1 << 20))
        self._left -= len(part)
        if self._left < 0:
            raise Unreadable(
                f"The source unpacks to more than {MOST_UNPACKED:,} bytes, which suggests a "
                "decompression bomb. Read another source of this paper."
            )
        buffer[: len(part)] = part
        return len(part)


def unpack(data: bytes) -> Sources:
    """Return the text files of a source archive. Raises Unreadable, and no other exception."""
    if data.startswith(b"%PDF"):
        raise Unreadable(
            "The source is a PDF, because the authors submitted no LaTeX. Read it as a PDF."
        )
    try:
        stream = _Bounded(data) if data.startswith(_GZIP) else io.BytesIO(data)
        head = stream.read(512) or b""
        if not head.strip(b"\0"):
            raise Unreadable("The source is empty. Fetch it again.")
        if _is_tar(head):
            again = _Bounded(data) if data.startswith(_GZIP) else io.BytesIO(data)
            return _unpack_tar(again)
        return _single(head, stream)
    except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError, OverflowError) as error:
        raise Unreadable(
            f"The source archive is damaged ({type(error).__name__}). Fetch it again with "
            "refresh=true, or read another source of this paper."
        ) from error


def _is_tar(head: bytes) -> bool:
    """Return whether this is the head of a tar archive (ustar, GNU, or old with a checksum)."""
    if head[257:262] == b"ustar":
        return True
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _single(head: bytes, stream: "io.RawIOBase | io.BytesIO") -> Sources:
    parts = [head]
    size = len(head)
    while part := stream.read(1 << 20):
        parts.append(part)
        size += len(part)
        if size > MOST_MEMBER:
            raise Unreadable(
                f"The source is a single file of more than {MOST_MEMBER:,} bytes. "
                "Read another source of this paper."
            )
    return Sources({"main.tex": b"".join(parts)}, [])


def _unpack_tar(stream: "io.RawIOBase | io.BytesIO") -> Sources:
    files: dict[str, bytes] = {}
    warnings: list[str] = []
    total = 0

    def leave_out(why: str, name: str) -> None:
        if len(warnings) < MOST_WARNINGS:
            warnings.append(f"The archive's member {one_line(name)[:80]!r} was left out: {why}.")

    with tarfile.open(fileobj=stream, mode="r|", errorlevel=1) as archive:
        for count, member in enumerate(archive):
            if count >= MOST_MEMBERS:
                leave_out(f"only the first {MOST_MEMBERS:,} are read", member.name)
                break
            if not 0 <= member.size <= MOST_UNPACKED:
                # To skip this member, tarfile would read it block by block, almost forever.
                leave_out("its size can't be; nothing after it is read", member.name)
                break
            if (why := _refused(member)) is not None:
                leave_out(why, member.name)
                continue
            name = posixpath.normpath(member.name)
            if not member.isfile() or not name.lower().endswith(TEXT):
                continue
            total += member.size
            if total > MOST_TEXT:
                leave_out(f"its text files hold more than {MOST_TEXT:,} bytes", member.name)
                break
            content = archive.extractfile(member)
            files[name] = content.read(MOST_MEMBER) if content is not None else b""
    if not files:
        raise Unreadable(
            "The source archive contains no LaTeX file. Read another source of this paper."
        )
    return Sources(files, warnings)


def _refused(member: tarfile.TarInfo) -> str | None:
    """Return why a member is skipped, or None if it may be read."""
    name = member.name
    if member.issym() or member.islnk():
        return "it is a link"
    if not (member.isfile() or member.isdir()):
        return "it is not a file"
    if name.startswith(("/", "\\", "~")) or (len(name) > 1 and name[1] == ":"):
        return "its name is absolute"
    if ".." in name.replace("\\", "/").split("/"):
        return "its name leads out of the archive"
    if "\0" in name or len(name) > 500:
        return "its name can't be one"
    if member.size > MOST_MEMBER:
        return f"it is larger than {MOST_MEMBER:,} bytes" if name.lower().endswith(TEXT) else None
    if member.issparse():
        return "it has holes"
    return None
