"""Start a supervisor that nothing done to the caller can reach.

It gets its own session (a signal to the caller's group misses it) and its parent ends at once (a
walk down the caller's process tree misses it). Costs one interpreter start, about 0.1 s.
"""

import os
import site
import subprocess
import sys
from pathlib import Path

from fumehood_tools.errors import RunFailed
from fumehood_tools.jobs.processes import JOB_FOLDER, JOB_ID, SUPERVISES

START_SECONDS = 60


def start_supervisor(root: Path, folder: Path, job_id: str) -> None:
    """Start the supervisor of a claimed job. Raises RunFailed when it did not come up."""
    command = [sys.executable, "-P", "-m", "fumehood_tools.jobs.supervisor", str(root), job_id]
    try:
        with (folder / "supervisor.log").open("ab") as log:
            first = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=_environment(job_id),
                start_new_session=True,
                timeout=START_SECONDS,
                check=False,
            )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RunFailed(f"Its supervisor could not be started: {error}.") from error
    if first.returncode != 0:
        raise RunFailed(f"Its supervisor ended with {first.returncode}; see supervisor.log.")


def _environment(job_id: str) -> dict[str, str]:
    """Return our environment, with which a child imports the fumehood_tools that runs here."""
    ours = {JOB_ID, JOB_FOLDER, SUPERVISES}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment[SUPERVISES] = job_id
    home = str(Path(__file__).resolve().parents[2])
    paths = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    # Where site-packages holds us, naming it would put it before the standard library.
    if home not in (*paths, *site.getsitepackages(), site.getusersitepackages()):
        environment["PYTHONPATH"] = os.pathsep.join([home, *paths])
    return environment
