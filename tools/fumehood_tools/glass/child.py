"""One child behind the glass: what it may use, how it is watched, how it ended."""

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
# Looking through scratch folders and process tables costs: not at every call of `poll`.
LOOK_SECONDS = 0.25
# A killed process that touches a slow disk may take a while to go.
WORD_SECONDS = 30.0
WORD_BYTES = 64

Limit = Literal["wall", "memory", "cpu", "scratch", "threads", "output"]


class ChildLimits(BaseModel, frozen=True):
    """Limits of one child. Each is enforced from outside the child's own code."""

    wall_seconds: float = Field(gt=0)
    cpu_seconds: float | None = Field(
        None, gt=0, description="processor time; default: wall clock x threads, and a minute"
    )
    memory_gb: float = Field(8.0, gt=0, description="resident memory of the child, GiB")
    scratch_gb: float = Field(4.0, gt=0, description="all files in its scratch folder, GiB")
    threads: int = Field(1, ge=1, description="compute threads")
    cuda: bool = Field(False, description="CUDA maps more address space than any limit allows")

    @property
    def processor_seconds(self) -> int:
        """The limit on processor time, whole seconds."""
        return round(self.cpu_seconds or self.wall_seconds * self.threads + 60) or 1


class ChildOutcome(BaseModel, frozen=True):
    """How a child ended."""

    exit_code: int = Field(description="negative: the signal that ended it")
    limit: Limit | None = Field(None, description="the limit at which it was ended")
    output_tail: str = Field("", description="last 4,000 characters of its output")
    seconds: float = 0.0
    processor_seconds: float | None = Field(
        None,
        description="processor time of all its threads and of what it waited for, as the kernel "
        "counted it; None: nobody was left to ask",
    )

    @property
    def timed_out(self) -> bool:
        """Whether it used more wall clock or processor time than it may."""
        return self.limit in ("wall", "cpu")

    @property
    def out_of_memory(self) -> bool:
        """Whether it used more memory than it may."""
        return self.limit == "memory"


class ChildLine:
    """What a child was started with and how it is spoken to: made by a Nursery."""

    def __init__(
        self, pid: int, status: int, output: int, stdin: IO[bytes] | None, stdout: IO[bytes] | None
    ) -> None:
        self.pid, self.status, self.output = pid, status, output
        self.stdin, self.stdout = stdin, stdout


class GlassChild:
    """One running child. Use as a context manager: leaving it ends the child's whole group.

    Nothing watches a child between two calls of `poll` but the kernel's own limits: whoever holds
    it calls `poll` several times a second. Its output is read there too; only its end is kept.
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
        """The child's process number, as seen from here."""
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
        """Wall clock since the start."""
        return time.monotonic() - self.started

    def poll(self) -> ChildOutcome | None:
        """Return the outcome when the child has ended, else None; ends it at its limits."""
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
        """Block until the child has ended and return how; at most its `wall_seconds`."""
        while (outcome := self.poll()) is None:
            select.select([self._line.status], [], [], look_seconds)
        return outcome

    def outcome(self) -> ChildOutcome:
        """Return how the child ended; only meaningful after `end`."""
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
        """Return the end of what the child printed."""
        return self._tail.decode("utf-8", "replace")[-TAIL_CHARACTERS:]

    def end(self) -> None:
        """Kill the child's process group. Safe to call twice."""
        if self._ended:
            return
        self._ended = True
        if not self._has_ended():
            # Killed in its first moments it has no group of its own yet.
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
        """Whether the nursery has reported the child's end, or is gone itself."""
        if self._exit_code is None:
            with contextlib.suppress(BlockingIOError):
                said = os.read(self._line.status, WORD_BYTES).split()
                self._exit_code = int(said[0]) if said else -signal.SIGKILL
                self._processor_seconds = float(said[1]) if said else None
        return self._exit_code is not None

    def _await_status(self) -> None:
        """Wait for the nursery's word that the killed child is gone."""
        select.select([self._line.status], [], [], WORD_SECONDS)
        if not self._has_ended():
            self._exit_code = -signal.SIGKILL

    def _processor_limit(self, exit_code: int) -> Limit | None:
        """Return "cpu" for a child that was killed with all of its processor time used."""
        # It may ignore the signal that says why; the one that follows says nothing.
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
        """Return bytes of memory and the number of threads of the child and all it started."""
        try:
            root = psutil.Process(self.pid)
            family = [root, *root.children(recursive=True)]
        except psutil.Error:
            return 0, 0
        resident = threads = 0
        for member in family:
            with contextlib.suppress(psutil.Error):
                memory = member.memory_info()
                # Mapped shards are pages of a file that anyone may drop: not the child's own.
                resident += memory.rss - getattr(memory, "shared", 0)
                threads += member.num_threads()
        return resident, threads


def _fits(folder: Path, most_bytes: int) -> bool:
    """Return whether a folder holds at most that many bytes, in at most MOST_FILES files.

    Folders nested too deep to be looked through do not fit; names that vanish meanwhile do.
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
    """Return what the open files of a process hold that were deleted: they fill the disk unseen."""
    found: dict[tuple[int, int], int] = {}
    with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as handles:
        for handle in handles:
            with contextlib.suppress(OSError):
                facts = os.stat(handle.path)
                # What the trusted side shares with it has no name either, and is memory.
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
