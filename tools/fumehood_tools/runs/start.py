"""Start a run as a job. Checks the request and returns at once; the job does the work."""

import contextlib
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import ValidationError

from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.errors import BadRequest
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.machine import expected_device
from fumehood_tools.plain_files import read_plain
from fumehood_tools.pods.wanted import HERE, RunPlace
from fumehood_tools.records.labelling import in_words
from fumehood_tools.records.parameters import Value
from fumehood_tools.records.scores import Asked
from fumehood_tools.records.seed_lists import MOST_SEEDS
from fumehood_tools.runs.baselines import UNTRAINED, baseline_of, is_unchanged, levels_around
from fumehood_tools.runs.controls import plan_controls
from fumehood_tools.runs.forecast import forecast
from fumehood_tools.runs.pace import expected
from fumehood_tools.runs.request import REQUEST_FILE, RunRequest
from fumehood_tools.runs.sweep import check_request, search_runs
from fumehood_tools.sandbox.create import Sandbox, open_sandbox
from fumehood_tools.settings import Settings
from fumehood_tools.spec import LARGEST_SEED

MOST_SAES = 5_000


class StartedRun(NamedTuple):
    """A queued run.

    saes: the least number of SAEs. search_runs: how many more the searches for target L0s will
    probably take. scored: how many of both have a score already. baseline: the one that is also run
    around the targets. seconds: how long the job will probably take once it has started.
    training: the values that it uses instead of those in sandbox.toml. left: SAEs to train, as far
    as can be told. own: how many of the variants are not packaged files, so that they are tries.
    """

    job: Job
    saes: int
    search_runs: int = 0
    scored: int = 0
    baseline: str | None = None
    seconds: float = 0.0
    training: Mapping[str, float] = {}
    left: int = 0
    own: int = 0


def start_run(
    settings: Settings,
    jobs: JobStore,
    sandbox: str,
    variants: Sequence[str],
    seeds: Sequence[int] = (),
    request_key: str | None = None,
    *,
    grid: Mapping[str, Sequence[Value]] | None = None,
    l0_targets: Sequence[float] = (),
    baseline: str | None = None,
    controls: bool = False,
    training: Mapping[str, float] | None = None,
    shelf: Shelf | None = None,
    place: RunPlace = HERE,
) -> StartedRun:
    """Queue the training and scoring of variants x seeds x parameters.

    grid: constants in the files, each with the values to try; all combinations are run, and every
    variant needs the constants. l0_targets: for each variant, search for the value of its knob that
    gives this L0 as a mean over all seeds. baseline: with l0_targets, it is run at these L0s and
    around them too, so that every variant can be compared with it; default: see `baseline_of`.
    controls: also run two blanks and a spike, generated from the run's first baseline.
    training: values of [training] to use in this run instead of those in sandbox.toml. The scores
    belong to another setting, and every variant run in it is one more try.
    shelf: the workspace's cache of records, for a process that reads more than once.
    place: where it trains; the cost of pods was agreed on before.

    SAEs whose variant, seed, settings and data have not changed since their score are not run
    again. Raises UnknownName for a sandbox, variant or constant that does not exist, BadRequest for
    an empty or oversized request, or for a value of the wrong type.
    """
    prepared = prepare_run(
        settings,
        sandbox,
        variants,
        seeds,
        grid=grid,
        l0_targets=l0_targets,
        baseline=baseline,
        controls=controls,
        training=training,
        shelf=shelf,
        place=place,
    )
    return start_prepared(settings, jobs, prepared, request_key)


def start_prepared(
    settings: Settings,
    jobs: JobStore,
    prepared: "Prepared",
    request_key: str | None = None,
    then: str | None = None,
) -> StartedRun:
    """Queue a run that `prepare_run` has checked. then: the call that follows it."""
    box, request = prepared.box, prepared.request.model_copy(update={"then": then})
    job = jobs.submit(
        "run",
        [sys.executable, "-m", "fumehood_tools.runs.worker"],
        title=_title(request, prepared.saes),
        slot=slot_of(settings),
        request_key=request_key,
        env=settings.as_environment(),
        files={REQUEST_FILE: request.model_dump(mode="json")},
    )
    return StartedRun(
        job=job,
        saes=prepared.saes,
        search_runs=prepared.search_runs,
        scored=prepared.scored,
        baseline=request.baseline,
        seconds=prepared.seconds,
        training=request.training,
        left=prepared.left,
        own=sum(name != UNTRAINED and not is_unchanged(box, name) for name in request.variants),
    )


class Prepared(NamedTuple):
    """A run that was checked, but not started. For the numbers see `StartedRun`."""

    box: Sandbox
    request: RunRequest
    saes: int
    search_runs: int
    scored: int
    left: int
    seconds: float


def prepare_run(
    settings: Settings,
    sandbox: str,
    variants: Sequence[str],
    seeds: Sequence[int] = (),
    *,
    grid: Mapping[str, Sequence[Value]] | None = None,
    l0_targets: Sequence[float] = (),
    baseline: str | None = None,
    controls: bool = False,
    training: Mapping[str, float] | None = None,
    shelf: Shelf | None = None,
    place: RunPlace = HERE,
) -> Prepared:
    """Check a run as `start_run` does, and estimate what it takes. Starts nothing.

    Raises the errors of `start_run`.
    """
    changed = dict(training or {})
    box = open_sandbox(settings, sandbox).trained_with(changed)
    names = tuple(dict.fromkeys(variants))
    chosen = tuple(dict.fromkeys(seeds or box.spec.training.seeds))
    _check_words(names, chosen, baseline, l0_targets)
    if empty := [name for name, values in (grid or {}).items() if not values]:
        raise BadRequest(f"grid has no value for {empty[0]}. Pass one or more, or omit it.")
    targets = _targets(l0_targets, box.spec.dict_size)
    brought = (baseline or baseline_of(box, names)) if targets else None
    planned = plan_controls(box, names, chosen) if controls else ()
    files = (*names, brought) if brought else names
    sources = {name: _source(box, name) for name in files}
    request = RunRequest(
        sandbox=box.name,
        variants=names,
        seeds=chosen,
        grid={name: tuple(values) for name, values in (grid or {}).items()},
        l0_targets=targets,
        controls=planned,
        baseline=brought,
        around=levels_around(targets, box.spec.dict_size) if brought else (),
        training=changed,
        **place.model_dump(),
    )
    count = check_request(sources, request)
    if count > MOST_SAES:
        raise BadRequest(
            f"This run would train {count:,} SAEs; at most {MOST_SAES:,} are allowed. Split the "
            "grid over several runs."
        )
    more, shelf = search_runs(sources, request), shelf or Shelf(settings.state)
    asked = Asked(after=shelf.newest(box.results), seeds=list(chosen))
    ahead = forecast(box, request, shelf.collect(box.results), count + more)
    seconds = expected(box.spec, settings.cache).whole(ahead.left)
    request = request.model_copy(update={"saes": ahead.left, "asked": asked})
    return Prepared(box, request, count, more, ahead.scored, ahead.left, seconds)


def asked_seeds(jobs: JobStore) -> set[int]:
    """Return the seeds that runs were asked for, whether they got a score, failed or were stopped.

    Only of jobs that are still in the table, which forgets old ones.
    """
    seeds = set[int]()
    for request in jobs.files("run", REQUEST_FILE):
        # Of another version, or damaged: what cannot be read asked for nothing.
        with contextlib.suppress(ValidationError):
            seeds.update(RunRequest.model_validate(request).seeds)
    return seeds


def slot_of(settings: Settings) -> str:
    """Return the job slot in which this machine trains and scores: gpu or cpu."""
    return "gpu" if expected_device(settings.device, settings.cache) == "cuda" else "cpu"


def _check_words(
    names: Sequence[str], seeds: Sequence[int], baseline: str | None, l0_targets: Sequence[float]
) -> None:
    """Raise BadRequest for a request that cannot be meant."""
    if not names:
        raise BadRequest("variants is empty. Call list_variants and pass at least one name.")
    if len(seeds) > MOST_SEEDS or any(not 0 <= seed <= LARGEST_SEED for seed in seeds):
        raise BadRequest(
            f"Invalid seeds. Pass at most {MOST_SEEDS} numbers, each from 0 to {LARGEST_SEED:,}."
        )
    if baseline is not None and not l0_targets:
        raise BadRequest("baseline is only used with l0_targets. Pass both, or omit baseline.")


def _title(request: RunRequest, count: int) -> str:
    names, training = request.variants, request.training
    named = f"{', '.join(names[:4])}{' …' if len(names) > 4 else ''}"
    trained = f" with {in_words(training)}" if training else ""
    return f"{request.sandbox}: {named}{trained} ({count} SAEs)"


def _targets(l0_targets: Sequence[float], dict_size: int) -> tuple[float, ...]:
    """Return the targets without duplicates. Raises BadRequest for an impossible one."""
    for target in l0_targets:
        if not 1 <= target <= dict_size / 2:
            raise BadRequest(
                f"The L0 target {target:g} is impossible. Pass l0_targets between 1 and half the "
                f"dictionary size ({dict_size}/2)."
            )
    return tuple(dict.fromkeys(float(target) for target in l0_targets))


def _source(box: Sandbox, name: str) -> bytes:
    return read_plain(box.variant_path(name))
