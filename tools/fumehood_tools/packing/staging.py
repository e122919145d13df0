"""Copy the text files of a checkout into one temporary file, and name all that is left out.

One file, because to create and remove a folder for each folder of the repository takes longer than
all the rest; `Stage.write_to` writes them as folders for programs that need these. The copy has
text files only: no links, no binary files, no configuration of repomix, no file of credentials.
Secrets are masked in it, and notebooks are converted to scripts. Nothing outside the checkout's
folder is read, even if a folder of it is replaced with a link meanwhile.
Costs one pass over all files; memory for one block of a file at a time, or for one notebook.
"""

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from io import BytesIO, FileIO
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.errors import BadRequest
from fumehood_tools.packing.notebook_scripts import Script, script_of
from fumehood_tools.packing.secret_scan import SecretFound, SecretScan
from fumehood_tools.packing.text_files import Encoding, Readable, TextFacts, blocks_of
from fumehood_tools.repositories import Checkout, LeftOut

MOST_FILES = 50_000
MOST_BYTES = 3_000_000_000
MOST_NOTEBOOK = 64 << 20

_CREDENTIALS = (".env", ".netrc", "_netrc", ".pypirc", ".git-credentials", ".htpasswd")
_KEY_FILES = ("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519")
_EXAMPLE = re.compile(r"\.env\.(example|sample|template|dist|defaults?)", re.IGNORECASE)
_REPOMIX = ("repomix.config.*", ".repomixignore", ".repomix")


class Spool:
    """The file with all staged bytes, open until the end of `with Spool(path)`."""

    def __init__(self, path: Path) -> None:
        """Create the file, empty. Raises OSError."""
        self._file = path.open("w+b", buffering=0)
        self.size = 0

    def append(self, content: bytes) -> None:
        """Write at the end. Raises OSError."""
        self.size += len(content)
        while content:
            content = content[self._file.write(content) :]

    def cut(self, size: int) -> None:
        """Remove all after the first `size` bytes. Raises OSError."""
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
    that cannot be displayed, or "". Its bytes are at `offset` of the file `spool`.
    """

    path: str
    source: str
    name: str
    spool: "Spool"
    offset: int
    sha256: str
    facts: TextFacts
    masked: int

    def blocks(self) -> Iterator[bytes]:
        """Yield its bytes in blocks of whole lines. Raises OSError."""
        return blocks_of(Part(self.spool, self.offset), self.facts.size)

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


class Stage(NamedTuple):
    """The staged files, in the order of their paths, and what was found on the way."""

    files: list[Staged]
    left_out: list[LeftOut]
    secrets: list[SecretFound]
    notebooks: list[Converted]

    def write_to(self, folder: Path) -> None:
        """Write the staged files as a folder. Raises OSError."""
        for staged in self.files:
            target = folder / staged.source
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                file.writelines(staged.blocks())


def stage(
    checkout: Checkout,
    files: list[str],
    spool: Spool,
    scan: SecretScan,
    on_file: Callable[[int], None] = lambda _: None,
) -> Stage:
    """Copy `files` of the checkout into the spool.

    on_file: called with the number of files done; it may raise to cancel. Raises BadRequest beyond
    MOST_FILES or MOST_BYTES, OSError when the spool cannot be written.
    """
    if len(files) > MOST_FILES:
        raise _too_large(f"{len(files):,} files, more than {MOST_FILES:,}", "files")
    filling = _Filling(checkout, spool, scan)
    for number, file in enumerate(files):
        on_file(number)
        filling.add(file)
    filling.stage.left_out.sort()
    return filling.stage


class _Filling:
    """The stage while it is being filled."""

    def __init__(self, checkout: Checkout, spool: Spool, scan: SecretScan) -> None:
        self._checkout, self._scan, self._spool = checkout, scan, spool
        self._folder = os.fspath(checkout.folder)
        self._inside = os.path.realpath(checkout.folder)
        self._parents: dict[str, bool] = {}
        self._names = set(checkout.files)
        self._taken: set[str] = set()
        self._bytes = 0
        self.stage = Stage([], list(checkout.left_out), [], [])

    def add(self, file: str) -> None:
        """Stage one file, or note why it is left out. Raises BadRequest, OSError."""
        shown, name = shown_path(file)
        reason = _by_name(file)
        if shown in self._taken:
            reason = "its name is displayed like that of another file"
        if reason:
            self._leave_out(shown, reason)
            return
        self._taken.add(shown)
        try:
            with os.fdopen(self._open(file), "rb", buffering=0) as opened:
                self._copy(opened, file, shown, name)
        except _Omitted as omitted:
            self._leave_out(shown, str(omitted))
        except _Unopened as unopened:
            self._leave_out(shown, f"it cannot be read: {unopened}")

    def _copy(self, opened: FileIO, file: str, shown: str, name: str) -> None:
        status = os.fstat(opened.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise _Omitted("not a plain file")
        size = status.st_size
        self._bytes += size
        if self._bytes > MOST_BYTES:
            raise _too_large(f"more than {MOST_BYTES / 1e9:.0f} GB", "bytes")
        if file.endswith(".ipynb"):
            script, added = self._as_script(opened, file, shown, size)
            self._write(script, size, file + added, shown + added, name)
        else:
            self._write(opened, size, file, shown, name)

    def _as_script(
        self, opened: Readable, file: str, shown: str, size: int
    ) -> tuple[Readable, str]:
        """Return a notebook as a script, and what is added to its name; as it is if that fails."""
        script: Script | str = "it is too large"
        if file + ".py" in self._names:
            script = f"there is a file {shown}.py"
        elif size <= MOST_NOTEBOOK:
            content = b"".join(blocks_of(opened))
            opened = BytesIO(content)
            script = script_of(content)
        if isinstance(script, str):
            self.stage.notebooks.append(Converted(shown, (), script))
            return opened, ""
        self.stage.notebooks.append(Converted(shown + ".py", script.not_carried))
        return BytesIO(script.source.encode()), ".py"

    def _write(self, opened: Readable, size: int, file: str, shown: str, name: str) -> None:
        """Stage what a file of about this size holds. Raises _Omitted, OSError."""
        facts, digest, masked = TextFacts(), hashlib.sha256(), 0
        found: list[SecretFound] = []
        offset = self._spool.size
        for block in blocks_of(opened, expected=size):
            scanned = self._scan.block(block, shown, facts.lines)
            found += scanned.found
            masked += scanned.masked
            facts.add(scanned.block)
            digest.update(scanned.block)
            self._spool.append(scanned.block)
        whole = [one for one in found if one.whole_file]
        if facts.encoding is None or whole:
            self._spool.cut(offset)
            reason = facts.binary_kind if facts.encoding is None else f"it has a {whole[0].kind}"
            self.stage.secrets.extend(whole)
            raise _Omitted(reason)
        self.stage.secrets.extend(found)
        staged = Staged(shown, file, name, self._spool, offset, digest.hexdigest(), facts, masked)
        self.stage.files.append(staged)

    def _open(self, file: str) -> int:
        """Open a file below the checkout without following any link; return its descriptor."""
        parent = os.path.dirname(file)
        if parent not in self._parents:
            real = os.path.realpath(self._checkout.folder / parent)
            expected = os.path.join(self._inside, parent).rstrip("/")
            self._parents[parent] = real == os.path.normpath(expected)
        if not self._parents[parent] or ".." in file.split("/"):
            raise _Omitted("its folder is a link, or outside the repository")
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
        try:
            return os.open(os.path.join(self._folder, file), flags)
        except OSError as error:
            raise _Unopened(error.strerror) from error

    def _leave_out(self, shown: str, reason: str) -> None:
        self.stage.left_out.append(LeftOut(shown, reason))


class _Omitted(Exception):
    """A file that is left out; its text is the reason."""


class _Unopened(Exception):
    """A file that cannot be opened; its text is the system's reason."""


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


def _by_name(file: str) -> str:
    """Return why a file is left out because of its name, or ""."""
    name = file.rpartition("/")[2]
    if any(fnmatchcase(name, pattern) for pattern in _REPOMIX) or ".repomix" in file.split("/"):
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
