"""Unpack the LaTeX source of a paper in memory; no file is written and no link is followed.

arXiv provides a gzipped tar, a single gzipped .tex file, or the PDF itself if the authors
submitted one; Overleaf provides a zip. Limits apply to the number of members, the bytes per member
and in all, and the bytes while decompressing. Links, devices, absolute names and names with `..`
are skipped and reported; members that are not text, such as figures, are skipped silently.
"""

import gzip
import io
import posixpath
import re
import stat
import tarfile
import zipfile
import zlib
from typing import Literal, NamedTuple

from fumehood_tools.errors import Unreadable
from fumehood_tools.quoting import one_line

MOST_MEMBERS = 5_000
MOST_MEMBER = 20_000_000
MOST_TEXT = 60_000_000
MOST_UNPACKED = 1_000_000_000
MOST_WARNINGS = 20
_MOST_IN_MEMORY = 50_000_000
"""Sources that unpack to no more are unpacked at once, and others as a stream."""
TEXT = (
    *(".tex", ".ltx", ".latex", ".bbl", ".bib", ".sty", ".cls", ".tikz", ".txt", ".def", ".inc"),
    *(".clo", ".revtex", ".rtx", ".amstex"),
)
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_NAMELESS = re.compile(r"[^.]+|.*\.\d+")
_IS_TEX = re.compile(
    rb"^[^%\n]*\\(?:document(?:class|style)|begin\s*\{document\}|magnification|beginsection|bye\b"
    rb"|section\s*\{|input\s)",
    re.M,
)
_SNIFFED = 20_000
CODE = (
    *(".py", ".c", ".cc", ".cpp", ".h", ".java", ".jl", ".r", ".m", ".js", ".ts", ".sh", ".sql"),
    *(".rs", ".go", ".lean", ".hs", ".ml", ".scala", ".json", ".yaml", ".yml", ".toml", ".md"),
)
LARGEST_CODE = 200_000
MOST_CODE = 10_000_000
_SHOWS_CODE = re.compile(
    rb"\\(?:lstinputlisting|verbatiminput|VerbatimInput|inputminted|inputpython|tcbinputlisting)"
    rb"\*?\s*(?:\[[^\]]{0,500}\]\s*)?(?:\{[\w+-]{1,20}\}\s*)?\{([^{}\n]{1,300})\}"
)
"""A program is part of a paper where the paper prints its file."""
_DAMAGED = (
    *(OSError, EOFError, zlib.error, tarfile.TarError, ValueError, OverflowError),
    *(zipfile.BadZipFile, NotImplementedError, RuntimeError),
)


_TOO_LARGE = f"it is larger than {MOST_MEMBER:,} bytes"


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
        data = _gunzipped(data) or data
        stream = _Bounded(data) if data.startswith(_GZIP) else io.BytesIO(data)
        head = stream.read(512) or b""
        if not head.strip(b"\0"):
            raise Unreadable("The source is empty. Get it again.")
        if data.startswith(_ZIP):
            return _unpack_zip(data)
        if _is_tar(head):
            again = _Bounded(data) if data.startswith(_GZIP) else io.BytesIO(data)
            return _unpack_tar(again)
        return _single(head, stream)
    except _DAMAGED as error:
        raise Unreadable(
            f"The source archive is damaged ({type(error).__name__}). Get it again, or read "
            "another source of this paper."
        ) from error


def _gunzipped(data: bytes) -> bytes | None:
    """Return what one whole and sound gzip stream holds, None for all that `_Bounded` must read."""
    if not data.startswith(_GZIP):
        return None
    unzip = zlib.decompressobj(wbits=31)
    try:
        content = unzip.decompress(data, _MOST_IN_MEMORY)
    except zlib.error:
        return None
    whole = unzip.eof and not unzip.unused_data
    # A gzip stream, zip or PDF inside of it is read as before.
    return content if whole and not content.startswith((_GZIP, _ZIP)) else None


def is_kept(name: str) -> bool:
    """Whether a file of this name is part of the text of a source, whatever it holds."""
    base = posixpath.basename(name).lower()
    return base.endswith(TEXT) or base.startswith("00readme")


def is_code(name: str) -> bool:
    """Whether a file of this name is a program or data, not TeX."""
    base = posixpath.basename(name).lower()
    return base.endswith(CODE) and not base.startswith("00readme")


def may_be_kept(name: str) -> bool:
    """Whether a file of this name may be TeX: old papers have names without an ending."""
    return _NAMELESS.fullmatch(posixpath.basename(name)) is not None


def is_hidden(name: str) -> bool:
    """Whether a file is one that an editor, git or a Mac keeps beside the paper's own files."""
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def looks_like_tex(content: bytes) -> bool:
    """Whether the beginning of a file has a command of TeX, and no binary data."""
    head = content[:_SNIFFED]
    return b"\0" not in head and _IS_TEX.search(head) is not None


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


class Collector:
    """Collects the text files of a source within the limits, and says what is left out."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.warnings: list[str] = []
        self._total = 0
        self._code: dict[str, bytes] = {}
        self._room_for_code = MOST_CODE

    def leave_out(self, why: str, name: str) -> None:
        """Report a member that is skipped."""
        if len(self.warnings) < MOST_WARNINGS:
            self.warnings.append(f"The source's file {one_line(name)[:80]!r} was left out: {why}.")

    def wants(self, name: str, size: int) -> bool:
        """Whether the content of a file of this name and size is to be read."""
        if is_hidden(name):
            return False
        if is_code(name):
            return size <= min(LARGEST_CODE, self._room_for_code)
        return size <= MOST_MEMBER and (is_kept(name) or may_be_kept(name))

    def has_room(self, name: str, size: int) -> bool:
        """Count the bytes of a file; return False, and report it, where all are too many."""
        if is_code(name):
            return True
        self._total += size
        if self._total > MOST_TEXT:
            self.leave_out(f"its text files hold more than {MOST_TEXT:,} bytes", name)
        return self._total <= MOST_TEXT

    def take(self, name: str, content: bytes) -> None:
        """Add a file if it is text."""
        if is_code(name):
            self._code[name] = content
            self._room_for_code -= len(content)
        elif is_kept(name) or looks_like_tex(content):
            self.files[name] = content

    def sources(self) -> Sources:
        """Return what was collected. Raises Unreadable if no file is text."""
        if not self.files:
            raise Unreadable(
                "The source contains no LaTeX file. Read another source of this paper."
            )
        if self._code:
            shown = {
                posixpath.basename(path.strip())
                for content in self.files.values()
                for path in _SHOWS_CODE.findall(content)
            }
            self.files |= {
                name: content
                for name, content in self._code.items()
                if posixpath.basename(name).encode() in shown
            }
        return Sources(self.files, self.warnings)


def _unpack_tar(stream: "io.RawIOBase | io.BytesIO") -> Sources:
    collected = Collector()
    mode: Literal["r:", "r|"] = "r:" if isinstance(stream, io.BytesIO) else "r|"
    with tarfile.open(fileobj=stream, mode=mode, errorlevel=1) as archive:
        for count, member in enumerate(archive):
            if count >= MOST_MEMBERS:
                collected.leave_out(f"only the first {MOST_MEMBERS:,} are read", member.name)
                break
            if not 0 <= member.size <= MOST_UNPACKED:
                # To skip this member, tarfile would read it block by block, almost forever.
                collected.leave_out("its size is invalid; nothing after it was read", member.name)
                break
            if (why := _refused(member)) is not None:
                collected.leave_out(why, member.name)
                continue
            name = posixpath.normpath(member.name)
            if (
                not member.isfile()
                or not collected.wants(name, member.size)
                or member.size > MOST_MEMBER
            ):
                continue
            if not collected.has_room(name, member.size):
                break
            content = archive.extractfile(member)
            collected.take(name, content.read(MOST_MEMBER) if content is not None else b"")
    return collected.sources()


def _unpack_zip(data: bytes) -> Sources:
    collected = Collector()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for count, member in enumerate(archive.infolist()):
            if count >= MOST_MEMBERS:
                collected.leave_out(f"only the first {MOST_MEMBERS:,} are read", member.filename)
                break
            if (why := _refused_in_zip(member)) is not None:
                collected.leave_out(why, member.filename)
                continue
            name = posixpath.normpath(member.filename)
            if member.is_dir() or not collected.wants(name, member.file_size):
                continue
            if not collected.has_room(name, member.file_size):
                break
            with archive.open(member) as content:
                collected.take(name, content.read(MOST_MEMBER))
    return collected.sources()


def _refused_in_zip(member: zipfile.ZipInfo) -> str | None:
    """Return why a member of a zip is skipped, or None if it may be read."""
    if stat.S_ISLNK(member.external_attr >> 16):
        return "it is a link"
    if (why := _refused_name(member.filename)) is not None:
        return why
    if not is_kept(member.filename):
        return None
    if member.flag_bits & 1:
        return "it is encrypted"
    return _TOO_LARGE if member.file_size > MOST_MEMBER else None


def _refused(member: tarfile.TarInfo) -> str | None:
    """Return why a member is skipped, or None if it may be read."""
    if member.issym() or member.islnk():
        return "it is a link"
    if not (member.isfile() or member.isdir()):
        return "it is not a file"
    if (why := _refused_name(member.name)) is not None:
        return why
    if member.size > MOST_MEMBER:
        return _TOO_LARGE if is_kept(member.name) else None
    if member.issparse():
        return "it is a sparse file"
    return None


def _refused_name(name: str) -> str | None:
    """Return why a member of this name is skipped, or None if its name is harmless."""
    if name.startswith(("/", "\\", "~")) or (len(name) > 1 and name[1] == ":"):
        return "its name is absolute"
    if ".." in name.replace("\\", "/").split("/"):
        return "its name leads out of the archive"
    if "\0" in name or len(name) > 500:
        return "its name is invalid"
    return None
