"""Call the `sky` command of SkyPilot 0.14, which lives in an environment of its own.

A call takes 5 to 15 s, the first one 35 s, because it starts SkyPilot's own server. What `sky`
answers is read from its JSON, which other lines may precede: the first call prints that it starts
the server. Where no job was ever launched, `sky jobs queue` fails instead of printing [].
"""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from fumehood_tools.children import our_environment
from fumehood_tools.errors import PartMissing
from fumehood_tools.pods.api.failures import AnswerLost, OrderRefused, PodsFailed
from fumehood_tools.pods.sky.task import SkyTask, write_task
from fumehood_tools.quoting import one_line

CALL_SECONDS, LAUNCH_SECONDS = 300.0, 3_600.0
"""A launch uploads the working folder, which may hold gigabytes of activations."""
INSTALL = "uv tool install 'skypilot[runpod,aws,gcp,kubernetes]==0.14.1'"
NOTHING_YET = "No in-progress managed jobs"
SkyState = Literal["waiting", "running", "succeeded", "failed", "cancelled"]
_STATES: dict[str, SkyState] = {
    **dict.fromkeys(("PENDING", "SUBMITTED", "STARTING"), "waiting"),
    **dict.fromkeys(("RUNNING", "RECOVERING", "WINDING_DOWN", "CANCELLING"), "running"),
    "SUCCEEDED": "succeeded",
    "CANCELLED": "cancelled",
}


class SkyJob(BaseModel, frozen=True):
    """One managed job, as `sky jobs queue` reports it."""

    job_id: int
    job_name: str
    status: str
    failure_reason: str | None = None
    infra: str | None = None
    recovery_count: int | None = None
    job_duration: float | None = None

    @property
    def state(self) -> SkyState:
        """The state in our words. All of SkyPilot's FAILED_… states are "failed"."""
        return _STATES.get(self.status, "failed")


class SkyCommand:
    """The `sky` command. command: its path or name, and arguments that come first."""

    def __init__(self, command: Sequence[str] = ("sky",), patience: float = CALL_SECONDS) -> None:
        """patience: seconds that one call may take; a launch may take longer."""
        self._command, self._patience = tuple(command), patience

    def check(self) -> None:
        """Raise PartMissing if the command is not installed. Nothing is called."""
        if not self._command or shutil.which(self._command[0]) is None:
            raise PartMissing("SkyPilot's command `sky`", INSTALL, "it runs outside fumehood")

    def problem(self, folder: Path, task: SkyTask) -> str | None:
        """Return why SkyPilot would refuse this task, or None. Nothing is launched or billed."""
        done = self._call("launch", "--dryrun", "-y", write_task(folder, task).name, folder=folder)
        return None if done.returncode == 0 else _reason(done)

    def launch(self, folder: Path, task: SkyTask) -> SkyJob | None:
        """Write task.yaml into the folder and launch it, unless a job has its name already.

        Returns the job, or None: SkyPilot accepted it, but does not list it yet. Raises
        OrderRefused if it was refused, AnswerLost if nobody knows.
        """
        if (found := self.find(task.name)) is not None:
            return found
        file = write_task(folder, task)
        # SkyPilot does not look up a secret that the file only names: it wants this option too.
        secrets = [word for name in task.secrets for word in ("--secret", name)]
        call = ("jobs", "launch", "-y", "-d", "-n", task.name, *secrets, file.name)
        done = self._call(*call, folder=folder, patience=LAUNCH_SECONDS)
        if done.returncode != 0 and (found := self.find(task.name)) is None:
            raise OrderRefused(
                f"SkyPilot did not launch {task.name}: {_reason(done)} Look at `sky check`, then "
                "repeat."
            )
        return found or self.find(task.name)

    def jobs(self) -> list[SkyJob]:
        """Return all managed jobs of the user, ended ones included. Raises PodsFailed."""
        done = self._call("jobs", "queue", "--all", "-o", "json")
        if done.returncode != 0:
            if NOTHING_YET in done.stdout + done.stderr:
                return []
            raise PodsFailed(f"`sky jobs queue` failed: {_reason(done)} Try `sky api status`.")
        try:
            return [SkyJob.model_validate(record) for record in _json_list(done.stdout)]
        except (ValueError, ValidationError) as error:
            raise PodsFailed(
                "The answer of `sky jobs queue` could not be read. fumehood was tried with "
                f"SkyPilot 0.14.1: {INSTALL}"
            ) from error

    def find(self, name: str) -> SkyJob | None:
        """Return the newest job with this name, or None."""
        return max(
            (job for job in self.jobs() if job.job_name == name),
            key=lambda job: job.job_id,
            default=None,
        )

    def log(self, job: SkyJob, most_lines: int = 1_000) -> str:
        """Return the end of a job's log so far. Raises PodsFailed."""
        call = ("jobs", "logs", "--no-follow", "--tail", str(most_lines), str(job.job_id))
        done = self._call(*call)
        if done.returncode != 0 and not done.stdout:
            raise PodsFailed(f"`sky jobs logs` failed: {_reason(done)}")
        return done.stdout

    def cancel(self, *jobs: SkyJob) -> None:
        """Cancel jobs; SkyPilot then takes their machines down. Raises PodsFailed."""
        numbers = [str(job.job_id) for job in jobs]
        done = self._call("jobs", "cancel", "-y", *numbers)
        if done.returncode != 0:
            raise PodsFailed(
                f"`sky jobs cancel {' '.join(numbers)}` failed, so machines may still be billed: "
                f"{_reason(done)} Repeat it, and look at `sky status`."
            )

    def _call(
        self, *words: str, folder: Path | None = None, patience: float = 0.0
    ) -> subprocess.CompletedProcess[str]:
        self.check()
        patience = max(patience, self._patience)
        # SkyPilot finds the keys of the user's clouds in their variables; our packages would break
        # its own.
        environment = our_environment(
            {"SKYPILOT_DISABLE_USAGE_COLLECTION": "1", "NO_COLOR": "1"}, keys="all"
        )
        environment.pop("PYTHONPATH", None)
        try:
            return subprocess.run(
                [*self._command, *words],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=patience,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise AnswerLost(
                f"`sky {words[0]} {words[1]}` did not answer within {patience:.0f} s. Look "
                "at `sky api status` and `sky jobs queue`, then repeat; nothing is started twice."
            ) from error


def _json_list(output: str) -> list[dict[str, Any]]:
    """Return the JSON list in an output that may begin with other lines. Raises ValueError."""
    lines = output.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if line.startswith("["):
            try:
                found, _ = json.JSONDecoder().raw_decode("".join(lines[number:]))
            except ValueError:
                continue
            if isinstance(found, list):
                return found
    raise ValueError("no JSON list")


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """Return the last line that a failed call printed, which has the reason."""
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    said = one_line(lines[-1])[:300] if lines else f"exit code {done.returncode}"
    return said if said.endswith((".", "!", "?")) else f"{said}."
