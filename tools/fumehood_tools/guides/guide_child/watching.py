"""Notice what a block tries that the glass refuses, what it prints, and what it is warned about.

An audit hook sees network, process and file calls before the glass refuses them. A block that is
written to deceive can avoid all of this: the notes explain failures, and protect nothing.
"""

import io
import os
import sys
import types
import warnings
from collections.abc import Callable
from typing import Any

MOST_OUTPUT = 4 << 20
NETWORK = (
    "socket.__new__",
    "socket.connect",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "socket.sendto",
    "urllib.Request",
)
PROCESS = (
    "subprocess.Popen",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "os.exec",
)
WRITES = (
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.mkdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
    "shutil.rmtree",
    "shutil.move",
)
WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
FREE = ("/dev/", "/proc/self/")
DEPRECATIONS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)


class TooMuchOutput(BaseException):
    """A block printed more than MOST_OUTPUT characters."""


class LimitedOutput(io.StringIO):
    """The standard output or error of a block. Raises TooMuchOutput when it is too long."""

    def write(self, text: str) -> int:
        """Append text."""
        if self.tell() + len(text) > MOST_OUTPUT:
            raise TooMuchOutput
        return super().write(text)


class Attempts:
    """The kinds of refused calls of the current block, in order: network, process, write."""

    def __init__(self, scratch: str, on_first: Callable[[str], None]) -> None:
        self.kinds: list[str] = []
        self._inside = os.path.realpath(scratch)
        self._on_first = on_first
        self._is_noting = False

    def watch(self) -> None:
        """Install the audit hook. It cannot be removed."""
        sys.addaudithook(self._see)

    def _see(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._is_noting:
            return
        self._is_noting = True
        try:
            kind = self._kind(event, arguments)
            if kind is not None and not is_importing():
                if kind not in self.kinds:
                    self._on_first(kind)
                self.kinds.append(kind)
        finally:
            self._is_noting = False

    def _kind(self, event: str, arguments: tuple[Any, ...]) -> str | None:
        if event in NETWORK:
            return "network"
        if event in PROCESS:
            return "process"
        if event == "open":
            flags = arguments[2] if len(arguments) > 2 else 0
            wants = isinstance(flags, int) and flags & WRITE_FLAGS
            return "write" if wants and self._is_outside(arguments[0]) else None
        return "write" if event in WRITES and self._is_outside(arguments[0]) else None

    def _is_outside(self, path: Any) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return False
        text = os.path.abspath(os.fsdecode(path))
        # The path is made absolute without following links, which would be an event of its own.
        return not text.startswith((self._inside + os.sep, *FREE)) and text != self._inside


def is_importing() -> bool:
    """Return True if a module is being imported further up the stack."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


class Warned:
    """The deprecations that a block is told about, as (category, message)."""

    def __init__(self, file: str) -> None:
        self.told: list[tuple[str, str]] = []
        self._file = file

    def listen(self) -> None:
        """Take over the display of warnings, inside `warnings.catch_warnings()`."""
        warnings.simplefilter("always")
        warnings.showwarning = self._show

    def _show(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: Any = None,
        line: str | None = None,
    ) -> None:
        said = str(message)
        is_old = "deprecat" in said.lower()
        at_block = filename == self._file
        if is_importing() or not (is_old or (at_block and issubclass(category, DEPRECATIONS))):
            return
        # A warning that names a library's own file is about that library's insides, unless it
        # says in words that something is deprecated and no other library is between.
        if (at_block or self._called_from_block()) and (category.__name__, said) not in self.told:
            self.told.append((category.__name__, said[:500]))

    def _called_from_block(self) -> bool:
        """Return True if the frame that warns was called by the block, over one package only."""
        frame: types.FrameType | None = sys._getframe(1)
        packages: set[str] = set()
        while frame is not None:
            if frame.f_code.co_filename == self._file:
                return len(packages) <= 1
            top = str(frame.f_globals.get("__name__", "")).partition(".")[0]
            packages |= {top} - {"warnings", "guide_child", "typing_extensions", "functools"}
            frame = frame.f_back
        return False
