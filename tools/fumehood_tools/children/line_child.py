"""A trusted child process that lives as long as its job and communicates in JSON lines.

Neither side can block the other: data that the child does not read yet is buffered here, and a
caller that waits for an answer sets a limit on silence.
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
"""Time that a child has to end after SIGTERM before it is killed."""
KILLED_SECONDS = 10.0
"""How long to wait for a killed process, which may be in a slow disk operation."""
JOB_REMEDY = "read_job_log shows its last words; start the same run again, finished parts are kept."


class ChildEnded(RunFailed):
    """A child ended while it was still needed. A negative exit_code is a signal number."""

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code


class LineChild:
    """One trusted child: JSON lines on stdin and stdout; stderr is inherited by default.

    It stays in our process group and ends when the group is killed, unless it gets its own session.
    Use it in a `with` block, which ends the child.
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
        """environ, keys: see our_environment. remedy: the last sentence of error texts.

        session: start it in its own session, which is then ended as a whole. grace: seconds that it
        has to end after SIGTERM. Raises StorageFailed if it cannot be started.
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
        """Send one line without waiting. Raises ChildEnded if the child has closed its stdin."""
        self._unsent += content.encode() + b"\n"
        self._heard = time.monotonic()
        try:
            self._flush()
        except BrokenPipeError:
            raise self._ended() from None

    def receive(
        self, wait_seconds: float, *, patience: float | None = None
    ) -> list[dict[str, Any]]:
        """Return the parsed lines that have arrived, waiting up to wait_seconds for the first.

        patience: if the caller expects an answer, the seconds after the last line in either
        direction at which to give up. Raises ChildEnded if the child has ended, RunFailed if the
        patience is used up.
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
                f"{self.module} sent nothing for {patience / 60:.0f} min, so we stopped waiting. "
                f"{self._remedy}"
            )
        try:
            return [json.loads(line) for line in lines]
        except ValueError as error:
            text = f"{self.module} sent a line that is not JSON. {self._remedy}"
            raise RunFailed(text) from error

    def close(self) -> None:
        """End the child with SIGTERM, or kill it if it does not end in time."""
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
        # The child has closed its pipe. It is about to end, or it hangs while ending.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(self._grace)
        self._kill()
        code = self.process.returncode
        code = -signal.SIGKILL if code is None else code
        return ChildEnded(f"{self.module} ended early (exit {code}). {self._remedy}", code)
