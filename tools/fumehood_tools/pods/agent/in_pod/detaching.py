"""Continue in a process that no login, terminal or controller can take along when it ends."""

from __future__ import annotations

import os
import signal


def detach() -> int | None:
    """Fork twice, and return None to the caller, once the new process has answered or ended.

    The new process leads its own session. To it, the function returns a file descriptor: it
    answers its caller by closing that, and may not return to its caller's work.
    """
    hears, answers = os.pipe()
    first = os.fork()
    if first:
        os.close(answers)
        os.waitpid(first, 0)
        os.read(hears, 1)
        os.close(hears)
        return None
    os.setsid()
    if os.fork():
        os._exit(0)
    os.close(hears)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.close(nothing)
    return answers
