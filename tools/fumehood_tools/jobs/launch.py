"""Start a supervisor that survives whatever happens to the caller.

It gets its own session, so a signal to the caller's process group does not reach it. Its parent
exits at once, so it is not in the caller's process tree. Costs one start of the interpreter, about
0.1 s.
"""

import subprocess
from pathlib import Path

from fumehood_tools.children import our_environment, python
from fumehood_tools.errors import RunFailed
from fumehood_tools.jobs.processes import JOB_FOLDER, JOB_ID, SUPERVISES

START_SECONDS = 60


def start_supervisor(root: Path, folder: Path, job_id: str) -> None:
    """Start the supervisor of a claimed job. Raises RunFailed if it could not be started."""
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
        raise RunFailed(f"The job's supervisor could not be started: {error}.") from error
    if first.returncode != 0:
        raise RunFailed(
            f"The job's supervisor ended with exit code {first.returncode}. See supervisor.log in "
            "the job's folder."
        )
