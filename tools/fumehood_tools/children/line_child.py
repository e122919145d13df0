"""A trusted child process that lives as long as its job and talks in JSON lines.

Neither side can block the other: what the child does not take yet is kept here until it does, and
whoever waits for an answer says how long a silence may last.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Collection, Mapping
from typing import IO, Any, Literal, Self

from fumehood_tools.child_tuning import HEAVY_WORK
from fumehood_tools.children.environment import our_environment, python
from fumehood_tools.errors import RunFailed, StorageFailed
from fumehood_tools.lines import LineReader

ENDING_SECONDS = 5.0
"""What a child that was told to end has for it before it is killed."""
KILLED_SECONDS = 10.0
"""What a killed process may take to go: it may be touching a slow disk."""
JOB_REMEDY = "read_job_log shows its last words; start the same run again, finished parts are kept."


class ChildEnded(RunFailed):
    """A child that was still needed has ended; `exit_code` says how (negative: a signal)."""

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code


class LineChild:
    """One trusted child: JSON lines in, JSON lines out, its stderr is ours.

    Stays in our process group, so that the group's end is its end too, unless it gets a session of
    its own. Leaving the block ends it.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        environ: Mapping[str, str] | None = None,
        keys: Collection[str] | Literal["all"] = (),
        remedy: str = JOB_REMEDY,
        session: bool = False,
        stderr: IO[bytes] | None = None,
        grace: float = ENDING_SECONDS,
    ) -> None:
        """environ, keys: see our_environment. remedy: ends the text of errors, a whole sentence.

        session: it leads a session of its own, which is ended as a whole. grace: the seconds it has
        to end by itself when it is told to. Raises StorageFailed when it cannot be started.
        """
        self.module, self._remedy = module, remedy
        self._session, self._grace = session, grace
        try:
            self.process = subprocess.Popen(
                python(module, *arguments),
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=session,
                env=our_environment(environ, defaults=HEAVY_WORK, keys=keys),
            )
        except OSError as error:
            raise StorageFailed.from_os_error(error, f"Starting {module}") from error
        assert self.process.stdin is not None and self.process.stdout is not None
        self._in, self._out = self.process.stdin, self.process.stdout
        os.set_blocking(self._in.fileno(), False)
        self._unsent = b""
        self._lines = LineReader(self._out.fileno())
        self._heard = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def send(self, content: str) -> None:
        """Send one line; never waits. Raises ChildEnded when the child takes no more."""
        self._unsent += content.encode() + b"\n"
        self._heard = time.monotonic()
        try:
            self._flush()
        except BrokenPipeError:
            raise self._ended() from None

    def receive(
        self, wait_seconds: float, *, patience: float | None = None
    ) -> list[dict[str, Any]]:
        """Return the lines that arrived, waiting up to wait_seconds for the first.

        patience: given by a caller who is owed an answer; the seconds that neither side may have
        said anything. Raises ChildEnded when it has ended, RunFailed when the patience is over.
        """
        if self._unsent:
            _, writable, _ = select.select([self._out], [self._in], [], wait_seconds)
            wait_seconds = 0.0
            if writable:
                with contextlib.suppress(BrokenPipeError):
                    self._flush()
        lines = self._lines.read(wait_seconds)
        if lines is None:
            raise self._ended()
        if lines:
            self._heard = time.monotonic()
        elif patience is not None and time.monotonic() - self._heard > patience:
            raise RunFailed(
                f"{self.module} said nothing for {patience / 60:.0f} min and was given up. "
                f"{self._remedy}"
            )
        try:
            return [json.loads(line) for line in lines]
        except ValueError as error:
            text = f"{self.module} answered something that is not JSON. {self._remedy}"
            raise RunFailed(text) from error

    def close(self) -> None:
        """End the child: it is told to, and killed when it does not."""
        if self.process.poll() is None:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(self._grace)
        self._kill()
        self._in.close()
        self._out.close()

    def _kill(self) -> None:
        if self.process.poll() is None:
            self._signal(signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(KILLED_SECONDS)

    def _signal(self, number: signal.Signals) -> None:
        if self._session:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)

    def _flush(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._unsent:
                self._unsent = self._unsent[os.write(self._in.fileno(), self._unsent) :]

    def _ended(self) -> ChildEnded:
        # It has closed its pipe: it is about to end, or it hangs on its way.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(self._grace)
        self._kill()
        code = self.process.returncode
        code = -signal.SIGKILL if code is None else code
        return ChildEnded(f"{self.module} ended early (exit {code}). {self._remedy}", code)
