"""Send one request to a child process that may hang, crash or use too much memory.

`python -P -m MODULE` receives a JSON request on stdin and answers as described in answering.py. It
runs in its own session. It is killed, with all processes that it started, at its time limit, when
it and its children use too much memory, and when it has ended. A request may contain a password, so
it is never passed in argv or in a file with a name.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from fumehood_tools.children.environment import our_environment, python
from fumehood_tools.deadlines import Deadline
from fumehood_tools.errors import FumehoodError, RunFailed, StorageFailed
from fumehood_tools.files import last_lines
from fumehood_tools.lines import LineReader
from fumehood_tools.temporary import scratch_folder

WATCH_SECONDS = 0.25
ENDING_SECONDS = 10.0
"""How long to wait for a killed process, which may be in a slow disk operation."""
# A pipe holds 64 KiB, at most 1 MiB, and one read takes 64 KiB: after this many reads, everything
# that an ended child wrote has been read, even if a process that it started keeps writing.
READS_AFTER_ITS_END = 16
MOST_SAID = 20_000
MOST_LINE = 1 << 20
MOST_ANSWER = 1 << 30
_PROGRESS = re.compile(r"(\d{1,9}) (\d{1,9})")


@dataclass(frozen=True)
class ChildTask:
    """The limits of a request to a child, and the texts of its errors."""

    doing: str
    """Start of every error text: "Reading a.pdf"."""
    remedy: str
    """End of every error text, a whole sentence: "Try another source of this paper."."""
    seconds: float
    memory: int
    """Limit for the child and all processes that it started, together, in bytes."""
    failure: type[FumehoodError] = RunFailed
    """Raised if the child fails, dies or reaches a limit."""
    missing: Mapping[str, FumehoodError] = field(default_factory=dict)
    """Package -> the error to raise if the child cannot import it."""


def ask_once(
    module: str,
    request: Any,
    task: ChildTask,
    *,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
    command: Sequence[str] | None = None,
) -> bytes:
    """Return the child's answer. Raises task.failure, one of task.missing, StorageFailed.

    environ: variables to add to our environment. folder: the child's working folder, in which it
    may leave files for the caller (default: a temporary one). command: run this instead of the
    module (for tests).
    """
    if folder is None:
        with scratch_folder(None, "fumehood-child-") as temporary:
            return ask_once(
                module,
                request,
                task,
                on_progress=on_progress,
                environ=environ,
                folder=temporary,
                command=command,
            )
    out = folder / "answer"
    try:
        child = _Child(
            command or python(module), {"request": request, "out": str(out)}, folder, environ
        )
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"{task.doing}: starting its process") from error
    try:
        code = child.watch(task, on_progress)
    finally:
        child.kill()
    if code != 0 or not out.is_file() or out.stat().st_size > MOST_ANSWER:
        raise _failure(task, code, child.last_words())
    return out.read_bytes()


def _failure(task: ChildTask, code: int, stderr: str) -> FumehoodError:
    """Return the error for a child that ended without an answer. stderr: its last output."""
    for package, problem in task.missing.items():
        if f"No module named '{package}" in stderr:
            return problem
    how = f"signal {-code}" if code < 0 else f"exit {code}"
    said = last_lines(stderr, 2)[-300:]
    return task.failure(
        f"{task.doing} failed: its process died ({how}{f': {said}' if said else ''}). {task.remedy}"
    )


class _Child:
    """A running child."""

    def __init__(
        self,
        argv: Sequence[str],
        request: Mapping[str, Any],
        folder: Path,
        environ: Mapping[str, str] | None,
    ) -> None:
        self._stderr = folder / "stderr"
        # An unnamed temporary file. Unlike a pipe, it accepts a request of any size at once, even
        # if the child never reads it.
        with tempfile.TemporaryFile() as asked, self._stderr.open("wb") as stderr:
            asked.write(json.dumps(request).encode())
            asked.seek(0)
            self._process = subprocess.Popen(
                argv,
                bufsize=0,
                cwd=folder,
                stdin=asked,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,
                env=our_environment({**(environ or {}), "TMPDIR": str(folder)}),
            )
        self._lines: LineReader | None = LineReader(self._pipe.fileno(), MOST_LINE)

    def watch(self, task: ChildTask, on_progress: Callable[[int, int], None]) -> int:
        """Wait for the end and return the exit code. Raises task.failure for an expected failure
        that the child reports, and at a limit."""
        deadline = Deadline(
            task.seconds,
            lambda: task.failure(
                f"{task.doing} took over {task.seconds:.0f} s and was stopped. {task.remedy}"
            ),
        )
        next_look = time.monotonic() + WATCH_SECONDS
        reads_left = READS_AFTER_ITS_END
        while True:
            # Poll before reading the pipe, so that the child's last lines are read before its end
            # counts. Don't wait for the pipe to close: a process that the child started may keep
            # it open.
            code = self._process.poll()
            lines = self._listen(0.0 if code is not None else min(WATCH_SECONDS, deadline.left()))
            for line in lines:
                _hear(line, task, on_progress)
            if code is not None:
                reads_left -= 1
                if not lines or not reads_left:
                    return code
            deadline.left()
            if time.monotonic() >= next_look:
                next_look = time.monotonic() + WATCH_SECONDS
                self._check_memory(task)

    def last_words(self) -> str:
        """Return the end of the child's stderr."""
        with self._stderr.open("rb") as file:
            file.seek(max(0, self._stderr.stat().st_size - MOST_SAID))
            return file.read(MOST_SAID).decode("utf-8", "replace")

    def kill(self) -> None:
        """Kill the child and everything that it started. Does nothing if it has ended."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(ENDING_SECONDS)
        self._pipe.close()

    @property
    def _pipe(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    def _listen(self, seconds: float) -> list[str]:
        """Return the lines that arrive within `seconds`. If stdout is closed, wait for the end."""
        if self._lines is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
            return []
        lines = self._lines.read(seconds)
        if lines is None:
            self._lines = None
        return lines or []

    def _check_memory(self, task: ChildTask) -> None:
        # Imported here, since a child imports this module too, and most are done before a check.
        import psutil

        try:
            root = psutil.Process(self._process.pid)
            held = sum(it.memory_info().rss for it in [root, *root.children(recursive=True)])
        except psutil.Error:
            return
        if held > task.memory:
            raise task.failure(
                f"{task.doing} took more than {task.memory / 1e9:.1f} GB of memory and was "
                f"stopped. {task.remedy}"
            )


def _hear(line: str, task: ChildTask, on_progress: Callable[[int, int], None]) -> None:
    """Handle one line from the child. Raises task.failure if it reports an expected failure."""
    word, _, rest = line.strip().partition(" ")
    if word == "error":
        raise task.failure(rest[:MOST_SAID])
    if word == "progress" and (found := _PROGRESS.fullmatch(rest)):
        on_progress(int(found[1]), int(found[2]))
