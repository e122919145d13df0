"""Checks on processes, for tests that kill them."""

import psutil


def ends(pid: int) -> bool:
    """Whether a process is gone or a zombie within ten seconds."""
    try:
        psutil.Process(pid).wait(10)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True
