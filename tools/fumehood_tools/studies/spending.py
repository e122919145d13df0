"""What plans and studies have spent: runs, minutes and dollars, from receipts after the plan.

A run makes an SAE or, in a sandbox with an evaluation of its own, a score.

A score or failure is spent by a plan if it was written after the plan's entry, in its sandbox, by
one of its files with one of its seeds, or as a control of its baseline. A study also spends what
questions to its holdout and re-tests elsewhere take; one without an answer counts with its estimate
from the moment when it was asked, as its job may go on. Light: reads records.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from fumehood_tools.bench.controls import CONTROL_NAMES, label
from fumehood_tools.custom.scored import KIND as OWN_SCORE
from fumehood_tools.errors import BadRequest
from fumehood_tools.pods.wanted import RunPlace
from fumehood_tools.receipts.places import is_under, results_of, run_of
from fumehood_tools.receipts.trials import CONTROL
from fumehood_tools.records.scores import Failure, Score
from fumehood_tools.registry.kinds import FAILURE
from fumehood_tools.runs.controls import SEED_STEPS
from fumehood_tools.studies.entries import (
    Budget,
    Conclusion,
    Experiment,
    HoldoutAnswer,
    Plan,
    newest_tests,
)
from fumehood_tools.studies.lab import FILE_CHARACTERS, Lab, Ran
from fumehood_tools.studies.notebook import Study

MOST_READ = 500
"""SAEs of a study up to which `spent_in_words` reads their records."""


class Spent(NamedTuple):
    """What was spent. minutes: of training and scoring, wall time.

    unpriced: SAEs trained on machines whose price nobody told; they are not in usd.
    """

    saes: int = 0
    minutes: float = 0.0
    usd: float = 0.0
    unpriced: int = 0

    def plus(self, other: "Spent") -> "Spent":
        """Return the sum."""
        return Spent(
            self.saes + other.saes,
            self.minutes + other.minutes,
            self.usd + other.usd,
            self.unpriced + other.unpriced,
        )

    def text(self, noun: str = "SAEs") -> str:
        """Return it in words. noun: what was made."""
        return f"{self.saes:,} {noun}, {self.minutes:.1f} minutes{self._dollars()}"

    def _dollars(self) -> str:
        known = f", ${self.usd:,.2f}" if self.usd else ""
        return f"{known}, and an unknown price for {self.unpriced}" if self.unpriced else known


def spent_by(lab: Lab, receipt: str, plan: Plan) -> Spent:
    """Return what a plan has spent. receipt: MAC of its entry.

    SAEs are counted in the ledger, so that deleting records brings nothing back. Minutes and
    dollars are in the records.
    """
    if plan.own is not None:
        return Spent(saes_of(lab, receipt, plan), _own_minutes(lab, receipt, plan))
    found, began = lab.found(plan.sandbox), lab.order.get(receipt, 0)
    costs, total = lab.costs(plan.sandbox), Spent(saes_of(lab, receipt, plan))
    for ran in _planned(plan):
        for at, place in costs.get(ran, ()):
            if at > began:
                total = total.plus(_cost(found.scores.get(place) or found.failures[place]))
    return total


def saes_of(lab: Lab, receipt: str, plan: Plan) -> int:
    """Return the SAEs that a plan has trained, failed ones included, from the ledger alone."""
    if plan.own is not None:
        return len(_own_places(lab, receipt, plan))
    began = lab.order.get(receipt, 0)
    return sum(
        at > began
        for ran in _planned(plan)
        for at in lab.written.get((plan.sandbox, _in_ledger(ran)), ())
    )


def _own_places(lab: Lab, receipt: str, plan: Plan) -> list[str]:
    """Return the places of a plan's scores and failures by a sandbox's own evaluation, from the
    ledger."""
    names = {file.name for file in (plan.baseline, *plan.variants)}
    began = lab.order.get(receipt, 0)
    return [
        place
        for place, line in lab.book.standing.items()
        if line.kind in (OWN_SCORE, FAILURE.name)
        and is_under(place, results_of(plan.sandbox))
        and run_of(place)[0] in names
        and lab.seed_of(place) in plan.seeds
        and lab.order.get(line.receipt, 0) > began
    ]


def _own_minutes(lab: Lab, receipt: str, plan: Plan) -> float:
    records, under = lab.own_records(plan.sandbox), f"{results_of(plan.sandbox)}/"
    failures = lab.found(plan.sandbox).failures
    minutes = 0.0
    for place in _own_places(lab, receipt, plan):
        if place in records:
            minutes += sum(records[place]["seconds"]) / 60
        elif failed := failures.get(place.removeprefix(under)):
            minutes += _cost(failed).minutes
    return minutes


def spent_in(lab: Lab, study: Study) -> dict[int, Spent]:
    """Return plan -> what it has spent, for all plans of a study."""
    return {entry.number: spent_by(lab, entry.receipt, plan) for entry, plan in study.only(Plan)}


def tested_in(lab: Lab, study: Study) -> Spent:
    """Return what a study's questions to the holdout and its re-tests elsewhere have spent."""
    newest = newest_tests(said for _, said in study.only(HoldoutAnswer))
    return _sum({at: _tested(lab, said) for at, said in enumerate(newest)})


def _tested(lab: Lab, said: HoldoutAnswer) -> Spent:
    trained = sum(
        len(places) for (sandbox, _), places in lab.written.items() if sandbox == said.sandbox
    )
    return Spent(max(trained, said.saes) if said.asked else trained or said.saes, said.minutes)


def spent_in_words(lab: Lab, study: Study) -> str:
    """Return what a study has spent, in a sentence; "" without plans.

    After more than 500 SAEs, the minutes are those of the conclusions, as reading so many records
    takes seconds.
    """
    plans = study.only(Plan)
    noun = " and ".join(sorted({plan.noun for _, plan in plans}))
    saes = sum(saes_of(lab, entry.receipt, plan) for entry, plan in plans)
    tests = tested_in(lab, study)
    if saes <= MOST_READ:
        spent = _sum(spent_in(lab, study)).plus(tests)
        return f"Spent: {spent.text(noun)}." if plans else ""
    judged = {found.plan: found.minutes for _, found in study.only(Conclusion)}
    minutes = sum(judged.values())
    more = f" Tests of verdicts took {tests.text()}." if any(tests) else ""
    return f"Spent: {saes:,} {noun}. Those that were judged took {minutes:.1f} minutes.{more}"


def check_budget(
    lab: Lab,
    study: Study,
    number: int | None,
    budget: Budget,
    more: Spent,
    is_active: Callable[[str], bool] = lambda job: False,
    noun: str = "SAEs",
) -> None:
    """Raise BadRequest if a run would exceed the budget of its plan or of the study.

    number: of the plan; None if it is not registered yet. budget: the plan's. more: what the run
    will probably take. is_active: whether a job is waiting or running; what such jobs will still
    take counts as spent. noun: what the run makes.
    """
    found = spent_in(lab, study)
    own = found.get(number, Spent()) if number is not None else Spent()
    coming = [
        _left(content, found.get(content.plan, Spent()))
        for _, content in study.only(Experiment)
        if content.plan != number and is_active(content.job_id)
    ]
    whole = _sum({**found, **{-at: one for at, one in enumerate(coming, 1)}})
    whole = whole.plus(tested_in(lab, study))
    _check("plan", budget, own, more, noun)
    _check(f"study {study.name}", study.opened.budget, whole, more, noun)


def capped(place: RunPlace, study: Study, plan: Plan) -> RunPlace:
    """Return where a plan is run, with the budgets as caps on what its pods may cost.

    The cap of the study holds for all pods that were ever rented under its plans. Raises BadRequest
    for a budget in dollars where nobody tells the price.
    """
    dollars = [one.usd for one in (plan.budget, study.opened.budget) if one.usd is not None]
    if place.target == "skypilot" and dollars:
        raise BadRequest(
            f"There is a budget of ${min(dollars):,.2f}, and SkyPilot does not tell what its "
            'machines cost, so it could not be kept. Pass target="runpod", or another target.'
        )
    if place.pods is None:
        return place
    caps = {
        "study": study.name,
        "study_usd": study.opened.budget.usd,
        "max_cost_usd": min([place.pods.max_cost_usd, *dollars]),
    }
    return place.model_copy(update={"pods": place.pods.model_copy(update=caps)})


def _check(what: str, budget: Budget, spent: Spent, more: Spent, noun: str) -> None:
    """Raise BadRequest, with what is left, if more would exceed a budget."""
    limits = {"saes": budget.saes, "minutes": budget.minutes, "usd": budget.usd}
    for name, limit in limits.items():
        if limit is None:
            continue
        used, wanted = getattr(spent, name), getattr(more, name)
        if wanted <= 0 or used + wanted <= limit:
            continue
        left = max(0.0, limit - used)
        unit = {"saes": noun, "minutes": "minutes", "usd": "dollars"}[name]
        raise BadRequest(
            f"The budget of the {what} is {limit:g} {unit}: {used:,.4g} are spent, {left:,.4g} are "
            f"left, and this run takes about {wanted:,.4g}. Plan fewer variants, seeds or levels, "
            "or open another study with a larger budget."
        )


def _left(job: Experiment, spent: Spent) -> Spent:
    """Return what an active job will still take, at most."""
    return Spent(max(0, job.saes - spent.saes), max(0.0, job.minutes - spent.minutes))


def _sum(found: dict[int, Spent]) -> Spent:
    total = Spent()
    for one in found.values():
        total = total.plus(one)
    return total


def _planned(plan: Plan) -> Iterator[Ran]:
    """Yield what a plan runs."""
    for seed in plan.seeds:
        for file in (plan.baseline, *plan.variants):
            yield Ran(file.name, file.file_sha256, seed)
        for name in CONTROL_NAMES if plan.controls else ():
            yield Ran(name, label(name, plan.baseline.name), seed + SEED_STEPS[name])


def _in_ledger(ran: Ran) -> Ran:
    """Return what ran as `Lab.written` names it."""
    file = CONTROL if ran.variant in CONTROL_NAMES else ran.file[:FILE_CHARACTERS]
    return ran._replace(file=file)


def _cost(record: Score | Failure) -> Spent:
    if isinstance(record, Score):
        cost = record.cost
        return _priced((cost.train_seconds + cost.score_seconds) / 60, cost.usd)
    try:
        began, ended = (datetime.fromisoformat(said) for said in (record.started, record.finished))
    except ValueError:
        return Spent()
    usd = 0.0 if record.cost is None else record.cost.usd
    return _priced(max(0.0, (ended - began).total_seconds()) / 60, usd)


def _priced(minutes: float, usd: float | None) -> Spent:
    return Spent(0, minutes, usd or 0.0, unpriced=usd is None)
