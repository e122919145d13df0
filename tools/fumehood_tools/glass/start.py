"""Start children behind the glass, watch their time and memory, and end their whole group."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Self

import psutil

from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import total_size
from fumehood_tools.glass.child import ChildLimits, ChildOutcome

GIB = 1 << 30
# torch reserves address space far beyond what it uses (thread stacks, libraries, arenas).
ADDRESS_HEADROOM = 6 * GIB
TAIL_CHARACTERS = 4_000
LOG_BYTES = 16 << 20
LAUNCHER = Path(__file__).with_name("launcher.py")


def level_available() -> str:
    """Return the strongest isolation this machine offers today: "rlimits" or "portable"."""
    return "rlimits" if sys.platform == "linux" else "portable"


class GlassChild:
    """One running child. Use as a context manager: leaving it ends the child's whole group.

    argv[0] must be an absolute path. The child starts in `scratch`, which is also its HOME and
    TMPDIR; its stderr goes to `scratch/output.log`, and its stdout too unless `pipes` is set.
    `readable` are the files that it maps into memory: their size is added to its address space.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        scratch: Path,
        readable: Iterable[Path],
        limits: ChildLimits,
        pipes: bool = False,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.limits = limits
        self.started = time.monotonic()
        self.timed_out = self.out_of_memory = False
        scratch.mkdir(parents=True, exist_ok=True)
        self._log = scratch / "output.log"
        self._log.unlink(missing_ok=True)
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command(argv, total_size(readable)),
                cwd=scratch,
                env=_environment(scratch, limits.threads),
                stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipes else log,
                stderr=log,
                pass_fds=pass_fds,
                start_new_session=True,
            )

    def _command(self, argv: Sequence[str], mapped_bytes: int) -> list[str]:
        address = int(self.limits.memory_gb * GIB) + ADDRESS_HEADROOM + mapped_bytes
        limits = {
            "address_bytes": None if self.limits.cuda else address,
            "file_bytes": int(self.limits.file_gb * GIB),
            "parent": os.getpid(),
        }
        return [sys.executable, "-I", "-B", str(LAUNCHER), json.dumps(limits), *argv]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.end()

    @property
    def stdin(self) -> IO[bytes]:
        """The child's standard input (only with `pipes`)."""
        assert self.process.stdin is not None
        return self.process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        """The child's standard output (only with `pipes`)."""
        assert self.process.stdout is not None
        return self.process.stdout

    @property
    def seconds(self) -> float:
        """Wall clock since the start."""
        return time.monotonic() - self.started

    def poll(self) -> ChildOutcome | None:
        """Return the outcome when the child has ended, else None; ends it at its limits."""
        self._cap_log()
        if self.process.poll() is None:
            if self.seconds > self.limits.wall_seconds:
                self.timed_out = True
            elif self._resident() > self.limits.memory_gb * GIB:
                self.out_of_memory = True
            else:
                return None
        self.end()
        return self.outcome()

    def outcome(self) -> ChildOutcome:
        """Return how the child ended; only meaningful after `end`."""
        tail = self.output_tail()
        return ChildOutcome(
            exit_code=self.process.returncode if self.process.returncode is not None else -9,
            timed_out=self.timed_out,
            out_of_memory=self.out_of_memory or _says_out_of_memory(tail),
            output_tail=tail,
            seconds=round(self.seconds, 3),
        )

    def output_tail(self) -> str:
        """Return the end of what the child printed."""
        try:
            with self._log.open("rb") as file:
                file.seek(max(0, self._log.stat().st_size - 4 * TAIL_CHARACTERS))
                return file.read().decode("utf-8", "replace")[-TAIL_CHARACTERS:]
        except OSError as error:
            raise StorageFailed.from_os_error(error, "Reading a child's output") from error

    def end(self) -> None:
        """Kill the child's process group and reap it. Safe to call twice."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self.process.wait()

    def _cap_log(self) -> None:
        # Appending writers go on at the new end, so a flood costs LOG_BYTES and no more.
        with contextlib.suppress(FileNotFoundError):
            if self._log.stat().st_size > LOG_BYTES:
                os.truncate(self._log, 0)

    def _resident(self) -> int:
        try:
            root = psutil.Process(self.process.pid)
            family = [root, *root.children(recursive=True)]
        except psutil.Error:
            return 0
        total = 0
        for member in family:
            with contextlib.suppress(psutil.Error):
                memory = member.memory_info()
                # Mapped shards are pages of a file that anyone may drop: not the child's own.
                total += memory.rss - getattr(memory, "shared", 0)
        return total


def run_behind_glass(
    argv: Sequence[str], scratch: Path, readable: Iterable[Path], limits: ChildLimits
) -> ChildOutcome:
    """Run a child to its end and return how it ended. Blocks for at most `wall_seconds`."""
    with GlassChild(argv, scratch=scratch, readable=readable, limits=limits) as child:
        while (outcome := child.poll()) is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(0.2)
        return outcome


def shared_buffer(size: int) -> int:
    """Return a descriptor of `size` bytes of anonymous memory that a child can map."""
    if sys.platform == "linux":
        handle = os.memfd_create("fumehood")
    else:
        with tempfile.TemporaryFile() as file:
            handle = os.dup(file.fileno())
    os.ftruncate(handle, size)
    return handle


def _environment(scratch: Path, threads: int) -> dict[str, str]:
    count = str(threads)
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": count,
        # Children share cores with others: their threads must not spin while they wait.
        "OMP_WAIT_POLICY": "PASSIVE",
        "MKL_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
    }


def _says_out_of_memory(output: str) -> bool:
    signs = ("not enough memory", "MemoryError", "Cannot allocate memory", "CUDA out of memory")
    return any(sign in output for sign in signs)
