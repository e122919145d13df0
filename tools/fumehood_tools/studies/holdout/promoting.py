"""Test a winner elsewhere: say what it costs, enter it in the notebook, start the job. Light.

A re-test is entered before it is run, so a place that was tried cannot be forgotten, and p values
are corrected for the number of places. The same re-test is entered, run and answered once; a job
that was killed goes on where it was.
"""

import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.errors import AlreadyExists, BadRequest
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.locking import exclusive
from fumehood_tools.machine import expected_device
from fumehood_tools.receipts.folders import open_book, read_folder
from fumehood_tools.records.scores import Score
from fumehood_tools.runs.pace import expected
from fumehood_tools.settings import Settings
from fumehood_tools.spec import SandboxSpec, check_spec
from fumehood_tools.studies.entries import HoldoutAnswer, Plan
from fumehood_tools.studies.holdout.places import Elsewhere, choose_place, refuse_seen
from fumehood_tools.studies.holdout.promotion import (
    Retest,
    registered_sources,
    tests_elsewhere,
    winner_of,
)
from fumehood_tools.studies.holdout.requests import RetestRequest
from fumehood_tools.studies.holdout.standing import refuse_gaps, standing_scores
from fumehood_tools.studies.notebook import Study, StudyShelf, append, now

KIND = "promote"
MOST_MINUTES = 60.0
_LOCK = "holdout.{study}.lock"


class Promoted(NamedTuple):
    """A re-test, or what it would cost. job: None if it was not started.

    saes, minutes: estimated. answer: the entry that holds its verdict, if it was run before.
    """

    retest: Retest
    saes: int
    minutes: float
    job: Job | None = None
    answer: int | None = None


def promote(
    settings: Settings,
    jobs: JobStore,
    studies: StudyShelf,
    study: str,
    plan: int,
    variant: str,
    *,
    layer: int | None = None,
    subject: str | None = None,
    most_minutes: float = MOST_MINUTES,
    dry_run: bool = False,
    shelf: Shelf | None = None,
) -> Promoted:
    """Start the re-test of a winner where the study has not been, or only say what it costs.

    Raises BadRequest if the variant is no winner (and what is missing), if the place was used, or
    if the re-test takes longer than most_minutes or the study's budget; UnknownName; PartMissing.
    """
    shelf = shelf or Shelf(settings.state)
    found = studies.read(study)
    retest = _retest(settings, shelf, found, plan, variant, layer, subject)
    answer = _answer(found, retest.digest)
    saes = retest.saes
    minutes = expected(retest.there.spec, settings.cache).whole(saes) / 60
    quote = Promoted(retest, saes, minutes, answer=answer)
    if dry_run or answer is not None:
        return quote
    _refuse_cost(found, quote, most_minutes)
    _enter(settings.workspace, studies, retest, settings.sandboxes)
    request = RetestRequest(
        study=study,
        plan=plan,
        variant=variant,
        subject=retest.there.spot.subject,
        layer=retest.there.spot.layer,
        digest=retest.digest,
    )
    job = jobs.submit(
        KIND,
        [sys.executable, "-m", "fumehood_tools.studies.holdout.retest", request.model_dump_json()],
        title=f"{study}: {variant} of plan {plan} at {retest.there.spot} ({saes} SAEs)",
        slot="gpu" if expected_device(settings.device, settings.cache) == "cuda" else "cpu",
        request_key=f"promote:{study}:{retest.digest}",
        env=settings.as_environment(),
    )
    return quote._replace(job=job)


def retest_of(settings: Settings, shelf: Shelf, study: Study, request: RetestRequest) -> Retest:
    """Return a re-test that was entered. Raises BadRequest if the sandbox's scores have changed."""
    _, content = study.entry(request.plan, Plan)
    spec = _spec(settings, shelf, content)
    there = choose_place(settings, study, spec, request.layer, request.subject)
    variant = next(one for one in content.variants if one.name == request.variant)
    sources = registered_sources(settings, content, variant, shelf)
    found = Retest(study.name, request.plan, content, variant, there, sources)
    if found.digest != request.digest:
        raise BadRequest(
            f"The scores of plan {request.plan} have changed since the re-test was asked for. Call "
            "promote_variant again."
        )
    return found


def _retest(
    settings: Settings,
    shelf: Shelf,
    study: Study,
    plan: int,
    variant: str,
    layer: int | None,
    subject: str | None,
) -> Retest:
    planned = winner_of(study, plan, variant)
    _, content = study.entry(plan, Plan)
    there = choose_place(settings, study, _spec(settings, shelf, content), layer, subject)
    sources = registered_sources(settings, content, planned, shelf)
    found = Retest(study.name, plan, content, planned, there, sources)
    _check_levels(there, content)
    refuse_seen(settings, shelf, planned, there, found.sandbox)
    return found


def _spec(settings: Settings, shelf: Shelf, plan: Plan) -> SandboxSpec:
    """Return the settings that the plan's scores were made with, from the newest of them."""
    standing = standing_scores(settings.sandboxes, plan, shelf)
    refuse_gaps(plan, standing)
    newest = max(standing.all, key=lambda one: one.score.finished)
    held = read_folder(settings.workspace, newest.place, open_book(settings.state))
    assert held is not None, "the shelf has just read it"
    return check_spec(Score.model_validate(held.record).spec)


def _check_levels(there: Elsewhere, plan: Plan) -> None:
    most = there.spec.dict_size / 2
    if over := [target for target in plan.l0_targets if target > most]:
        raise BadRequest(
            f"The dictionary at {there.spot} would have {there.spec.dict_size} latents, too few "
            f"for the plan's L0 of {max(over):g} (at most {most:g}). Choose another place."
        )


def _answer(study: Study, digest: str) -> int | None:
    """Return the number of the entry with the verdict of a re-test, if there is one."""
    found = [number for number, one in tests_elsewhere(study) if one.digest == digest]
    done = [n for n, one in tests_elsewhere(study) if n in found and not one.asked]
    return done[-1] if done else None


def _refuse_cost(study: Study, quote: Promoted, most_minutes: float) -> None:
    """Raise BadRequest if a re-test takes longer than was allowed."""
    budget = study.opened.budget.minutes
    most = most_minutes if budget is None else min(most_minutes, budget)
    if quote.minutes > most:
        raise BadRequest(
            f"This re-test at {quote.retest.there.spot} trains {quote.saes} SAEs and takes about "
            f"{quote.minutes:.0f} min, more than the {most:g} min that it may take. Pass "
            f"most_minutes={quote.minutes:.0f} or more to run it, or another layer or subject."
        )


def _enter(workspace: Path, studies: StudyShelf, retest: Retest, sandboxes: Path) -> None:
    """Enter a re-test, unless it was entered before. Raises AlreadyExists for its sandbox."""
    lock: AbstractContextManager[None] = exclusive(
        workspace / ".fumehood" / _LOCK.format(study=retest.study)
    )
    with lock:
        entered = tests_elsewhere(studies.read(retest.study))
        if any(one.digest == retest.digest for _, one in entered):
            return
        if (sandboxes / retest.sandbox).exists():
            raise AlreadyExists(
                f"There is a sandbox {retest.sandbox} already, which this re-test would make. "
                "Move that folder away: a re-test needs a sandbox that nobody has worked in."
            )
        content = HoldoutAnswer(
            plan=retest.plan,
            test=retest.there.test,
            where=f"{retest.there.spot}, sandbox {retest.sandbox}",
            question=0,
            claims=[],
            written=now(),
            asked=True,
            digest=retest.digest,
        )
        append(workspace, retest.study, content)
