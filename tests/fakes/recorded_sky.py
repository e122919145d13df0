"""A `sky` command that answers as SkyPilot 0.14.1 does, where no cloud can be reached.

Its answers were recorded from the real command: the exit codes, which stream a line goes to, the
line about the server on the first call, and the error where nothing was launched yet. The fields of
a job are those of its ManagedJobRecord. State is kept beside `path`, in one JSON file.

With `runs`, a job really runs: `setup` and `run` of its task, in one process per node, in a copy of
the working folder. Nodes have no environment of ours, and the interpreter of the tests.
"""

import contextlib
import fcntl
import json
import os
import shlex
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess

NOTHING_YET = "sky.exceptions.ClusterNotUpError: No in-progress managed jobs."
STARTING = (
    "Failed to connect to SkyPilot API server at http://127.0.0.1:46580. Starting a local server.\n"
    "[OK] SkyPilot API server started. "
)
REFUSED = "sky.exceptions.ResourcesUnavailableError: No launchable resource found for task x."
JOB_SECONDS = 1_800.0


class RecordedSky:
    """The command at `path`, and what a test may change about it."""

    def __init__(self, folder: Path) -> None:
        self.path, self._state = folder / "sky", folder / "sky-state.json"
        program = shlex.quote(str(Path(__file__).resolve()))
        self.path.write_text(
            f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -ES {program} {self._state} "$@"\n',
            encoding="utf-8",
        )
        self.path.chmod(self.path.stat().st_mode | stat.S_IXUSR)
        self.change(jobs=[], calls=[], refuses=False, fails_after_launch=False, runs=False)

    @property
    def state(self) -> dict[str, Any]:
        """jobs: the records of all jobs. calls: the arguments of all calls so far."""
        with locked(self._state) as state:
            return state

    def change(self, **values: Any) -> None:
        """refuses: launches are refused. fails_after_launch: exit code 1 although it launched.
        runs: jobs that are launched from now on run."""
        with locked(self._state) as state:
            state.update(values)

    def set_job(self, name: str, **values: Any) -> None:
        """Change fields of the newest job with this name, such as its status."""
        with locked(self._state) as state:
            [*_, job] = [one for one in state["jobs"] if one["job_name"] == name]
            job.update(values)

    def count(self, *words: str) -> int:
        """Return how many calls began with these words."""
        return [tuple(call[: len(words)]) for call in self.state["calls"]].count(words)

    def workdir(self, job: int) -> Path:
        """Return the copy of a job's working folder, as its first node got it."""
        return jobs_folder(self._state) / str(job) / "uploaded"

    def end(self) -> None:
        """End the processes of all jobs."""
        for job in self.state["jobs"]:
            end_processes(jobs_folder(self._state) / str(job["job_id"]))


@contextlib.contextmanager
def locked(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the state, and keep what is changed in it, with no other process in between."""
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        yield state
        path.write_text(json.dumps(state), encoding="utf-8")


def jobs_folder(state: Path) -> Path:
    return state.with_name("sky-jobs")


def answer(state: dict[str, Any], words: list[str], folder: Path) -> int:
    """Print what `sky` prints for these arguments; return its exit code. folder: of all jobs."""
    if not state["calls"]:
        print(STARTING)
    state["calls"].append(words)
    match words:
        case ["jobs", "queue", *_] if not state["jobs"]:
            print(NOTHING_YET, file=sys.stderr)
            return 1
        case ["jobs", "queue", *_]:
            print(json.dumps([as_it_is(job, folder) for job in state["jobs"]], indent=2))
        case ["jobs", "launch", "-y", "-d", "-n", name, *_, file]:
            return launched(state, name, file, folder)
        case ["launch", "--dryrun", "-y", _]:
            return refused() if state["refuses"] else 0
        case ["jobs", "logs", *_, job]:
            print(f"(fumehood, pid=2173) training of job {job} began")
            for path in sorted((folder / job).glob("node-*.log")):
                print(path.read_text(encoding="utf-8", errors="replace"), end="")
        case ["jobs", "cancel", "-y", *numbers] if numbers:
            for job in state["jobs"]:
                if str(job["job_id"]) in numbers:
                    job["status"] = "CANCELLING"
                    end_processes(folder / str(job["job_id"]))
        case _:
            print(f"Error: No such command {shlex.join(words)!r}.", file=sys.stderr)
            return 2
    return 0


def as_it_is(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the record of a job, with the status of its processes if there are any."""
    status = folder / str(job["job_id"]) / "status"
    if job["status"] in ("CANCELLING", "CANCELLED") or not status.exists():
        return job
    return {**job, "status": status.read_text(encoding="utf-8")}


def launched(state: dict[str, Any], name: str, file: str, folder: Path) -> int:
    print(f"YAML to run: {file}")
    if state["refuses"]:
        return refused()
    number = len(state["jobs"]) + 1
    job = {"job_id": number, "task_id": 0, "job_name": name, "status": "PENDING", "infra": None}
    state["jobs"].append({**job, "recovery_count": 0, "failure_reason": None})
    here = folder / str(number)
    copied(Path.cwd(), here / "uploaded")
    if state["runs"]:
        import subprocess

        started = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), "run-job", str(here)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        (here / "pid").write_text(str(started.pid), encoding="utf-8")
    if state["fails_after_launch"]:
        print("requests.exceptions.ReadTimeout: Read timed out.", file=sys.stderr)
        return 1
    print(f"Managed job {number} submitted.")
    return 0


def copied(source: Path, target: Path) -> None:
    import shutil

    # Nobody writes to these files, and links are made at once.
    shutil.copytree(source, target, copy_function=os.link)


def refused() -> int:
    print(REFUSED, file=sys.stderr)
    return 1


def end_processes(job: Path) -> None:
    if (job / "pid").exists() and read_status(job) == "RUNNING":
        with contextlib.suppress(ProcessLookupError):
            os.killpg(int((job / "pid").read_text(encoding="utf-8")), signal.SIGKILL)


def read_status(job: Path) -> str:
    return (job / "status").read_text(encoding="utf-8") if (job / "status").exists() else "RUNNING"


def run_job(job: Path) -> None:
    """Run all nodes of a job side by side, and write down how it ended."""
    import yaml

    write_status(job, "RUNNING")
    task = yaml.safe_load((job / "uploaded" / "task.yaml").read_text(encoding="utf-8"))
    nodes = [start_node(job, task, rank) for rank in range(task["num_nodes"])]
    codes = [node.wait(JOB_SECONDS) for node in nodes]
    write_status(job, "FAILED" if any(codes) else "SUCCEEDED")


def start_node(job: Path, task: dict[str, Any], rank: int) -> "subprocess.Popen[bytes]":
    import subprocess

    folder = job / f"node-{rank}"
    copied(job / "uploaded", folder)
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "SKYPILOT_NODE_RANK": str(rank),
        "SKYPILOT_NUM_NODES": str(task["num_nodes"]),
        **task["envs"],
    }
    setup, run = shlex.quote(task.get("setup", "true")), shlex.quote(task["run"])
    with (job / f"node-{rank}.log").open("wb") as log:
        return subprocess.Popen(
            ["bash", "-c", f"bash -c {setup} && exec bash -c {run}"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def write_status(job: Path, status: str) -> None:
    part = job / "status.part"
    part.write_text(status, encoding="utf-8")
    part.replace(job / "status")


if __name__ == "__main__":
    if sys.argv[1] == "run-job":
        run_job(Path(sys.argv[2]))
    else:
        kept = Path(sys.argv[1])
        with locked(kept) as state:
            code = answer(state, sys.argv[2:], jobs_folder(kept))
        sys.exit(code)
