"""Make a machine that was just opened ready for trainings: our code, the data, the packages."""

import tempfile
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.pods.agent import JobSpec
from fumehood_tools.pods.ssh import pack, upload
from fumehood_tools.runs.remote.code import INSTALL, code_files, wanted_packages
from fumehood_tools.runs.remote.messages import DATA
from fumehood_tools.runs.remote.places import OpenPlace
from fumehood_tools.runs.remote.shards import TrainingShards

SETUP_SECONDS = 1_200.0


class Prepared(NamedTuple):
    """Where code and data are on a machine: absolute folders. digest: of the code."""

    code: str
    data: str
    digest: str


def send(opened: OpenPlace, shards: TrainingShards, activations: str) -> Prepared:
    """Send the code and a training split, unless they are there. Raises SshFailed.

    activations: the digest of the activations that are read.
    """
    agent = opened.agent
    with tempfile.TemporaryDirectory(prefix="fumehood-code-") as folder:
        packed = pack(code_files(), Path(folder) / "code.tar.gz")
        code = f"{agent.root}/{agent.send_code(packed)}"
    data = f"{agent.root}/{DATA}/{activations[:32]}"
    for name, shard in shards.files().items():
        upload(agent.machine, shard, f"{data}/{name}")
    return Prepared(code, data, packed.digest)


def installing(opened: OpenPlace, prepared: Prepared) -> JobSpec:
    """Return the job that installs what a training imports and the machine lacks."""
    return JobSpec(
        job=f"setup-{prepared.digest[:24]}",
        argv=(opened.python, "-c", INSTALL, *wanted_packages()),
        timeout_s=SETUP_SECONDS,
    )
