"""A `sky` command that answers as SkyPilot 0.14.1 does, where no cloud can be reached.

Its answers were recorded from the real command: the exit codes, which stream a line goes to, the
line about the server on the first call, and the error where nothing was launched yet. The fields of
a job are those of its ManagedJobRecord. State is kept beside `path`, in one JSON file.
"""

import json
import shlex
import stat
import sys
from pathlib import Path
from typing import Any

NOTHING_YET = "sky.exceptions.ClusterNotUpError: No in-progress managed jobs."
STARTING = (
    "Failed to connect to SkyPilot API server at http://127.0.0.1:46580. Starting a local server.\n"
    "[OK] SkyPilot API server started. "
)
REFUSED = "sky.exceptions.ResourcesUnavailableError: No launchable resource found for task x."


class RecordedSky:
    """The command at `path`, and what a test may change about it."""

    def __init__(self, folder: Path) -> None:
        self.path, self._state = folder / "sky", folder / "sky-state.json"
        program = shlex.quote(str(Path(__file__).resolve()))
        self.path.write_text(
            f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {program} {self._state} "$@"\n',
            encoding="utf-8",
        )
        self.path.chmod(self.path.stat().st_mode | stat.S_IXUSR)
        self.change(jobs=[], calls=[], refuses=False, fails_after_launch=False)

    @property
    def state(self) -> dict[str, Any]:
        """jobs: the records of all jobs. calls: the arguments of all calls so far."""
        found: dict[str, Any] = json.loads(self._state.read_text(encoding="utf-8"))
        return found

    def change(self, **values: Any) -> None:
        """refuses: launches are refused. fails_after_launch: exit code 1 although it launched."""
        before = self.state if self._state.exists() else {}
        self._state.write_text(json.dumps({**before, **values}), encoding="utf-8")


def answer(state: dict[str, Any], words: list[str]) -> int:
    """Print what `sky` prints for these arguments; return its exit code."""
    if not state["calls"]:
        print(STARTING)
    state["calls"].append(words)
    match words:
        case ["jobs", "queue", *_] if not state["jobs"]:
            print(NOTHING_YET, file=sys.stderr)
            return 1
        case ["jobs", "queue", *_]:
            print(json.dumps(state["jobs"], indent=2))
        case ["jobs", "launch", "-y", "-d", "-n", name, *_, file]:
            return launched(state, name, file)
        case ["launch", "--dryrun", "-y", _]:
            return refused() if state["refuses"] else 0
        case ["jobs", "logs", *_, job]:
            print(f"(fumehood, pid=2173) training of job {job} began")
        case ["jobs", "cancel", "-y", job]:
            next(j for j in state["jobs"] if j["job_id"] == int(job))["status"] = "CANCELLING"
        case _:
            print(f"Error: No such command {shlex.join(words)!r}.", file=sys.stderr)
            return 2
    return 0


def launched(state: dict[str, Any], name: str, file: str) -> int:
    print(f"YAML to run: {file}")
    if state["refuses"]:
        return refused()
    number = len(state["jobs"]) + 1
    job = {"job_id": number, "task_id": 0, "job_name": name, "status": "PENDING", "infra": None}
    state["jobs"].append({**job, "recovery_count": 0, "failure_reason": None})
    if state["fails_after_launch"]:
        print("requests.exceptions.ReadTimeout: Read timed out.", file=sys.stderr)
        return 1
    print(f"Managed job {number} submitted.")
    return 0


def refused() -> int:
    print(REFUSED, file=sys.stderr)
    return 1


if __name__ == "__main__":
    kept = Path(sys.argv[1])
    state = json.loads(kept.read_text(encoding="utf-8"))
    code = answer(state, sys.argv[2:])
    kept.write_text(json.dumps(state), encoding="utf-8")
    sys.exit(code)
