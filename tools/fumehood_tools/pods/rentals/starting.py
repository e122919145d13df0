"""Start the detached reaper, which needs no server, no client and no job.

It gets its own session and a parent that exits at once, as a job's supervisor does, and it is
marked as such a supervisor: so the end of a job that rented a pod does not end the reaper of this
pod. It inherits the API key in its environment, and in no argument. Costs one start of the
interpreter, about 0.5 s, and nothing if one is at work already.
"""

import subprocess
from pathlib import Path

from filelock import FileLock, Timeout

from fumehood_tools.children import our_environment, python
from fumehood_tools.errors import RunFailed, StorageFailed
from fumehood_tools.files import make_private
from fumehood_tools.jobs.processes import JOB_FOLDER, JOB_ID, SUPERVISES
from fumehood_tools.pods.configured import KEY
from fumehood_tools.settings import Settings

LOCK_FILE = "reaper.lock"
START_SECONDS = 60
LOOK_SECONDS = 60.0


def start_reaper(settings: Settings, look_s: float = LOOK_SECONDS) -> None:
    """Start the reaper of a workspace, unless it is at work. Raises RunFailed, StorageFailed.

    A server calls it when it starts: with nothing rented, the reaper leaves after one look. look_s:
    seconds between looks.
    """
    if is_at_work(settings.state):
        return
    words = ["--workspace", str(settings.workspace), "--look-every", str(look_s), "--detach"]
    command = python("fumehood_tools.pods.rentals.reaper", *words)
    environment = our_environment(
        {**settings.as_environment(), SUPERVISES: "pods"},
        keys=(KEY,),
        without=(JOB_ID, JOB_FOLDER),
    )
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd="/",
            env=environment,
            start_new_session=True,
            timeout=START_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RunFailed(f"The reaper of rented pods could not be started: {error}.") from error
    if done.returncode != 0:
        told = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise RunFailed(
            f"The reaper of rented pods could not be started: {' '.join(told)} Nothing was rented."
        )


def reaper_lock(state: Path) -> FileLock:
    """Return the lock that the one reaper of a workspace holds. Raises StorageFailed."""
    try:
        make_private(state)
    except OSError as error:
        raise StorageFailed.from_os_error(error, "Opening the workspace's state") from error
    return FileLock(state / LOCK_FILE)


def is_at_work(state: Path) -> bool:
    """Whether a reaper of this workspace is at work."""
    lock = reaper_lock(state)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False
