"""A sandbox's folder as it lies on the disk: its plain files, and everything else that is in it.

Works for a folder whose sandbox.toml cannot be read. Links are not followed.
"""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.errors import FumehoodError, UnknownName
from fumehood_tools.files import sha256_of
from fumehood_tools.plain_files import read_plain
from fumehood_tools.proving.report import Fault
from fumehood_tools.sandbox.create import SANDBOX_NAME
from fumehood_tools.sandbox.sources import IGNORED, ORIGIN_FILE
from fumehood_tools.settings import Settings

RESULTS, VARIANTS, CORE = "results", "variants", "core"
MOST_FILES = 20_000


class SandboxFolder(NamedTuple):
    """The content of a folder. Paths are relative to it, with slashes, sorted.

    files: plain files outside results/. results: plain files in it. odd: links, FIFOs and the like.
    """

    name: str
    root: Path
    files: tuple[str, ...]
    results: tuple[str, ...]
    odd: tuple[Fault, ...]

    def read(self, path: str) -> bytes:
        """Return the content of a file. Raises StorageFailed."""
        return read_plain(self.root / path)

    def text(self, path: str) -> str:
        """Return the content of a file as text; "" if it cannot be read."""
        try:
            return self.read(path).decode("utf-8", "replace")
        except FumehoodError:
            return ""

    def source(self, variant: str) -> bytes:
        """Return the source of a variant; empty if it cannot be read."""
        try:
            return self.read(f"{VARIANTS}/{variant}.py")
        except FumehoodError:
            return b""

    def under(self, folder: str) -> list[str]:
        """Return the files in a folder of the sandbox, at any depth."""
        return [path for path in self.files if path.startswith(f"{folder}/")]

    def variants(self) -> list[str]:
        """Return the names of the files in variants/ that are variants."""
        names = (path.removeprefix(f"{VARIANTS}/") for path in self.under(VARIANTS))
        plain = [name for name in names if "/" not in name and name.endswith(".py")]
        return sorted(name.removesuffix(".py") for name in plain)

    def digest(self) -> str:
        """Return a hash of all files, and of which files results/ has."""
        return tree_digest(self.root, self.files, (*self.results, *map(str, self.odd)))


def tree_digest(root: Path, files: Iterable[str], words: Iterable[str] = ()) -> str:
    """Return the sha256 over the names and contents of files, and over further words."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path}\0{sha256_of(root / path)}\n".encode())
    digest.update("\n".join(words).encode("utf-8", "replace"))
    return digest.hexdigest()


def look(settings: Settings, name: str) -> SandboxFolder:
    """Return the folder of a sandbox, whatever state it is in. Raises UnknownName."""
    root = settings.sandboxes / name
    if not SANDBOX_NAME.fullmatch(name) or not root.is_dir() or root.is_symlink():
        folder = settings.sandboxes
        known = [path.name for path in folder.glob("[a-z0-9]*")] if folder.is_dir() else []
        raise UnknownName("sandbox", name, known, "Make it with create_sandbox.")
    plain, odd = list[str](), list[Fault]()
    for path, mode in _walk(root):
        shown = path.relative_to(root).as_posix()
        if stat.S_ISREG(mode):
            plain.append(shown)
        else:
            what = "a link" if stat.S_ISLNK(mode) else "not a plain file"
            odd.append(Fault(why=f"It is {what}.", file=shown))
    plain.sort()
    inside = tuple(path for path in plain if path.startswith(f"{RESULTS}/"))
    files = tuple(path for path in plain if path not in {*inside, ORIGIN_FILE})
    return SandboxFolder(name, root, files, inside, tuple(odd))


def _walk(root: Path) -> Iterator[tuple[Path, int]]:
    seen = 0
    for folder, inner, names in os.walk(root):
        inner[:] = sorted(name for name in inner if name not in IGNORED)
        links = [name for name in inner if os.path.islink(os.path.join(folder, name))]
        for name in (*links, *names):
            path, seen = Path(folder, name), seen + 1
            if not any(path.match(pattern) for pattern in IGNORED) and seen <= MOST_FILES:
                yield path, path.lstat().st_mode
