"""Copy the text files of a checkout into one temporary file, and name all that is left out.

One file, because to create and remove a folder for each folder of the repository takes longer than
all the rest; `Stage.write_to` writes them as folders for programs that need these. The copy has
text files only: no links, no binary files, no configuration of repomix, no file of credentials.
Secrets are masked in it, and notebooks are converted to scripts. Nothing outside the checkout's
folder is read, even if a folder of it is replaced with a link meanwhile (`folders`).
Costs one pass over all files; memory for one block of a file at a time, or for one notebook.
"""

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.errors import BadRequest
from fumehood_tools.packing.folders import Folders, Outside
from fumehood_tools.packing.opened import Blocks, Opened
from fumehood_tools.packing.secret_scan import SecretFound, SecretScan
from fumehood_tools.packing.text_files import (
    PIECE_BYTES,
    Block,
    Encoding,
    Readable,
    TextFacts,
    blocks_of,
    pieces_of,
)
from fumehood_tools.repositories import Checkout, LeftOut

MOST_FILES = 50_000
MOST_BYTES = 3_000_000_000
MOST_NOTEBOOK = 64 << 20

_CREDENTIALS = (".env", ".netrc", "_netrc", ".pypirc", ".git-credentials", ".htpasswd")
_KEY_FILES = ("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519")
_EXAMPLE = re.compile(r"\.env\.(example|sample|template|dist|defaults?)", re.IGNORECASE)
_REPOMIX = re.compile(r"repomix\.config\..*|\.repomixignore|\.repomix", re.DOTALL)


class Spool:
    """The file with all staged bytes, open until the end of `with Spool(path)`."""

    def __init__(self, path: Path) -> None:
        """Create the file, empty. Raises OSError."""
        self._file = path.open("w+b", buffering=0)
        self.size = 0

    def append(self, content: Block) -> None:
        """Write at the end. Raises OSError."""
        self.size += len(content)
        while content:
            content = content[self._file.write(content) :]

    def cut(self, size: int) -> None:
        """Remove all after the first `size` bytes. Raises OSError."""
        if size < self.size:
            self._file.seek(size)
            self._file.truncate()
            self.size = size

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes from a place on. Raises OSError."""
        return os.pread(self._file.fileno(), size, offset)

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class Part:
    """Reads the spool from a place on."""

    def __init__(self, spool: Spool, offset: int) -> None:
        self._spool, self._at = spool, offset

    def read(self, size: int) -> bytes:
        """Return the next bytes. Raises OSError."""
        content = self._spool.read(self._at, size)
        self._at += len(content)
        return content


class Staged(NamedTuple):
    """One text file of the stage.

    path: for display, unique. source: its path in the checkout. name: hexadecimal bytes of a name
    that cannot be displayed, or "". Its bytes are `content`, or if that is None, they are at
    `offset` of the file `spool`.
    """

    path: str
    source: str
    name: str
    spool: "Spool"
    offset: int
    sha256: str
    facts: TextFacts
    masked: int
    content: Block | None = None

    def blocks(self) -> Iterator[bytes]:
        """Yield its bytes in blocks of whole lines. Raises OSError."""
        if self.content is None:
            yield from blocks_of(Part(self.spool, self.offset), self.facts.size)
        else:
            yield bytes(self.content)

    def pieces(self) -> Iterable[bytes]:
        """Return its bytes in small pieces of whole lines. Raises OSError."""
        if self.content is not None:
            return pieces_of(self.content)
        return blocks_of(Part(self.spool, self.offset), self.facts.size, most=PIECE_BYTES)

    @property
    def encoding(self) -> Encoding:
        """How its bytes are decoded."""
        return self.facts.encoding or "utf-8"


class Converted(NamedTuple):
    """A notebook that became a script, and the lines that could not be carried over.

    problem: why it is packed as it is, or "".
    """

    path: str
    not_carried: tuple[str, ...]
    problem: str = ""


class Found(NamedTuple):
    """What was found while files were staged, other than their text."""

    left_out: list[LeftOut]
    secrets: list[SecretFound]
    notebooks: list[Converted]


class Stage(NamedTuple):
    """The staged files, in the order of their paths, and what was found on the way."""

    files: list[Staged]
    found: Found

    def write_to(self, folder: Path) -> None:
        """Write the staged files as a folder. Raises OSError."""
        made = ""
        for staged in self.files:
            target = os.path.join(folder, staged.source)
            if (parent := os.path.dirname(target)) != made:
                os.makedirs(parent, exist_ok=True)
                made = parent
            with open(target, "wb", buffering=0) as file:
                for block in staged.blocks():
                    file.write(block)


def stage(
    checkout: Checkout,
    files: Sequence[str],
    spool: Spool,
    scan: SecretScan,
    on_file: Callable[[int], None] = lambda _: None,
) -> Stage:
    """Copy `files` of the checkout into the spool.

    on_file: called with the number of files done; it may raise to cancel. Raises BadRequest beyond
    MOST_FILES or MOST_BYTES, OSError when the spool cannot be written.
    """
    staging = Staging(checkout, spool, scan)
    return Stage(list(staging.each(list(in_order(files)), on_file)), staging.found)


class Staging:
    """Stages files one after another.

    streamed: each file is used before the next is staged. Then one that is not larger than a block
    is handed on in memory, and the spool holds one file at a time.
    """

    def __init__(
        self, checkout: Checkout, spool: Spool, scan: SecretScan, *, streamed: bool = False
    ) -> None:
        self._checkout, self._scan, self._spool = checkout, scan, spool
        self._folders, self._blocks = Folders(checkout.folder), Blocks()
        self._escaped: set[str] = set()
        self._bytes = 0
        self._streamed = streamed
        self.found = Found(list(checkout.left_out), [], [])

    def each(
        self, files: Sequence[str], on_file: Callable[[int], None] = lambda _: None
    ) -> Iterator[Staged]:
        """Yield the text files among `files`, which are `in_order`. Raises as `stage`."""
        if len(files) > MOST_FILES:
            raise _too_large(f"{len(files):,} files, more than {MOST_FILES:,}", "files")
        with self._folders:
            for number, file in enumerate(files):
                on_file(number)
                if staged := self._staged(file):
                    yield staged
                if self._streamed and self._spool.size:
                    self._spool.cut(0)
        self.found.left_out.sort()

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self._checkout.files)

    def _staged(self, file: str) -> Staged | None:
        """Stage one file, or note why it is left out. Raises BadRequest, OSError."""
        shown, name = shown_path(file)
        reason = left_out_by_name(file)
        if shown != file:
            if shown in self._escaped or shown in self._names:
                reason = "its name is displayed like that of another file"
            self._escaped.add(shown)
        try:
            if reason:
                raise _Omitted(reason)
            handle = self._open(file)
            try:
                return self._copy(handle, file, shown, name)
            finally:
                os.close(handle)
        except _Omitted as omitted:
            reason = str(omitted)
        except _Unopened as unopened:
            reason = f"it cannot be read: {unopened}"
        self.found.left_out.append(LeftOut(shown, reason))
        return None

    def _copy(self, handle: int, file: str, shown: str, name: str) -> Staged:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise _Omitted("not a plain file")
        size = status.st_size
        self._bytes += size
        if self._bytes > MOST_BYTES:
            raise _too_large(f"more than {MOST_BYTES / 1e9:.0f} GB", "bytes")
        if file.endswith(".ipynb"):
            script, added = self._as_script(Opened(handle), file, shown, size)
            blocks = blocks_of(script, expected=size)
            return self._text(blocks, file + added, shown + added, name)
        return self._text(self._blocks.of(handle, size), file, shown, name)

    def _as_script(
        self, opened: Readable, file: str, shown: str, size: int
    ) -> tuple[Readable, str]:
        """Return a notebook as a script, and what is added to its name; as it is if that fails."""
        from fumehood_tools.packing.notebook_scripts import Script, script_of

        script: Script | str = "it is too large"
        if file + ".py" in self._names:
            script = f"there is a file {shown}.py"
        elif size <= MOST_NOTEBOOK:
            content = b"".join(blocks_of(opened))
            opened = BytesIO(content)
            script = script_of(content)
        if isinstance(script, str):
            self.found.notebooks.append(Converted(shown, (), script))
            return opened, ""
        self.found.notebooks.append(Converted(shown + ".py", script.not_carried))
        return BytesIO(script.source.encode()), ".py"

    def _text(self, blocks: Iterable[Block], file: str, shown: str, name: str) -> Staged:
        """Stage what a file holds. Raises _Omitted, OSError."""
        facts, digest, masked = TextFacts(), hashlib.sha256(), 0
        found: list[SecretFound] = []
        offset = self._spool.size
        content: Block | None = None
        for block in blocks:
            scanned = self._scan.block(block, shown, facts.lines)
            found += scanned.found
            masked += scanned.masked
            digest.update(scanned.block)
            if self._streamed and not facts.size:
                content = scanned.block
            else:
                self._spool.append(content or b"")
                self._spool.append(scanned.block)
                content = None
            facts.add(scanned.block, scanned.marks)
        whole = [one for one in found if one.whole_file]
        if facts.encoding is None or whole:
            self._spool.cut(offset)
            reason = facts.binary_kind if facts.encoding is None else f"it has a {whole[0].kind}"
            self.found.secrets.extend(whole)
            raise _Omitted(reason)
        self.found.secrets.extend(found)
        sha256 = digest.hexdigest()
        return Staged(shown, file, name, self._spool, offset, sha256, facts, masked, content)

    def _open(self, file: str) -> int:
        """Open a file below the checkout without following any link; return its descriptor."""
        try:
            return self._folders.open(file)
        except Outside as outside:
            raise _Omitted("its folder is a link, or outside the repository") from outside
        except OSError as error:
            raise _Unopened(error.strerror) from error


class _Omitted(Exception):
    """A file that is left out; its text is the reason."""


class _Unopened(Exception):
    """A file that cannot be opened; its text is the system's reason."""


def in_order(files: Sequence[str]) -> Iterator[str]:
    """Yield files folder by folder, as their paths are displayed, and notebooks as their scripts.

    Only one folder after another is sorted, since the keys of all files would take more memory than
    their paths.
    """
    waiting: list[tuple[int, Sequence[str]]] = [(0, files)]
    while waiting:
        start, some = waiting.pop()
        if len(some) < 2 or start == len(some[0]):
            yield from some
            continue
        groups: dict[str, list[str]] = {}
        for file in some:
            end = file.find("/", start) + 1 or len(file)
            groups.setdefault(file[start:end], []).append(file)
        names = sorted(groups, key=_order, reverse=True)
        waiting += [(start + len(name), groups[name]) for name in names]


def _order(name: str) -> str:
    """Return the key by which the names in a folder are sorted; that of a folder ends with /."""
    return path_in_pack(name).replace("/", "\0")


def path_in_pack(file: str) -> str:
    """Return how the path of a text file is displayed; that of a notebook is its script's."""
    return shown_path(f"{file}.py" if file.endswith(".ipynb") else file)[0]


def shown_path(path: str) -> tuple[str, str]:
    """Return how a path is displayed, and its bytes as hexadecimal digits if that is not exact."""
    if path.isprintable() and path.isascii():
        return path, ""
    name = os.fsencode(path)
    try:
        if path.isprintable() and name.decode("utf-8") == path:
            return path, ""
    except UnicodeDecodeError:
        pass
    text = name.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else _escaped(c) for c in text), name.hex()


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def left_out_by_name(file: str) -> str:
    """Return why a file is left out because of its name, or ""."""
    name = file.rpartition("/")[2]
    if "repomix" in file and (_REPOMIX.fullmatch(name) or ".repomix" in file.split("/")):
        return "a configuration of repomix"
    environment = name.startswith(".env.") and not _EXAMPLE.fullmatch(name)
    if name in _CREDENTIALS or name in _KEY_FILES or environment:
        return "a file of credentials, by its name"
    return ""


def _too_large(what: str, limit: str) -> BadRequest:
    error = BadRequest(
        f"The repository has {what}. Pack a part of it: include=['src/**'], or exclude what you "
        "do not need, such as data and generated files."
    )
    error.limit = limit
    return error
