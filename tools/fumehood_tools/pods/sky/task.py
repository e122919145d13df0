"""Write the task.yaml of a managed job of SkyPilot.

One task is one training, or one task has several nodes that share the trainings. The folder of
task.yaml is its working folder, which SkyPilot uploads. Results go to a bucket that the user names,
because the machines are gone when the job has ended. Instead of a bucket, file:///… is a folder
that all nodes have, such as the home of a Slurm cluster. Format of the file: SkyPilot 0.14.1.
"""

import shlex
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, Field

from fumehood_tools.files import write_text

TASK_FILE = "task.yaml"
RESULTS = "/fumehood/results"
"""Where the bucket is mounted on every node. A job writes below the folder of its own name."""
SHARED = "file://"
NODE, NODES = "SKYPILOT_NODE_RANK", "SKYPILOT_NUM_NODES"


class SkyTask(BaseModel, frozen=True):
    """One managed job. Several nodes get their number and count as FUMEHOOD_NODE, FUMEHOOD_NODES.

    commands: one shell command per line, run on every node in the working folder. No value of
    `environment` may be a secret, because SkyPilot keeps the file; secrets are only named, and
    SkyPilot takes their values from the user's environment.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{2,62}$", description="unique intent of this job")
    bucket: str = Field(pattern=r"^(file:///\S+|[a-z0-9]+://[^/\s]+(/\S*)?)$")
    commands: tuple[str, ...] = Field(min_length=1)
    setup: tuple[str, ...] = ()
    gpu: str | None = Field(default=None, description="as `sky gpus list` spells it")
    gpus_per_node: int = Field(default=1, ge=1, le=16)
    nodes: int = Field(default=1, ge=1, le=64)
    infra: str | None = Field(default=None, description="cloud/region/zone; None: the cheapest")
    image: str | None = None
    disk_gb: int = Field(default=60, ge=10)
    most_minutes: int = Field(ge=1, description="the commands are ended after this time")
    environment: dict[str, str] = {}
    secrets: tuple[str, ...] = ()

    @property
    def results(self) -> str:
        """The address of this job's results in the bucket."""
        return f"{self.bucket.rstrip('/')}/{self.name}"

    @property
    def shared_folder(self) -> str | None:
        """The folder that all nodes share; None if the results go to a bucket."""
        return self.bucket.removeprefix(SHARED) if self.bucket.startswith(SHARED) else None


def write_task(folder: Path, task: SkyTask) -> Path:
    """Write task.yaml into the folder; return its path."""
    path = folder / TASK_FILE
    write_text(path, yaml.dump(_document(task), Dumper=_Dumper, sort_keys=False, width=1_000))
    return path


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]  # PyYAML has no types
    """Writes scripts as they are, line by line, so that people can read them."""


def _as_block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" * ("\n" in text))


_Dumper.add_representer(str, _as_block)


def _document(task: SkyTask) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": task.name,
        "num_nodes": task.nodes,
        "resources": _resources(task),
        "workdir": ".",
        "envs": {
            **task.environment,
            "FUMEHOOD_RESULTS": f"{(task.shared_folder or RESULTS).rstrip('/')}/{task.name}",
        },
        "run": _run(task),
    }
    if task.shared_folder is None:
        document["file_mounts"] = {RESULTS: {"source": task.bucket, "mode": "MOUNT"}}
    if task.secrets:
        document["secrets"] = dict.fromkeys(task.secrets)
    if task.setup:
        document["setup"] = "\n".join(["set -e", *task.setup, ""])
    return document


def _resources(task: SkyTask) -> dict[str, Any]:
    # A job that fails by itself is not started again: the next attempt would fail and cost as much.
    wanted: dict[str, Any] = {
        "disk_size": task.disk_gb,
        "job_recovery": {"max_restarts_on_errors": 0},
    }
    if task.gpu:
        wanted["accelerators"] = f"{task.gpu}:{task.gpus_per_node}"
    if task.infra:
        wanted["infra"] = task.infra
    if task.image:
        wanted["image_id"] = f"docker:{task.image}"
    return wanted


def _run(task: SkyTask) -> str:
    script = "\n".join(["set -e", *task.commands])
    return "\n".join(
        [
            f"export FUMEHOOD_NODE=${NODE} FUMEHOOD_NODES=${NODES}",
            'mkdir -p "$FUMEHOOD_RESULTS"',
            f"timeout --kill-after=30 {task.most_minutes * 60} bash -c {shlex.quote(script)}",
            "",
        ]
    )
