"""Test a winner elsewhere: say what it costs, enter it in the notebook, start the job. Light.

A re-test is entered before it is run, so a place that was tried cannot be forgotten, and p values
are corrected for the number of places. Its seeds are drawn at random and entered with it: those of
the plan have been known since it was registered, so they could have been tried there elsewhere.
The same re-test is entered, run and answered once; a job that was killed goes on where it was.
"""

import math
import sys
from typing import NamedTuple

from fumehood_tools.errors import AlreadyExists, BadRequest
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.locking import exclusive
from fumehood_tools.runs.pace import expected
from fumehood_tools.runs.start import slot_of
from fumehood_tools.studies.drawing import drawn_seeds, taken_seeds
from fumehood_tools.studies.entries import Budget, HoldoutAnswer, Plan, PlannedVariant
from fumehood_tools.studies.holdout.places import Elsewhere, choose_place, refuse_seen, seen_spots
from fumehood_tools.studies.holdout.promotion import (
    Retest,
    registered_sources,
    seeds_entered,
    tests_elsewhere,
    winner_of,
)
from fumehood_tools.studies.holdout.questions import LOCK
from fumehood_tools.studies.holdout.requests import RetestRequest
from fumehood_tools.studies.holdout.standing import refuse_gaps, spec_of, standing_scores
from fumehood_tools.studies.lab import Lab
from fumehood_tools.studies.notebook import Study, append
from fumehood_tools.studies.running import LOCK as TURN
from fumehood_tools.studies.running import is_active, plan_of
from fumehood_tools.studies.spending import Spent, check_budget
from fumehood_tools.timestamps import now

KIND = "promote"
MOST_MINUTES = 60.0


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
    lab: Lab,
    jobs: JobStore,
    study: str,
    plan: int,
    variant: str,
    *,
    layer: int | None = None,
    subject: str | None = None,
    most_minutes: float = MOST_MINUTES,
    dry_run: bool = False,
) -> Promoted:
    """Start the re-test of a winner where the study has not been, or only say what it costs.

    Raises BadRequest if the variant is no winner (and what is missing), if the place was used, or
    if the re-test takes longer than most_minutes or the study's budget; UnknownName; PartMissing.
    """
    settings, found = lab.settings, lab.studies.read(study)
    retest = _retest(lab, found, plan, variant, layer, subject)
    if not retest.seeds:
        seeds = drawn_seeds(taken_seeds(lab, jobs), len(retest.content.seeds), lab.draw)
        retest = retest._replace(seeds=tuple(seeds))
    answer = _answer(found, retest.digest)
    saes = retest.saes
    minutes = expected(retest.there.spec, settings.cache).whole(saes) / 60
    quote = Promoted(retest, saes, minutes, answer=answer)
    if dry_run or answer is not None:
        return quote
    _refuse_time(quote, most_minutes)
    with exclusive(settings.state / TURN.format(name=study)):
        _enter(lab, jobs, quote)
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
        slot=slot_of(settings),
        request_key=f"promote:{study}:{retest.digest}",
        env=settings.as_environment(),
    )
    return quote._replace(job=job)


def retest_of(lab: Lab, study: Study, request: RetestRequest) -> Retest:
    """Return a re-test that was entered.

    Raises BadRequest if the sandbox's scores have changed, or if its entry is gone.
    """
    variant = winner_of(study, request.plan, request.variant)
    found = _made(lab, study, request.plan, variant, request.layer, request.subject)
    if found.digest != request.digest or not found.seeds:
        raise BadRequest(
            f"The scores of plan {request.plan} have changed since the re-test was asked for, or "
            "its entry is gone. Call promote_variant again."
        )
    return found


def _retest(
    lab: Lab, study: Study, plan: int, variant: str, layer: int | None, subject: str | None
) -> Retest:
    found = _made(lab, study, plan, winner_of(study, plan, variant), layer, subject)
    _check_levels(found.there, found.content)
    refuse_seen(lab, found.there, found.sandbox)
    return found


def _made(
    lab: Lab,
    study: Study,
    plan: int,
    variant: PlannedVariant,
    layer: int | None,
    subject: str | None,
) -> Retest:
    """Return a re-test with the settings and files of the plan's scores."""
    entry, content = plan_of(study, plan)
    if content.own is not None:
        raise BadRequest(
            f"{content.sandbox} has an evaluation of its own, which cannot move to another "
            "layer. Create a sandbox from it (create_sandbox) with another layer, and plan there."
        )
    standing = standing_scores(lab, content, entry.receipt)
    refuse_gaps(content, standing)
    avoid = seen_spots(lab) if layer is None and subject is None else ()
    spec = spec_of(lab, standing.all)
    there = choose_place(lab, study, spec, layer, subject, avoid)
    sources = registered_sources(lab.settings, content, variant, standing)
    retest = Retest(study.name, plan, content, variant, there, sources)
    return retest._replace(seeds=seeds_entered(study, retest.digest))


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


def _refuse_time(quote: Promoted, most_minutes: float) -> None:
    """Raise BadRequest if a re-test takes longer than was allowed."""
    if quote.minutes > most_minutes:
        raise BadRequest(
            f"This re-test at {quote.retest.there.spot} trains {quote.saes} SAEs and takes about "
            f"{quote.minutes:.0f} min, more than the {most_minutes:g} min that it may take. Pass "
            f"most_minutes={math.ceil(quote.minutes)} to run it, or another layer or subject."
        )


def _enter(lab: Lab, jobs: JobStore, quote: Promoted) -> None:
    """Enter a re-test, unless it was entered before.

    Raises BadRequest if it exceeds the study's budget, AlreadyExists for its sandbox.
    """
    retest = quote.retest
    with exclusive(lab.settings.state / LOCK.format(study=retest.study)):
        study = lab.studies.read(retest.study)
        if any(one.digest == retest.digest for _, one in tests_elsewhere(study)):
            return
        more = Spent(quote.saes, quote.minutes)
        check_budget(lab, study, None, Budget(), more, is_active(jobs))
        if (lab.settings.sandboxes / retest.sandbox).exists():
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
            minutes=round(quote.minutes, 2),
            saes=quote.saes,
            sandbox=retest.sandbox,
            subject=retest.there.spot.subject,
            layer=retest.there.spot.layer,
            seeds=list(retest.seeds),
        )
        append(lab.settings.workspace, retest.study, content)
