"""Start the job that runs variants of a custom sandbox."""

import statistics
import sys
from collections.abc import Sequence
from typing import NamedTuple

from pydantic import BaseModel

from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.custom.scored import scores_of
from fumehood_tools.custom.sealed import check_sealed, custom_of
from fumehood_tools.errors import BadRequest
from fumehood_tools.jobs import JobStore
from fumehood_tools.records.scores import Asked
from fumehood_tools.runs.start import StartedRun, slot_of
from fumehood_tools.sandbox.create import Sandbox, open_sandbox
from fumehood_tools.settings import Settings


class CustomRequest(BaseModel, frozen=True):
    """What to run: variants x seeds."""

    sandbox: str
    variants: tuple[str, ...]
    seeds: tuple[int, ...]
    asked: Asked | None = None
    then: str | None = None


def is_custom(settings: Settings, sandbox: str) -> bool:
    """Return whether a sandbox has an evaluation of its own. Raises UnknownName, BadRequest."""
    return open_sandbox(settings, sandbox).spec.custom is not None


def start_custom(
    settings: Settings,
    jobs: JobStore,
    sandbox: str,
    variants: Sequence[str],
    seeds: Sequence[int] = (),
    request_key: str | None = None,
    then: str | None = None,
) -> StartedRun:
    """Queue variants x seeds; return the job, how many that are, and what they will take.

    then: the call that follows it; None for compare_variants. The time is that of earlier scores in
    this sandbox; 0 if there are none.

    Raises UnknownName, BadRequest, IntegrityFailed if sealed files are not those pinned.
    """
    box = open_sandbox(settings, sandbox)
    custom_of(box)
    check_sealed(settings.state, box)
    if not variants:
        raise BadRequest("variants is empty. Call list_variants and pass at least one name.")
    request = CustomRequest(
        sandbox=sandbox,
        variants=tuple(dict.fromkeys(_named(box, name) for name in variants)),
        seeds=tuple(dict.fromkeys(seeds or box.spec.training.seeds)),
    )
    newest = Shelf(settings.state).newest(box.results)
    asked = Asked(after=newest, seeds=list(request.seeds))
    request = request.model_copy(update={"asked": asked, "then": then})
    count = len(request.variants) * len(request.seeds)
    ahead = forecast(settings, box, request.variants, request.seeds)
    job = jobs.submit(
        "run",
        [sys.executable, "-P", "-m", "fumehood_tools.custom.worker", request.model_dump_json()],
        title=f"{sandbox}: {', '.join(request.variants[:4])} ({count} score{'s' * (count != 1)})",
        slot=slot_of(settings),
        request_key=request_key,
        env=settings.as_environment(),
    )
    return StartedRun(
        job=job, saes=count, scored=ahead.scored, left=ahead.left, seconds=ahead.seconds
    )


class Ahead(NamedTuple):
    """What a run will take. scored: have a score already. seconds: for those that are left."""

    scored: int
    left: int
    seconds: float


def forecast(
    settings: Settings, box: Sandbox, variants: Sequence[str], seeds: Sequence[int]
) -> Ahead:
    """Return what variants x seeds will take, by the mean of earlier scores; 0 s without any."""
    scores = scores_of(settings, box)
    current = scores.current()
    wanted = [(name, seed) for name in variants for seed in seeds]
    scored = sum(name in current and seed in current[name].scores for name, seed in wanted)
    taken = [sum(one["seconds"]) for one in scores.records.valid.values()]
    left = len(wanted) - scored
    return Ahead(scored, left, left * statistics.fmean(taken) if taken else 0.0)


def _named(box: Sandbox, name: str) -> str:
    return box.variant_path(name).stem
