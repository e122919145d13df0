"""One child process behind the glass: its limits, how they are enforced, and its outcome."""

import contextlib
import os
import select
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Literal, Self

import psutil
from pydantic import BaseModel, Field

GIB = 1 << 30
TAIL_CHARACTERS = 4_000
OUTPUT_BYTES = 64 << 20
MOST_THREADS = 256
MOST_FILES = 10_000
MOST_NESTED = 10
# Scanning scratch folders and process tables is slow, so `poll` does it at most this often.
LOOK_SECONDS = 0.25
# A killed process that is waiting for a slow disk may take a while to exit.
WORD_SECONDS = 30.0
WORD_BYTES = 64

Limit = Literal["wall", "memory", "cpu", "scratch", "threads", "output"]


class ChildLimits(BaseModel, frozen=True):
    """Limits of one child. Each is enforced from outside the child's own code."""

    wall_seconds: float = Field(gt=0)
    cpu_seconds: float | None = Field(
        None, gt=0, description="processor time; default: wall clock x threads + 60 s"
    )
    memory_gb: float = Field(8.0, gt=0, description="resident memory of the child, GiB")
    scratch_gb: float = Field(4.0, gt=0, description="all files in its scratch folder, GiB")
    threads: int = Field(1, ge=1, description="compute threads")
    cuda: bool = Field(
        False, description="no limit on address space: CUDA maps more than any limit would allow"
    )

    @property
    def processor_seconds(self) -> int:
        """The limit on processor time, whole seconds."""
        return round(self.cpu_seconds or self.wall_seconds * self.threads + 60) or 1


class ChildOutcome(BaseModel, frozen=True):
    """How a child ended."""

    exit_code: int = Field(description="negative: the number of the signal that killed it")
    limit: Limit | None = Field(None, description="the limit that it exceeded, if any")
    output_tail: str = Field("", description="last 4,000 characters of its output")
    seconds: float = 0.0
    processor_seconds: float | None = Field(
        None,
        description="processor time, as counted by the kernel, of all its threads and of the "
        "processes that it waited for; None if the nursery had died and could not report it",
    )

    @property
    def timed_out(self) -> bool:
        """True if the child exceeded its wall clock or processor time."""
        return self.limit in ("wall", "cpu")

    @property
    def out_of_memory(self) -> bool:
        """True if the child exceeded its memory limit."""
        return self.limit == "memory"


class ChildLine:
    """A started child's pid and the pipes that connect us to it; created by a Nursery."""

    def __init__(
        self, pid: int, status: int, output: int, stdin: IO[bytes] | None, stdout: IO[bytes] | None
    ) -> None:
        self.pid, self.status, self.output = pid, status, output
        self.stdin, self.stdout = stdin, stdout


class GlassChild:
    """One running child. Use as a context manager: leaving it kills the child's process group.

    Between two calls of `poll`, only the kernel's own limits apply, so call `poll` several times a
    second. It also reads the child's output, of which only the last part is stored.
    """

    def __init__(
        self, line: ChildLine, scratch: Path, limits: ChildLimits, on_end: Callable[[], None]
    ) -> None:
        self.limits, self.scratch = limits, scratch
        self.started = time.monotonic()
        self.limit: Limit | None = None
        self._line, self._on_end = line, on_end
        self._tail, self._printed = b"", 0
        self._exit_code: int | None = None
        self._processor_seconds: float | None = None
        self._ended = False
        self._next_look = 0.0
        os.set_blocking(line.output, False)
        os.set_blocking(line.status, False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.end()

    @property
    def pid(self) -> int:
        """The child's process id in our PID namespace."""
        return self._line.pid

    @property
    def stdin(self) -> IO[bytes]:
        """The child's standard input (only with `pipes`)."""
        assert self._line.stdin is not None
        return self._line.stdin

    @property
    def stdout(self) -> IO[bytes]:
        """The child's standard output (only with `pipes`)."""
        assert self._line.stdout is not None
        return self._line.stdout

    @property
    def seconds(self) -> float:
        """Wall-clock seconds since the start."""
        return time.monotonic() - self.started

    def poll(self) -> ChildOutcome | None:
        """Return the outcome, or None while the child runs. Kills a child that exceeds a limit."""
        if self._ended:
            return self.outcome()
        self._read_output()
        if self._has_ended():
            self.end()
            return self.outcome()
        self.limit = self._limit_reached()
        if self.limit is None:
            return None
        self.end()
        return self.outcome()

    def wait(self, look_seconds: float = 0.05) -> ChildOutcome:
        """Block until the child has ended, at most for its `wall_seconds`; return the outcome."""
        while (outcome := self.poll()) is None:
            select.select([self._line.status], [], [], look_seconds)
        return outcome

    def outcome(self) -> ChildOutcome:
        """Return how the child ended. Only meaningful after `end`."""
        code = -signal.SIGKILL if self._exit_code is None else self._exit_code
        tail = self.output_tail()
        return ChildOutcome(
            exit_code=code,
            limit=self.limit or self._processor_limit(code) or _limit_told_by(code, tail),
            output_tail=tail,
            seconds=round(self.seconds, 3),
            processor_seconds=self._processor_seconds,
        )

    def output_tail(self) -> str:
        """Return the last TAIL_CHARACTERS characters that the child printed."""
        return self._tail.decode("utf-8", "replace")[-TAIL_CHARACTERS:]

    def end(self) -> None:
        """Kill the child's process group. Safe to call twice."""
        if self._ended:
            return
        self._ended = True
        if not self._has_ended():
            # A child that has just been forked may not have its own process group yet.
            for kill in (os.kill, os.killpg):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    kill(self.pid, signal.SIGKILL)
            self._await_status()
        self._read_output()
        for stream in (self._line.stdin, self._line.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        os.close(self._line.output)
        os.close(self._line.status)
        self._on_end()

    def _has_ended(self) -> bool:
        """Return True if the nursery has reported the child's end or has itself died."""
        if self._exit_code is None:
            with contextlib.suppress(BlockingIOError):
                said = os.read(self._line.status, WORD_BYTES).split()
                self._exit_code = int(said[0]) if said else -signal.SIGKILL
                self._processor_seconds = float(said[1]) if said else None
        return self._exit_code is not None

    def _await_status(self) -> None:
        """Wait until the nursery reports that the killed child is gone."""
        select.select([self._line.status], [], [], WORD_SECONDS)
        if not self._has_ended():
            self._exit_code = -signal.SIGKILL

    def _processor_limit(self, exit_code: int) -> Limit | None:
        """Return "cpu" for a child that was killed with all of its processor time used."""
        # A child can ignore SIGXCPU. The SIGKILL that follows does not say why it was sent.
        used = self._processor_seconds or 0.0
        spent = exit_code == -signal.SIGKILL and used >= self.limits.processor_seconds
        return "cpu" if spent else None

    def _limit_reached(self) -> Limit | None:
        if self.seconds > self.limits.wall_seconds:
            return "wall"
        if self._printed > OUTPUT_BYTES:
            return "output"
        if self.seconds < self._next_look:
            return None
        self._next_look = self.seconds + LOOK_SECONDS
        resident, threads = self._usage()
        if resident > self.limits.memory_gb * GIB:
            return "memory"
        if threads > MOST_THREADS:
            return "threads"
        left = int(self.limits.scratch_gb * GIB) - nameless_bytes(self.pid)
        return None if _fits(self.scratch, left) else "scratch"

    def _read_output(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            while part := os.read(self._line.output, 1 << 20):
                self._printed += len(part)
                self._tail = (self._tail + part)[-4 * TAIL_CHARACTERS :]
                if self._printed > OUTPUT_BYTES:
                    break

    def _usage(self) -> tuple[int, int]:
        """Return memory (bytes) and thread count of the child and all its descendants."""
        try:
            root = psutil.Process(self.pid)
            family = [root, *root.children(recursive=True)]
        except psutil.Error:
            return 0, 0
        resident = threads = 0
        for member in family:
            with contextlib.suppress(psutil.Error):
                memory = member.memory_info()
                # Pages of mapped shards can be dropped at any time: not the child's own memory.
                resident += memory.rss - getattr(memory, "shared", 0)
                threads += member.num_threads()
        return resident, threads


def _fits(folder: Path, most_bytes: int) -> bool:
    """Return True if a folder has at most `most_bytes` bytes in at most MOST_FILES entries.

    Returns False if folders are nested more than MOST_NESTED levels deep. Entries that disappear
    during the scan are ignored.
    """
    size = count = 0
    waiting = [(str(folder), 0)]
    while waiting:
        path, depth = waiting.pop()
        if depth > MOST_NESTED:
            return False
        with contextlib.suppress(FileNotFoundError, PermissionError), os.scandir(path) as entries:
            for entry in entries:
                count += 1
                with contextlib.suppress(FileNotFoundError):
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append((entry.path, depth + 1))
                if count > MOST_FILES or size > most_bytes:
                    return False
    return size <= most_bytes


def nameless_bytes(pid: int) -> int:
    """Return the bytes of deleted files that a process has open: they take up disk space unseen."""
    found: dict[tuple[int, int], int] = {}
    with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as handles:
        for handle in handles:
            with contextlib.suppress(OSError):
                facts = os.stat(handle.path)
                # Buffers shared with the trusted side have no name either, but take no disk space.
                shared = os.readlink(handle.path).startswith("/memfd:")
                if stat.S_ISREG(facts.st_mode) and facts.st_nlink == 0 and not shared:
                    found[facts.st_dev, facts.st_ino] = facts.st_blocks * 512
    return sum(found.values())


def _limit_told_by(exit_code: int, output: str) -> Limit | None:
    if exit_code == -signal.SIGXCPU:
        return "cpu"
    signs = ("not enough memory", "MemoryError", "Cannot allocate memory", "CUDA out of memory")
    failed = exit_code != 0 and any(sign in output for sign in signs)
    return "memory" if failed else None
