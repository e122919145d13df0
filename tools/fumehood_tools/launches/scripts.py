"""One pod of a launch: rent it, run the script there and bring its results; or keep it.

The script runs in an empty folder of the pod's, whose files are brought to results/pod-<number> of
the job's folder: regular files only, each checked by its sha256. What it prints goes to the log of
the job, line by line. A script that was started by a job that was lost is found again, not started
twice.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

from fumehood_tools.errors import FumehoodError, RunFailed
from fumehood_tools.files import digest_of
from fumehood_tools.launches.request import RESULTS, Script
from fumehood_tools.pods.agent import Agent, JobSpec, JobStatus, collect
from fumehood_tools.pods.rentals import Desk, Wish
from fumehood_tools.pods.ssh import upload
from fumehood_tools.runs.log_lines import log
from fumehood_tools.runs.remote.places import OpenPlace
from fumehood_tools.runs.remote.renting import PodPlace
from fumehood_tools.settings import Settings

POLL_SECONDS, LOOK_SECONDS = 0.5, 20.0
MARGIN_SECONDS = 60.0
"""Left at the end of a pod's life for bringing the results."""
LOG_BYTES = 16 << 20


class PodTask:
    """What happens on one pod. Run in a thread of its own.

    error: why it did not do what was asked; None if it did. files: what was brought.
    """

    def __init__(
        self,
        desk: Desk,
        settings: Settings,
        wish: Wish,
        script: Script | None,
        folder: Path,
        number: int,
        count: int,
    ) -> None:
        """folder: of the job. number: of this pod, from 0, among `count` ones."""
        self.script, self.number = script, number
        self.error: FumehoodError | None = None
        self.files: tuple[str, ...] = ()
        self.doing, self.fraction = "renting a pod", 0.0
        self.intent: str | None = None
        self._status: JobStatus | None = None
        self._desk, self._wish, self._count = desk, wish, count
        self._place = PodPlace(desk, settings, wish)
        self._target = folder / RESULTS / f"pod-{number}"
        self._looked = time.monotonic()

    def run(self) -> None:
        """Do it; never raises what a caller is expected to handle."""
        try:
            opened = self._place.open()
            self.intent = opened.rented.intent if opened.rented else None
            log("pod", self._place.name, "is ready")
            if self.script is None:
                self._keep(opened)
            else:
                self._run_script(opened, self.script)
        except FumehoodError as error:
            self.error = error
            log("pod", self._place.name, f"failed: {error}")
        finally:
            if self.script is not None or self.error is not None:
                self._give_back()
        self.doing, self.fraction = "", 1.0

    def told(self) -> dict[str, Any]:
        """Return what became of it, for the result of the job."""
        status = self._status
        return {
            "number": self.number,
            "pod": self._place.name,
            "exit_code": status.exit_code if status else None,
            "files": [f"{RESULTS}/pod-{self.number}/{name}" for name in self.files],
            "error": str(self.error) if self.error else None,
        }

    def _keep(self, opened: OpenPlace) -> None:
        """Leave the pod to later runs: nobody else renews its lease until its longest life."""
        assert self.intent is not None
        journal = self._desk.journal
        rental = journal.rental(self.intent)
        left = max(1.0, rental.life_s - journal.age(rental))
        opened.agent.renew_lease(left)
        journal.move(rental, "idle", "kept for later runs", job=None)
        opened.agent.machine.close()
        log("pod", self._place.name, f"is kept for {left / 3600:.2f} h at most")

    def _run_script(self, opened: OpenPlace, script: Script) -> None:
        agent = opened.agent
        digest = digest_of(script.model_dump(mode="json"))[:24]
        job = f"script-{digest}-{self.number}"
        path = f"{agent.root}/scripts/{digest}.py"
        with tempfile.TemporaryDirectory(prefix="fumehood-script-") as folder:
            file = Path(folder) / script.name
            file.write_text(script.source, encoding="utf-8")
            upload(agent.machine, file, path)
        spec = JobSpec(
            job=job,
            argv=(opened.python, "-u", path, *script.arguments),
            env={"FUMEHOOD_POD": str(self.number), "FUMEHOOD_PODS": str(self._count)},
            folder=f"jobs/{job}/out",
            timeout_s=max(1.0, self._wish.runtime_s - MARGIN_SECONDS),
            log_bytes=LOG_BYTES,
        )
        self.doing = f"running {script.name} on {self._place.name}"
        self._status = status = self._until_over(opened, spec)
        self.doing = f"bringing the results of {self._place.name}"
        brought = collect(agent, f"jobs/{job}/out", self._target, only=script.results)
        self.files = tuple(sorted(file.path for file in brought.manifest.files))
        self._check(script, status)

    def _until_over(self, opened: OpenPlace, spec: JobSpec) -> JobStatus:
        """Start the script, unless it runs already, and pass on its log until it is over."""
        status, offset, rest = opened.agent.start(spec), 0, b""
        while True:
            over = status.is_over
            if status.log_bytes > offset:
                data = _log_from(opened.agent, spec.job, offset)
                offset += len(data)
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._print(line)
            if over:
                break
            time.sleep(POLL_SECONDS)
            if time.monotonic() - self._looked > LOOK_SECONDS:
                self._place.look()
                self._looked = time.monotonic()
            status = opened.agent.status(spec.job)
        if rest:
            self._print(rest)
        return status

    def _print(self, line: bytes) -> None:
        log("pod", str(self.number), f"| {line.decode('utf-8', 'replace')}")

    def _check(self, script: Script, status: JobStatus) -> None:
        """Raise RunFailed if the script failed or left out a result."""
        if status.state != "succeeded":
            told = status.reason or f"exit code {status.exit_code}"
            raise RunFailed(
                f"{script.name} ended early ({told}); {len(self.files)} files were brought. "
                "read_job_log shows what it printed."
            )
        there = {name for name in script.results if self._has(name)}
        if missing := [name for name in script.results if name not in there]:
            raise RunFailed(
                f"{script.name} did not write {', '.join(missing)} into the folder in which it "
                "runs. Correct the script, or the names in results."
            )

    def _has(self, name: str) -> bool:
        return any(file == name or file.startswith(f"{name}/") for file in self.files)

    def _give_back(self) -> None:
        """End the pod. What keeps it from ending is in the log, and the reaper goes on."""
        self.doing = f"ending {self._place.name}"
        try:
            self._place.release("its script is over" if self.error is None else str(self.error))
        except FumehoodError as error:
            log("pod", self._place.name, f"ALARM: {error}")


def _log_from(agent: Agent, job: str, offset: int) -> bytes:
    words = ["tail", "-c", f"+{offset + 1}", f"{agent.root}/jobs/{job}/log.txt"]
    return agent.machine.again(lambda shell: shell.run(words, most_bytes=LOG_BYTES)).out
