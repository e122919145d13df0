"""Start children behind the glass by forking a parent that has already loaded torch.

A nursery costs about 1.5 s once, a child about 10 ms. Where forks of the same parent cannot be
isolated from each other (bubblewrap without Landlock, sandbox-exec), each child gets its own
nursery.
"""

import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

from fumehood_tools.child_tuning import HEAVY_WORK
from fumehood_tools.errors import RunFailed
from fumehood_tools.files import total_size
from fumehood_tools.glass import bubblewrap, seatbelt
from fumehood_tools.glass.child import GIB, ChildLimits, ChildLine, GlassChild
from fumehood_tools.glass.compiled import CACHE_VARIABLE
from fumehood_tools.glass.fumehood_child import landlock, seccomp
from fumehood_tools.glass.levels import separates_siblings
from fumehood_tools.glass.profiles import SAE, GlassProfile
from fumehood_tools.glass.resident import BroughtIn
from fumehood_tools.glass.view import common_view, devices, import_path
from fumehood_tools.settings import GlassLevel

# torch reserves address space far beyond what it uses (thread stacks, libraries, arenas).
ADDRESS_HEADROOM = 6 * GIB
OPEN_FILES = 256
PIPE_BYTES = 1 << 20
START_SECONDS = 120.0
ANSWER_SECONDS = 60.0
"""A running nursery needs a hundredth of this to fork, even on a busy machine."""
READ_SECONDS = 600.0
"""Time allowed for reading the whole view (see resident.py) from a slow disk."""
ENDING_SECONDS = 2.0
KILLED_SECONDS = 30.0
ENTRY = "import sys; sys.path[:0] = {path!r}; from fumehood_child.nursery import main; main()"
LOG = "nursery.log"
KERNELS = "kernels"


class Nursery:
    """Starts children. Use as a context manager: leaving it ends all of them.

    `scratch_root` contains the scratch folders of all children. `readable` lists everything outside
    the common view and scratch_root that any child may be allowed to read. `profile` determines the
    common view. `kernels` is the result of `compiled_kernels`; without it, each nursery process
    compiles the kernels itself (about 5 s).
    """

    def __init__(
        self,
        scratch_root: Path,
        *,
        level: GlassLevel,
        threads: int = 1,
        readable: Iterable[Path] = (),
        cuda: bool = False,
        gpu: int | None = None,
        kernels: Path | None = None,
        profile: GlassProfile = SAE,
        shared: bool | None = None,
    ) -> None:
        """Start loading. shared: fork all children from one parent; default: if that is safe.

        gpu: the number of the only GPU that children see; None: all.
        """
        self.scratch_root = scratch_root.resolve()
        self.level, self.threads, self.cuda, self.kernels = level, threads, cuda, kernels
        self.profile = profile
        self.readable = [path.resolve() for path in readable]
        self._devices = {} if gpu is None else {"CUDA_VISIBLE_DEVICES": str(gpu)}
        self._lock = threading.Lock()
        self._open: list[_Process] = []
        self._walls_of_its_own = level in ("bubblewrap", "landlock")
        if shared is None:
            shared = level == "rlimits" or (self._walls_of_its_own and separates_siblings())
        self._shared = self._process(self.scratch_root, self.readable) if shared else None

    @property
    def forks(self) -> bool:
        """Whether children are forked from one parent, which takes 10 ms each."""
        return self._shared is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End all children and their parents."""
        for process in list(self._open):
            process.close()

    def start(
        self,
        program: str,
        spec: Mapping[str, Any],
        *,
        scratch: Path,
        limits: ChildLimits,
        readable: Iterable[Path] = (),
        pipes: bool = False,
        pass_fds: Sequence[int] = (),
        writes: bool = True,
    ) -> GlassChild:
        """Start `program` (a module with main(spec) -> exit code, or a .py file) in a child.

        scratch: the child's working folder, HOME and TMPDIR; the only place it can write to.
        writes: whether it can; False has no effect where there is no Landlock.
        readable: files it can read in addition to the common view. pass_fds keep their numbers.
        Raises RunFailed if the isolation cannot be set up.
        """
        scratch.mkdir(parents=True, exist_ok=True)
        given = [path.resolve() for path in readable]
        request = {
            "program": program,
            "spec": dict(spec),
            "walls": self._walls(scratch.resolve(), given, limits, writes),
            "scratch": str(scratch.resolve()),
            "environment": {**environment(scratch.resolve(), limits.threads), **self._devices},
            "threads": limits.threads,
        }
        with self._lock:
            if self._shared is not None and self._shared.process.poll() is not None:
                # At level rlimits a child can kill the nursery, so start another one.
                self._shared = self._process(self.scratch_root, self.readable)
            process = self._shared or self._process(scratch.resolve(), given)
            line = process.fork(request, pipes=pipes, pass_fds=pass_fds)
        on_end = (lambda: None) if process is self._shared else process.close
        return GlassChild(line, scratch, limits, on_end)

    def _process(self, root: Path, readable: list[Path]) -> "_Process":
        process = _Process(self, root, readable)
        self._open.append(process)
        return process

    def _walls(
        self, scratch: Path, given: list[Path], limits: ChildLimits, writes: bool
    ) -> dict[str, Any]:
        readable = [*common_view(self.profile, self.cuda), *map(str, given)]
        files = {
            "readable": readable if writes else [*readable, str(scratch)],
            "writable": [*([str(scratch)] if writes else []), *devices(self.cuda)],
        }
        return {
            "limits": resource_limits(limits, total_size(given)),
            "landlock": files if self._walls_of_its_own and landlock.abi() else None,
            "seccomp": self._walls_of_its_own and seccomp.is_offered(),
            "cuda": self.cuda,
        }


class _Process:
    """One running nursery, whose children write under `root`."""

    def __init__(self, nursery: Nursery, root: Path, readable: list[Path]) -> None:
        self.nursery, self.root, self.readable = nursery, root, readable
        nursery.scratch_root.mkdir(parents=True, exist_ok=True)
        self._log = nursery.scratch_root / LOG
        self._control, theirs = socket.socketpair()
        self._control.settimeout(ANSWER_SECONDS)
        # The nursery's own copy is loaded before any child exists that could write to it.
        root.mkdir(parents=True, exist_ok=True)
        if nursery.kernels is not None:
            shutil.copytree(nursery.kernels, root / KERNELS, dirs_exist_ok=True)
        clean = {
            **environment(root, nursery.threads),
            CACHE_VARIABLE: str(root / KERNELS),
        }
        with self._log.open("ab") as log, theirs:
            self.process = subprocess.Popen(
                self._command(theirs.fileno(), clean),
                cwd=root,
                env=clean,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        walled = nursery.level in ("bubblewrap", "landlock")
        self._view = BroughtIn(common_view(nursery.profile, nursery.cuda) if walled else ())
        self._is_ready = False

    def _command(self, control: int, clean: Mapping[str, str]) -> list[str]:
        nursery, wrapped = self.nursery, self.nursery.level in ("bubblewrap", "sandbox-exec")
        prefix: list[str] = []
        if nursery.level == "bubblewrap":
            prefix = bubblewrap.command(
                self.root, self.readable, clean, nursery.profile, nursery.cuda
            )
        elif nursery.level == "sandbox-exec":
            prefix = seatbelt.command(self.root, self.readable, nursery.profile)
        spec = {
            "preload": nursery.profile.preload,
            "control": control,
            "parent": None if wrapped else os.getpid(),
            "namespaces": nursery.level == "landlock" and not nursery.cuda,
        }
        code = ENTRY.format(path=import_path(nursery.profile))
        return [*prefix, sys.executable, "-I", "-B", "-S", "-c", code, json.dumps(spec)]

    def fork(self, request: dict[str, Any], *, pipes: bool, pass_fds: Sequence[int]) -> ChildLine:
        """Ask the nursery to fork a child for a request. Raises RunFailed if it cannot."""
        self._wait_until_ready()
        with contextlib.ExitStack() as theirs:
            status, status_write = _pipe(theirs)
            output, output_write = _pipe(theirs, PIPE_BYTES)
            stdin: IO[bytes] | None = None
            stdout: IO[bytes] | None = None
            stdin_read = _opened(theirs, os.open(os.devnull, os.O_RDONLY))
            stdout_write = output_write
            if pipes:
                stdin_read, ours = os.pipe()
                _opened(theirs, stdin_read)
                stdin = os.fdopen(ours, "wb", buffering=0)
                answers, stdout_write = _pipe(theirs)
                stdout = os.fdopen(answers, "rb", buffering=0)
            handles = [status_write, stdin_read, stdout_write, output_write, *pass_fds]
            content = json.dumps({**request, "targets": [0, 1, 2, *pass_fds]}).encode()
            try:
                socket.send_fds(self._control, [len(content).to_bytes(8, "big")], handles)
                self._control.sendall(content)
                pid = self._receive_pid()
            except OSError as error:
                raise self._failure() from error
        return ChildLine(pid, status, output, stdin, stdout)

    def _receive_pid(self) -> int:
        """Return the child's pid in our PID namespace (inside bubblewrap it has another number)."""
        header, handles, _, _ = socket.recv_fds(self._control, 8, 1)
        if len(header) < 8:
            raise self._failure()
        length = int.from_bytes(header, "big")
        content = b""
        while len(content) < length:
            part = self._control.recv(length - len(content))
            if not part:
                raise self._failure()
            content += part
        if not handles:
            return int(json.loads(content)["pid"])
        try:
            facts = Path(f"/proc/self/fdinfo/{handles[0]}").read_text(encoding="ascii")
        finally:
            os.close(handles[0])
        numbers = dict(line.split(":", 1) for line in facts.splitlines() if ":" in line)
        return int(numbers["Pid"])

    def _wait_until_ready(self) -> None:
        if self._is_ready:
            return
        readable, _, _ = select.select([self._control], [], [], START_SECONDS)
        if not readable or self._control.recv(8, socket.MSG_WAITALL) != b"ready---":
            raise self._failure()
        if not self._view.wait(READ_SECONDS):
            raise self._failure()
        self._is_ready = True

    def _failure(self) -> RunFailed:
        self.close()
        said = self._log.read_text(encoding="utf-8", errors="replace")[-600:]
        return RunFailed(
            f"The glass could not be started at level {self.nursery.level}. Run `fumehood doctor` "
            f"to see why, or choose another level with FUMEHOOD_GLASS. Last output: {said!r}"
        )

    def close(self) -> None:
        """End the nursery and with it every child."""
        if self in self.nursery._open:
            self.nursery._open.remove(self)
        self._control.close()
        # The nursery ends its children when the socket closes. If it does not exit, kill it.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(ENDING_SECONDS)
        if self.process.poll() is None:
            self.process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(KILLED_SECONDS)


def environment(scratch: Path, threads: int) -> dict[str, str]:
    """Return the complete environment of a child."""
    count = str(threads)
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        # torch makes this folder when an optimizer is made. It exists, as not every child may.
        "TORCHINDUCTOR_CACHE_DIR": str(scratch),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        **HEAVY_WORK,
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
    }


def resource_limits(limits: ChildLimits, mapped_bytes: int) -> dict[str, int]:
    """Return the rlimits of a child that memory-maps `mapped_bytes` of files."""
    address = int(limits.memory_gb * GIB) + ADDRESS_HEADROOM + mapped_bytes
    found = {
        "RLIMIT_FSIZE": int(limits.scratch_gb * GIB),
        "RLIMIT_NOFILE": OPEN_FILES,
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": limits.processor_seconds,
    }
    if sys.platform == "linux":
        # The kernel counts queued signals and timers per user, and would tell who asks for one more
        # than a limit. With a limit of 0, nobody can add to them.
        found["RLIMIT_SIGPENDING"] = 0
        if not limits.cuda:
            found["RLIMIT_AS"] = address
    return found


def _pipe(theirs: contextlib.ExitStack, size: int | None = None) -> tuple[int, int]:
    """Return (read end, write end) of a new pipe; `theirs` closes the write end on exit."""
    read, write = os.pipe()
    if size is not None and sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, size)
    return read, _opened(theirs, write)


def _opened(theirs: contextlib.ExitStack, handle: int) -> int:
    theirs.callback(os.close, handle)
    return handle
