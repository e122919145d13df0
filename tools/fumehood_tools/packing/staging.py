"""Copy the text files of a checkout into a temporary folder, and name everything that is left out.

The copy has plain text files only: no links, no binary files, no configuration of repomix, no file
of credentials. Secrets are masked in it, and notebooks are converted to scripts. Nothing outside
the checkout's folder is read, even if a folder of it is replaced with a link meanwhile.
Costs one pass over all files; memory for one block of a file at a time, or for one notebook.
"""

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

from fumehood_tools.errors import BadRequest, StorageFailed
from fumehood_tools.packing.notebook_scripts import script_of
from fumehood_tools.packing.secret_scan import SecretFound, SecretScan
from fumehood_tools.packing.text_files import Encoding, TextFacts, blocks_of
from fumehood_tools.repositories import Checkout, LeftOut

MOST_FILES = 50_000
MOST_BYTES = 3_000_000_000
MOST_NOTEBOOK = 64 << 20

_CREDENTIALS = (".env", ".netrc", "_netrc", ".pypirc", ".git-credentials", ".htpasswd")
_KEY_FILES = ("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519")
_EXAMPLE = re.compile(r"\.env\.(example|sample|template|dist|defaults?)", re.IGNORECASE)
_REPOMIX = ("repomix.config.*", ".repomixignore", ".repomix")
_LFS = b"version https://git-lfs.github.com/spec/v1\n"


class Staged(NamedTuple):
    """One text file of the stage.

    path: for display, unique. source: its path in the checkout. name: hexadecimal bytes of a name
    that cannot be displayed, or "".
    """

    path: str
    source: str
    name: str
    file: Path
    sha256: str
    facts: TextFacts
    masked: int

    @property
    def encoding(self) -> Encoding:
        """How its bytes are decoded."""
        return self.facts.encoding or "utf-8"


class Converted(NamedTuple):
    """A notebook that became a script, and the lines that could not be carried over."""

    path: str
    not_carried: tuple[str, ...]


class Stage(NamedTuple):
    """The staged files, in the order of their paths, and what was found on the way."""

    folder: Path
    files: list[Staged]
    left_out: list[LeftOut]
    secrets: list[SecretFound]
    notebooks: list[Converted]
    lfs_pointers: list[str]
    given: int


def stage(
    checkout: Checkout,
    files: list[str],
    folder: Path,
    scan: SecretScan,
    on_file: Callable[[int], None] = lambda _: None,
) -> Stage:
    """Copy `files` of the checkout into the folder.

    on_file: called with the number of files done; it may raise to cancel. Raises BadRequest beyond
    MOST_FILES or MOST_BYTES, StorageFailed.
    """
    if len(files) > MOST_FILES:
        raise _too_large(f"{len(files):,} files, more than {MOST_FILES:,}", "files")
    filling = _Filling(checkout, folder, scan)
    for number, file in enumerate(files):
        on_file(number)
        filling.add(file)
    return filling.result(len(files))


class _Filling:
    """The stage while it is being filled."""

    def __init__(self, checkout: Checkout, folder: Path, scan: SecretScan) -> None:
        self._checkout, self._scan = checkout, scan
        self._inside = os.path.realpath(checkout.folder)
        self._parents: dict[str, bool] = {}
        self._names = set(checkout.files)
        self._taken: set[str] = set()
        self._bytes = 0
        self._stage = Stage(folder, [], list(checkout.left_out), [], [], [], 0)

    def result(self, given: int) -> Stage:
        self._stage.left_out.sort()
        return self._stage._replace(given=given)

    def add(self, file: str) -> None:
        """Stage one file, or note why it is left out. Raises BadRequest, StorageFailed."""
        shown, name = shown_path(file)
        reason = _by_name(file)
        if shown in self._taken:
            reason = "its name is displayed like that of another file"
        if reason:
            self._leave_out(shown, reason)
            return
        self._taken.add(shown)
        try:
            with self._open(file) as opened:
                self._copy(opened, file, shown, name)
        except _Omitted as omitted:
            self._leave_out(shown, str(omitted))
        except OSError as error:
            if isinstance(error.filename, Path | str) and str(self._stage.folder) in str(
                error.filename
            ):
                raise StorageFailed.from_os_error(error, "Copying the repository") from error
            self._leave_out(shown, f"it cannot be read: {error.strerror}")

    def _copy(self, opened: BinaryIO, file: str, shown: str, name: str) -> None:
        size = os.fstat(opened.fileno()).st_size
        self._bytes += size
        if self._bytes > MOST_BYTES:
            raise _too_large(f"more than {MOST_BYTES / 1e9:.0f} GB", "bytes")
        if file.endswith(".ipynb") and size <= MOST_NOTEBOOK and file + ".py" not in self._names:
            content = opened.read()
            script = script_of(content)
            if script is not None:
                self._stage.notebooks.append(Converted(shown + ".py", script.not_carried))
                shown, file = shown + ".py", file + ".py"
                content = script.source.encode()
            opened = BytesIO(content)
        self._write(opened, file, shown, name)

    def _write(self, opened: BinaryIO, file: str, shown: str, name: str) -> None:
        target = self._stage.folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        facts, digest, masked, first = TextFacts(), hashlib.sha256(), 0, b""
        found: list[SecretFound] = []
        with target.open("wb") as copy:
            for block in blocks_of(opened):
                first = first or block[: len(_LFS)]
                scanned = self._scan.block(block, shown, facts.lines)
                found += scanned.found
                masked += scanned.masked
                facts.add(scanned.block)
                digest.update(scanned.block)
                copy.write(scanned.block)
        whole = [one for one in found if one.whole_file]
        if facts.encoding is None or whole:
            target.unlink()
            reason = facts.binary_kind if facts.encoding is None else f"it has a {whole[0].kind}"
            self._stage.secrets.extend(whole)
            raise _Omitted(reason)
        self._stage.secrets.extend(found)
        if first == _LFS and facts.size < 1024:
            self._stage.lfs_pointers.append(shown)
        staged = Staged(shown, file, name, target, digest.hexdigest(), facts, masked)
        self._stage.files.append(staged)

    @contextmanager
    def _open(self, file: str) -> Iterator[BinaryIO]:
        """Open a plain file below the checkout without following any link."""
        parent = os.path.dirname(file)
        if parent not in self._parents:
            real = os.path.realpath(self._checkout.folder / parent)
            expected = os.path.join(self._inside, parent).rstrip("/")
            self._parents[parent] = real == os.path.normpath(expected)
        if not self._parents[parent] or ".." in file.split("/"):
            raise _Omitted("its folder is a link, or outside the repository")
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
        with os.fdopen(os.open(self._checkout.path(file), flags), "rb") as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                raise _Omitted("not a plain file")
            yield opened

    def _leave_out(self, shown: str, reason: str) -> None:
        self._stage.left_out.append(LeftOut(shown, reason))


class _Omitted(Exception):
    """A file that is left out; its text is the reason."""


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
