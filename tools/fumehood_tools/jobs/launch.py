"""Start a supervisor that nothing done to the caller can reach.

It gets its own session (a signal to the caller's group misses it) and its parent ends at once (a
walk down the caller's process tree misses it). Costs one interpreter start, about 0.1 s.
"""

import subprocess
from pathlib import Path

from fumehood_tools.children import our_environment, python
from fumehood_tools.errors import RunFailed
from fumehood_tools.jobs.processes import JOB_FOLDER, JOB_ID, SUPERVISES

START_SECONDS = 60


def start_supervisor(root: Path, folder: Path, job_id: str) -> None:
    """Start the supervisor of a claimed job. Raises RunFailed when it did not come up."""
    command = python("fumehood_tools.jobs.supervisor", str(root), job_id)
    environment = our_environment(
        {SUPERVISES: job_id}, keys="all", without=(JOB_ID, JOB_FOLDER, SUPERVISES)
    )
    try:
        with (folder / "supervisor.log").open("ab") as log:
            first = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=environment,
                start_new_session=True,
                timeout=START_SECONDS,
                check=False,
            )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RunFailed(f"Its supervisor could not be started: {error}.") from error
    if first.returncode != 0:
        raise RunFailed(f"Its supervisor ended with {first.returncode}; see supervisor.log.")
