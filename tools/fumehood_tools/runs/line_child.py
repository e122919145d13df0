"""Trusted child processes that talk in JSON lines: the harvest and the scorer."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Self

from fumehood_tools.child_tuning import HEAVY_WORK
from fumehood_tools.errors import RunFailed
from fumehood_tools.lines import LineReader


class LineChild:
    """One trusted child: JSON lines in, JSON lines out, its stderr in the job's log.

    Stays in the job's process group, so that the group's end is its end too.
    """

    def __init__(
        self, module: str, *arguments: str, environ: Mapping[str, str] | None = None
    ) -> None:
        self.module = module
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **HEAVY_WORK,
                **os.environ,
                "PYTHONPATH": os.pathsep.join(_import_path()),
                **(environ or {}),
            },
        )
        assert self.process.stdout is not None
        self._lines = LineReader(self.process.stdout.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
            self.process.kill()
        self.process.wait()

    def send(self, content: str) -> None:
        """Send one line."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(content.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise self._died() from None

    def receive(self, wait_seconds: float) -> list[dict[str, Any]]:
        """Return the lines that arrived, waiting up to wait_seconds for the first.

        Raises RunFailed when the child has ended without an answer.
        """
        lines = self._lines.read(wait_seconds)
        if lines is None:
            raise self._died()
        return [json.loads(line) for line in lines]

    def _died(self) -> RunFailed:
        code = self.process.wait()
        return RunFailed(
            f"{self.module} ended early (exit {code}). read_job_log shows its last words; "
            "start the same run again, finished parts are kept."
        )


def _import_path() -> Sequence[str]:
    """Return the folders that make fumehood_tools importable in a child, whatever its cwd."""
    return [path for path in sys.path if path]
