"""Signal the job's process and the parent, to make them stumble."""

import os
import resource
import shutil
import signal

from core import BaseSAE

TRAIN = False
REFUSED, DONE = [], []


def job():
    os.kill(int("@PID@"), signal.SIGUSR1)


def job_by_descriptor():
    handle = os.pidfd_open(int("@PID@"))
    signal.pidfd_send_signal(handle, signal.SIGUSR1)


def priority():
    os.setpriority(os.PRIO_PROCESS, int("@PID@"), 19)


def job_limits():
    resource.prlimit(int("@PID@"), resource.RLIMIT_CORE, (0, 0))


def attempt():
    """Try every deed; what is refused does not keep from the next."""
    for deed in (
        job,
        job_by_descriptor,
        priority,
        job_limits,
    ):
        try:
            deed()
            DONE.append(deed.__name__)
        except (OSError, ValueError, shutil.Error) as error:
            REFUSED.append(f"{deed.__name__}: {type(error).__name__} {error}"[:120])


attempt()


class CustomSAE(BaseSAE):
    def encode(self, x):
        attempt()
        if not DONE:
            raise OSError("all refused: " + "; ".join(sorted(set(REFUSED))))
        return super().encode(x)

    def decode(self, f):
        attempt()
        return super().decode(f)
