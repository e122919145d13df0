"""The scored part of a validation: baselines, a twin and spikes in one run of the real job."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from fumehood_tools.errors import FumehoodError
from fumehood_tools.jobs import Progress
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.proving.bench import ProvingBench
from fumehood_tools.proving.spikes import Spikes
from fumehood_tools.receipts import open_book, place_of, read_folder
from fumehood_tools.records.scores import Score
from fumehood_tools.runs.items import RunItem
from fumehood_tools.runs.job import RunJob, RunParts
from fumehood_tools.runs.local_target import LocalTarget
from fumehood_tools.runs.recording import Stage
from fumehood_tools.runs.request import RunRequest
from fumehood_tools.runs.run_queue import broken_rule
from fumehood_tools.scoring.requests import ErrorReport

SEED = 0
_SHOWN = {"metrics", "integrity", "work"}


class OneThread(LocalTarget):
    """This machine, one training at a time on one thread: equal trainings give equal bytes."""

    def places(self) -> int:
        """Return 1."""
        return 1


class Outcome(NamedTuple):
    """What the run left. records: of scores, by variant; failures: messages; problem: why the run
    ended early, or None."""

    records: dict[str, dict[str, Any]]
    failures: dict[str, str]
    problem: str | None


class PartOfJob(JobContext):
    """The context of a run inside another job: it reports a share of that job's progress."""

    def __init__(self, outer: JobContext, report: Callable[[Progress], None]) -> None:
        super().__init__(outer.job_id, outer.folder)
        self._passed_on = report

    def report(self, progress: Progress) -> None:
        """Pass the progress on."""
        self._passed_on(progress)


class Collector:
    """Listens to a run, and keeps every outcome."""

    def __init__(self) -> None:
        self.failures: dict[str, str] = {}
        self.scored_now: set[str] = set()

    def ready(self) -> None:
        """Do nothing."""

    def scored(self, item: RunItem, score: Score) -> None:
        """Take note of a score; the records are read from the disk later."""
        self.scored_now.add(item.variant)

    def failed(self, item: RunItem, stage: Stage, error: ErrorReport) -> None:
        """Keep why an item got no score."""
        self.failures[item.variant] = error.message


def run_scores(
    bench: ProvingBench, spikes: Spikes, names: Sequence[str], context: PartOfJob
) -> Outcome:
    """Train and score the variants called `names`, the twin and the cheats. Raises nothing.

    The cheats are not stopped by the static rules: what is tried is the glass.
    """
    planted = {one.name for one in spikes.planted}
    for one in (spikes.twin, *spikes.planted):
        bench.put(one.name, one.source)
    request = RunRequest(
        sandbox=bench.box.name,
        variants=(*names, spikes.twin.name, *sorted(planted)),
        seeds=(SEED,),
        saes=len(names) + 1 + len(planted),
    )

    def check(item: RunItem) -> ErrorReport | None:
        return None if item.variant in planted else broken_rule(item)

    heard = Collector()
    parts = RunParts(open_target=OneThread, check=check, listener=heard)
    problem = None
    try:
        RunJob(context, bench.settings, request, parts).run()
    except FumehoodError as error:
        problem = str(error)
    records, broken = _records(bench, request.variants)
    failures = {name: why for name, why in heard.failures.items() if name not in records}
    return Outcome(records, {**failures, **broken}, problem)


def _records(
    bench: ProvingBench, names: Sequence[str]
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Return the newest valid score of each variant, and what is wrong with invalid ones."""
    workspace = bench.settings.workspace
    book = open_book(bench.settings.state)
    found: dict[str, dict[str, Any]] = {}
    broken: dict[str, str] = {}
    for name in names:
        for folder in sorted((bench.box.results / name).glob(f"seed{SEED}-*")):
            held = read_folder(workspace, place_of(folder, workspace), book)
            if held is None or held.kind != "score":
                continue
            if held.problem is not None:
                broken[name] = f"its record does not verify: {held.problem.text}"
            else:
                found[name] = held.record
    return found, broken
