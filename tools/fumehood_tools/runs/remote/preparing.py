"""Make a machine that was just opened ready for trainings: our code, the data, the packages."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.files import digest_of
from fumehood_tools.pods.agent import Agent, JobSpec, JobStatus
from fumehood_tools.pods.agent.specs import LIVING
from fumehood_tools.pods.ssh import pack
from fumehood_tools.runs.remote.code import INSTALL, code_files
from fumehood_tools.runs.remote.places import OpenPlace
from fumehood_tools.runs.targets import PlaceLost

SETUP_SECONDS = 1_200.0
END_SECONDS, POLL_SECONDS = 30.0, 0.2
"""For a job to end that was asked to: longer than its grace, after which it is killed."""


class CodeThere(NamedTuple):
    """Where our code is on a machine, an absolute folder, and its digest."""

    folder: str
    digest: str


def send_code(opened: OpenPlace) -> CodeThere:
    """Send our code, unless it is there. Raises SshFailed."""
    agent = opened.agent
    with tempfile.TemporaryDirectory(prefix="fumehood-code-") as folder:
        packed = pack(code_files(), Path(folder) / "code.tar.gz")
        return CodeThere(f"{agent.root}/{agent.send_code(packed)}", packed.digest)


def installing(opened: OpenPlace, name: str, code: CodeThere, packages: Sequence[str]) -> JobSpec:
    """Return the job that installs what the machine lacks.

    name: of the place: several places of one host are opened at a time, and each removes its job
    when it is over. packages: see wanted_packages.
    """
    return JobSpec(
        job=f"setup-{digest_of([name, code.digest, packages])[:24]}",
        argv=(opened.python, "-c", INSTALL, *packages),
        timeout_s=SETUP_SECONDS,
        purpose="own",
    )


def started(agent: Agent, spec: JobSpec) -> JobStatus:
    """Start a job. One that runs there, or has succeeded, is taken over; one that ended otherwise,
    in an earlier run, is started anew."""
    before = agent.status(spec.job)
    if before.is_over and before.state != "succeeded":
        forget_job(agent, spec.job)
    return agent.start(spec)


def status_of(agent: Agent, job: str, name: str) -> JobStatus:
    """Return the status of a job that was started at a place. Raises PlaceLost if it is not there.

    name: of the place. Another workspace may have removed it, where both use one host.
    """
    status = agent.status(job)
    if status.state == "absent":
        raise PlaceLost(name, "the job that ran there is gone with its files")
    return status


def end_job(agent: Agent, job: str) -> None:
    """End a job that may still run, and remove it with its files, once it has ended.

    Its runner reads there that it is to end: without the files, it would go on for ever.
    """
    status, end = agent.cancel(job), time.monotonic() + END_SECONDS
    while status.state in LIVING and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
        status = agent.status(job)
    if status.state not in LIVING:
        forget_job(agent, job)


def forget_job(agent: Agent, job: str) -> None:
    """Remove a job that is over, with its files. A process that is left of it is ended."""
    agent.cancel(job)
    words = ["rm", "-rf", "--", f"{agent.root}/jobs/{job}"]
    agent.machine.again(lambda shell: shell.check(words))
