"""Let a child process read a file that may hang, crash or exhaust it; the parent stays unharmed.

`python -m MODULE` gets a JSON request on stdin and answers in lines on stdout:

    page 3 20          progress: page 3 of 20
    error TEXT         a typed failure: Unreadable(TEXT) for the caller
    (exit 0)           its answer lies in the file that the request names as "out"

The child runs in a session of its own, without our stdin, and is killed with all that it started
when the time is up or it holds too much memory. Nothing of a request (a password) is ever in argv.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from fumehood_tools.errors import StorageFailed, Unreadable
from fumehood_tools.files import last_lines

WATCH_SECONDS = 0.25
MOST_SAID = 20_000


def ask_child(
    module: str,
    request: Mapping[str, Any],
    *,
    what: str,
    seconds: float,
    memory: int,
    on_page: Callable[[int, int], None] = lambda done, total: None,
    environ: Mapping[str, str] | None = None,
    command: Sequence[str] | None = None,
) -> bytes:
    """Return what the child left in its out file. Raises Unreadable, StorageFailed.

    what: names the file in errors. memory: bytes that the child and its children may hold.
    command: runs instead of the module (a stand-in in tests).
    """
    with tempfile.TemporaryDirectory(prefix="fumehood-read-") as folder:
        out = Path(folder) / "out"
        argv = command or [sys.executable, "-m", module]
        try:
            child = _Child(argv, {**request, "out": str(out)}, Path(folder), environ)
        except OSError as error:
            raise StorageFailed.from_os_error(error, f"Starting the reader of {what}") from error
        try:
            code = child.watch(seconds, memory, what, on_page)
        finally:
            child.kill()
        if code != 0 or not out.is_file():
            how = f"signal {-code}" if code < 0 else f"exit {code}"
            said = last_lines(child.stderr(), 2)[-300:]
            raise Unreadable(
                f"The reader of {what} died ({how}{f': {said}' if said else ''}). The file is "
                "damaged or hostile; try another source of this paper."
            )
        return out.read_bytes()


class _Child:
    """A reader at work."""

    def __init__(
        self,
        argv: Sequence[str],
        request: Mapping[str, Any],
        folder: Path,
        environ: Mapping[str, str] | None,
    ) -> None:
        self._said = folder / "stderr"
        self._lines: queue.Queue[str | None] = queue.Queue()
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                argv,
                cwd=Path(__file__).resolve().parents[2],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                start_new_session=True,
                env={**os.environ, **(environ or {}), "TMPDIR": str(folder)},
                encoding="utf-8",
                errors="replace",
            )
        threading.Thread(target=self._feed, args=(json.dumps(request),), daemon=True).start()
        threading.Thread(target=self._listen, daemon=True).start()

    def watch(
        self, seconds: float, memory: int, what: str, on_page: Callable[[int, int], None]
    ) -> int:
        """Return the exit code. Raises Unreadable for a typed failure, or when it goes too far."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if left <= 0:
                raise Unreadable(
                    f"Reading {what} took over {seconds:.0f} s and was stopped. Try another source "
                    "of this paper."
                )
            try:
                line = self._lines.get(timeout=min(WATCH_SECONDS, left))
            except queue.Empty:
                if (code := self._process.poll()) is not None:
                    return code  # Something that it started still holds its stdout.
                self._check_memory(memory, what)
                continue
            if line is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return self._process.wait(timeout=max(0.1, left))
                continue
            word, _, rest = line.strip().partition(" ")
            if word == "error":
                raise Unreadable(rest[:MOST_SAID])
            if word == "page":
                done, _, total = rest.partition(" ")
                on_page(int(done), int(total))

    def stderr(self) -> str:
        """Return the end of what it said on stderr."""
        return self._said.read_text(encoding="utf-8", errors="replace")[-MOST_SAID:]

    def kill(self) -> None:
        """End it and everything it started; an ended child stays ended."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _check_memory(self, memory: int, what: str) -> None:
        try:
            root = psutil.Process(self._process.pid)
            held = sum(it.memory_info().rss for it in [root, *root.children(recursive=True)])
        except psutil.Error:
            return
        if held > memory:
            raise Unreadable(
                f"Reading {what} took more than {memory / 1e9:.1f} GB of memory and was stopped. "
                "Try another source of this paper."
            )

    # Each thread closes its own pipe: closing one that is being read waits for whoever writes it,
    # which may be a grandchild in a session of its own.
    def _feed(self, request: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError), self._process.stdin as pipe:
            pipe.write(request)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(OSError, ValueError), self._process.stdout as pipe:
            for line in pipe:
                self._lines.put(line)
        self._lines.put(None)
