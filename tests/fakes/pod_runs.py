"""Runs on other machines: in this process, or on pods as jobs whose controllers can be killed."""

import contextlib
import json
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable
from glob import glob
from pathlib import Path
from threading import Event, Thread
from typing import Any, NamedTuple, Self

import psutil

from fakes.runpod import LivingPod, RunPod
from fakes.sandbox_files import tiny_sandbox
from fumehood_tools.files import sha256_of
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.pods.wanted import PodsWanted
from fumehood_tools.receipts import WEIGHTS_FILE
from fumehood_tools.runs.job import RunJob
from fumehood_tools.runs.remote.choosing import target_of
from fumehood_tools.runs.request import RunRequest
from fumehood_tools.runs.start import prepare_run, start_prepared
from fumehood_tools.settings import Settings

GPU = "NVIDIA A40"
ROOT = "volume/.fumehood"
REAPER = "fumehood_tools.pods.rentals.reaper"
LOOK_SECONDS, HOLD_SECONDS = 0.2, 0.1


def wait_for(holds: Callable[[], Any], seconds: float = 600) -> Any:
    """Wait until something holds, and return it."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, f"not within {seconds:.0f} s"
        time.sleep(LOOK_SECONDS)
    return found


def box(settings: Settings, name: str, train_tokens: int = 8_000) -> str:
    """Make a tiny sandbox and return its name."""
    return tiny_sandbox(settings, name, train_tokens=train_tokens).name


def run_here(
    settings: Settings, folder: Path, request: RunRequest, job: str | None = "job1"
) -> dict[str, Any]:
    """Run a request in this process; return its result.

    job: its id; None where pods are rented: a reaper ends those of a job that is not there.
    """
    folder.mkdir()
    with target_of(request, settings, job) as target:
        result = RunJob(JobContext("job1", folder), settings, request, target.parts).run()
        return {**result, "rented": target.bill()}


def weights_of(settings: Settings, sandbox: str) -> dict[str, str]:
    """Return the digest of each SAE of a sandbox, by the name of its results."""
    results = settings.sandboxes / sandbox / "results"
    found = sorted(results.rglob(WEIGHTS_FILE))
    return {str(path.parent.relative_to(results)): sha256_of(path) for path in found}


def metrics_of(settings: Settings, sandbox: str) -> dict[str, dict[str, float]]:
    """Return the metrics of each SAE of a sandbox, by the name of its results."""
    results = settings.sandboxes / sandbox / "results"
    found = sorted(results.rglob("score.json"))
    return {
        str(path.parent.relative_to(results)): json.loads(path.read_text("utf-8"))["metrics"]
        for path in found
    }


def start_on_pods(
    settings: Settings,
    store: JobStore,
    sandbox: str,
    variants: tuple[str, ...],
    seeds: tuple[int, ...],
    **wanted: Any,
) -> str:
    """Start a run on pods as run_variants does, and return the id of its job."""
    pods = PodsWanted(**{"gpus": (GPU,), "max_cost_usd": 20, **wanted})
    prepared = prepare_run(settings, sandbox, variants, seeds)
    request = prepared.request.model_copy(update={"target": "runpod", "pods": pods})
    return start_prepared(settings, store, prepared._replace(request=request)).job.job_id


def ended(store: JobStore, job: str, seconds: float = 1_500) -> Job:
    """Wait for the end of a job."""
    return wait_for(lambda: (now := store.get(job)).finished and now, seconds)


def kill_controller(state: Path, job: str) -> None:
    """Kill the supervisor, the worker and all that they started with SIGKILL, but the reaper."""
    supervisor = next(
        process
        for process in psutil.process_iter()
        if _is_supervisor(words_of(process), state, job)
    )
    for process in [supervisor, *supervisor.children(recursive=True)]:
        if REAPER not in words_of(process):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
    psutil.wait_procs([supervisor], 10)


def kill_reaper(workspace: Path) -> None:
    """Kill the detached reaper of a workspace, or those of all workspaces below a folder.

    Otherwise one whose provider has gone with the test would go on asking it.
    """
    for process in psutil.process_iter():
        words = words_of(process)
        if REAPER in words and any(word.startswith(str(workspace)) for word in words):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
                process.wait(10)


def words_of(process: psutil.Process) -> list[str]:
    """Return the command line of a process, nothing for one that is gone."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def log_of(store: JobStore, job: str) -> str:
    """Return all that a job has printed so far; nothing before it has begun."""
    path = store.folder(job) / "output.log"
    return path.read_text(encoding="utf-8") if path.exists() else ""


class Seen(NamedTuple):
    """A training on a pod. state: as its agent has it."""

    pod: str
    job: str
    state: str


def trainings(cloud: RunPod) -> list[Seen]:
    """Return all trainings that were started on the pods that exist, as their disks have them."""
    found = []
    for pod, its in cloud.pods().items():
        # Unlike Path.glob, this one does not mind that a pod is removed meanwhile.
        for status in map(Path, glob(f"{its.folder}/{ROOT}/jobs/train-*/status.json")):
            with contextlib.suppress(OSError):
                state = json.loads(status.read_text(encoding="utf-8"))["state"]
                found.append(Seen(pod, status.parent.name, state))
    return found


TRAINER, SCORER = "fumehood_tools.runs.remote.trainer", "fumehood_tools.scoring"


def is_asked_to_score(its: LivingPod) -> bool:
    """Whether a pod has a request to its scorer that has no answer."""
    folder = its.folder / ROOT / "scoring"
    asked = {path.parent.name for path in folder.glob("*/asked/*/request.json")}
    return bool(asked - {path.name for path in folder.glob("*/done/*")})


class Hold:
    """Keeps every training on the pods from ending, until the block ends or `let_go` is called.

    With SCORER and is_asked_to_score, every scoring.

    So what a test does meanwhile takes place while they run, on fast and slow machines. Their
    processes are stopped; the agent on the pod, and all that asks it, go on.
    """

    def __init__(
        self,
        cloud: RunPod,
        program: str = TRAINER,
        when: Callable[[LivingPod], bool] = lambda its: True,
    ) -> None:
        """program: whose processes are held. when: on which pods."""
        self._cloud, self._over = cloud, Event()
        self._program, self._when = program, when
        self._thread = Thread(target=self._stop_all)
        self._held: set[psutil.Process] = set()

    def __enter__(self) -> "Hold":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go()

    def let_go(self) -> None:
        """Let all of them go on, and new ones run freely."""
        self._over.set()
        self._thread.join()
        for process in self._held:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()
        self._held.clear()

    @property
    def held(self) -> set[psutil.Process]:
        """The processes that are held."""
        return set(self._held)

    def pods(self) -> set[str]:
        """Return the pods that exist and on which a process is held."""
        found = set()
        for pod, its in self._cloud.pods().items():
            if self._held & set(_below(its.pid)):
                found.add(pod)
        return found

    def _stop_all(self) -> None:
        while not self._over.wait(HOLD_SECONDS):
            for its in filter(self._when, self._cloud.pods().values()):
                for process in _below(its.pid):
                    if process not in self._held and self._program in words_of(process):
                        with contextlib.suppress(psutil.NoSuchProcess):
                            process.suspend()
                            self._held.add(process)


def _below(pid: int | None) -> list[psutil.Process]:
    if pid is None:
        return []
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


class PodWatcher(ABC):
    """Looks at all pods again and again, in a thread, until the block ends."""

    def __init__(self, cloud: RunPod, every: float = LOOK_SECONDS) -> None:
        """every: seconds between two looks."""
        self._cloud, self._every, self._over = cloud, every, Event()
        self._thread = Thread(target=self._watch)

    @abstractmethod
    def look(self, cloud: RunPod) -> None:
        """Note what is there now."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(self._every):
            self.look(self._cloud)


class Watcher(PodWatcher):
    """Notes on which pods every training was seen."""

    def __init__(self, cloud: RunPod) -> None:
        super().__init__(cloud)
        self.pods_of: dict[str, set[str]] = defaultdict(set)

    def look(self, cloud: RunPod) -> None:
        """See PodWatcher."""
        for seen in trainings(cloud):
            self.pods_of[seen.job].add(seen.pod)


def _is_supervisor(words: list[str], state: Path, job: str) -> bool:
    return "fumehood_tools.jobs.supervisor" in words and words[-2:] == [str(state), job]
