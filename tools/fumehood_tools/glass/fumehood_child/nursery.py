"""The parent of all children: it loads the modules they share once and forks each child.

usage: python -I -B -S
       -c 'import sys; sys.path[:0] = […]; from fumehood_child.nursery import main; main()'
       '{"preload": [module], "control": fd, "parent": pid, "namespaces": bool}'

No code of a variant ever runs in this process. It serves requests over a socket, one at a time:

- A request is eight bytes of length, with the child's file descriptors attached, then JSON
  {"program", "spec", "walls", "scratch", "environment", "threads", "targets"}.
- The answer is eight bytes of length and JSON {"pid"}, with a pidfd attached if the platform has
  them.
- When a child has ended, its exit code and the processor seconds that the kernel counted for it
  ("0 12.345678") are written to its status pipe, the first descriptor of the request. No child
  has this descriptor.
- When the socket closes, all children are killed.
"""

import ctypes
import fcntl
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import tempfile
import traceback
from typing import Any

from . import namespaces, walls

PR_SET_CHILD_SUBREAPER = 36
MOST_DESCRIPTORS = 64


class Nursery:
    """Forks children, waits for them, and kills processes that they leave behind."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.children: dict[int, int] = {}
        self.wake, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        os.set_blocking(self.wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)

    def serve(self) -> None:
        """Answer requests until the trusted side closes the socket."""
        while True:
            line = self.control.fileno()
            ready, _, _ = select.select([line, self.wake], [], [])
            if self.wake in ready:
                os.read(self.wake, 4096)
                self.reap()
            if line in ready and not self.answer():
                break
        for pid in self.children:
            end_group(pid)

    def answer(self) -> bool:
        """Answer one request; return False if the socket was closed."""
        header, handles, _, _ = socket.recv_fds(self.control, 8, MOST_DESCRIPTORS)
        if not header:
            return False
        request = json.loads(read_exactly(self.control, int.from_bytes(header, "big")))
        status, *others = handles
        nursery = os.getpid()
        pid = os.fork()
        if pid == 0:
            become_child(request, others, nursery)
        for handle in others:
            os.close(handle)
        self.children[pid] = status
        content = json.dumps({"pid": pid}).encode()
        message = len(content).to_bytes(8, "big") + content
        attached = [os.pidfd_open(pid)] if hasattr(os, "pidfd_open") else []
        if attached:
            socket.send_fds(self.control, [message], attached)
        else:
            self.control.sendall(message)
        for handle in attached:
            os.close(handle)
        return True

    def reap(self) -> None:
        """Collect ended children and report each one; then kill processes they left behind."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            if (pipe := self.children.pop(pid, None)) is not None:
                end_group(pid)
                # Includes all threads of the child and the processes that it waited for.
                seconds = usage.ru_utime + usage.ru_stime
                code = os.waitstatus_to_exitcode(status)
                os.write(pipe, f"{code} {seconds:.6f}".encode())
                os.close(pipe)
        self.end_strays()

    def end_strays(self) -> None:
        """Kill processes that became our children when the child that started them ended."""
        try:
            with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
                present = {int(word) for word in file.read().split()}
        except OSError:
            return
        for pid in present - self.children.keys():
            end_group(pid)
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def end_group(pid: int) -> None:
    """Kill a process group."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def read_exactly(line: socket.socket, count: int) -> bytes:
    """Return exactly `count` bytes. Exits the process if the socket closes before."""
    parts = []
    while count:
        part = line.recv(min(count, 1 << 20))
        if not part:
            os._exit(1)
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def become_child(request: dict[str, Any], handles: list[int], nursery: int) -> None:
    """Turn this fork into the requested child and run its program. Never returns."""
    code = 1
    try:
        os.setsid()
        walls.die_with(nursery)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        arrange_descriptors(handles, request["targets"])
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["scratch"])
        # Named, or tempfile would look for it by writing a file, which not every child may. torch
        # asks for it when an optimizer is made.
        tempfile.tempdir = request["scratch"]
        walls.put_up(request["walls"])
        code = run(request)
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except BaseException:  # noqa: BLE001  (last frame of the process: print the error, then exit)
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                code = code or 1
        os._exit(code & 0xFF)


def arrange_descriptors(handles: list[int], targets: list[int]) -> None:
    """Renumber the `handles` to the `targets` that the request asks for; close all others."""
    in_use = [int(name) for name in os.listdir("/dev/fd")]
    above = max([*in_use, *targets, 2]) + 1
    # First move the handles above all numbers in use, so that no target overwrites one of them.
    moved = [fcntl.fcntl(handle, fcntl.F_DUPFD, above) for handle in handles]
    os.closerange(0, above)
    for handle, target in zip(moved, targets, strict=True):
        os.dup2(handle, target, inheritable=True)
    os.closerange(above, max(moved) + 1)


def run(request: dict[str, Any]) -> int:
    """Run the program of a request and return its exit code."""
    # If torch is not loaded, OMP_NUM_THREADS etc. in the child's environment set the threads.
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(int(request["threads"]))
    program = request["program"]
    if program.endswith(".py"):
        import runpy

        runpy.run_path(program, run_name="__main__")
        return 0
    result: int = importlib.import_module(program).main(request["spec"])
    return result


def main() -> None:
    """Import the modules that children need, report "ready", and serve requests."""
    spec = json.loads(sys.argv[1])
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if spec["namespaces"]:
        namespaces.leave()
    if spec["parent"] is not None:
        walls.die_with(spec["parent"])
    control = socket.socket(fileno=spec["control"])
    gc.disable()  # While modules are imported, nearly everything stays.
    for module in spec["preload"]:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    gc.enable()
    control.sendall(b"ready---")
    Nursery(control).serve()
