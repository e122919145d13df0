"""The most informative next experiments of a study: verdicts expected to change, per minute. Light.

Candidates are: a plan that was run and never judged, a plan that was never run, fresh seeds for an
undecided variant, the level or baseline without which one could not be compared, a control that a
supported claim lacks, the sealed holdout and another layer for a supported claim, and a new idea.
chances.py has the formula, costs.py the minutes. What exceeds the budget is named, not offered.
Costs a few ms per candidate; the newest MOST_PLANS plans are considered.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from fumehood_tools.bench.noise import LEAST_SEEDS
from fumehood_tools.errors import FumehoodError
from fumehood_tools.jobs import JobStore
from fumehood_tools.records.scores import Failure
from fumehood_tools.records.seed_lists import MOST_SEEDS, short_seeds
from fumehood_tools.studies.entries import Claim, Conclusion, Experiment, HoldoutAnswer, Plan
from fumehood_tools.studies.holdout.questions import used_questions
from fumehood_tools.studies.running import check_unchanged, is_active
from fumehood_tools.studies.suggesting.answer import Found, Suggestion
from fumehood_tools.studies.suggesting.board import Board
from fumehood_tools.studies.suggesting.chances import (
    Belief,
    chance_of_verdict,
    rule_of_succession,
)
from fumehood_tools.studies.suggesting.costs import FREE, Cost, Costs, Left, left_of
from fumehood_tools.studies.suggesting.failed_before import fails_again
from fumehood_tools.studies.suggesting.outlook import Outlook

MOST_PLANS = 40


class Candidate(NamedTuple):
    """One possible experiment. changes: verdicts expected to change; None: cannot be said."""

    what: str
    why: str
    call: str
    cost: Cost
    changes: float | None

    @property
    def value(self) -> float | None:
        """Verdicts expected to change per minute; None without cost or figure."""
        if self.changes is None or self.cost.minutes <= 0:
            return None
        return self.changes / self.cost.minutes

    @property
    def rank(self) -> tuple[bool, float]:
        """What it is sorted by: what costs nothing first, then by value."""
        return self.cost.saes > 0 or self.cost.minutes > 0, -(self.value or 0.0)


class _State(NamedTuple):
    """A plan, and what became of it. job: the one that runs now, None if there is none."""

    number: int
    plan: Plan
    ran: bool
    job: str | None
    conclusion: Conclusion | None
    is_followed: bool
    answers: Sequence[HoldoutAnswer]


def next_experiments(
    board: Board, costs: Costs, jobs: JobStore, most_minutes: float | None = None
) -> Found:
    """Return the candidates, best first. most_minutes: what the next experiment may take."""
    active = functools.cache(is_active(jobs))
    left = left_of(board, active, most_minutes)
    ideas = _Ideas(board, costs, left)
    found: list[Candidate] = []
    notes: list[str] = []
    states = _states(board, active)
    if (count := len(board.study.only(Plan))) > MOST_PLANS:
        notes.append(f"Only the newest {MOST_PLANS} of {count} plans are considered.")
    for state in states:
        try:
            found += ideas.about(state)
        except FumehoodError as error:
            notes.append(f"Plan {state.number} is left out: {error}")
    found += ideas.new_idea([state.plan for state in states])
    fitting = [one for one in found if left.allows(one.cost)]
    if dear := [one for one in found if not left.allows(one.cost)]:
        least = min(dear, key=lambda one: one.cost.minutes)
        notes.append(
            f"{len(dear)} candidates exceed what is left ({left.text()}). The cheapest of them: "
            f"{least.what}, {least.cost.saes} SAEs, {least.cost.minutes:.0f} min."
        )
    fitting.sort(key=lambda one: one.rank)
    return Found([_row(one) for one in fitting], [*notes, *board.problems])


def _row(one: Candidate) -> Suggestion:
    return Suggestion(
        part="next",
        what=one.what,
        why=one.why,
        minutes=round(one.cost.minutes, 1),
        value=None if one.value is None else float(f"{one.value:.3g}"),
        call=one.call,
    )


def _states(board: Board, is_active: Callable[[str], bool]) -> list[_State]:
    """Return the newest plans of the study. is_active: whether a job waits or runs."""
    study = board.study
    jobs: dict[int, list[str]] = {}
    for _, job in study.only(Experiment):
        jobs.setdefault(job.plan, []).append(job.job_id)
    concluded = {said.plan: said for _, said in study.only(Conclusion)}
    plans = study.only(Plan)
    followed = {said.follows for _, said in plans}
    answers = [said for _, said in study.only(HoldoutAnswer)]
    return [
        _State(
            entry.number,
            plan,
            entry.number in jobs,
            next((job for job in jobs.get(entry.number, ())[-1:] if is_active(job)), None),
            concluded.get(entry.number),
            entry.number in followed,
            [answer for answer in answers if answer.plan == entry.number],
        )
        for entry, plan in plans[-MOST_PLANS:]
    ]


class _Ideas:
    """Makes the candidates of one answer."""

    def __init__(self, board: Board, costs: Costs, left: Left) -> None:
        self.board, self.costs, self.left = board, costs, left
        self.name = board.study.name
        self.outlook = Outlook(board)

    def about(self, state: _State) -> Iterator[Candidate]:
        """Yield the candidates of one plan. Raises FumehoodError if its sandbox is gone."""
        if state.job is not None:
            yield self._wait(state, state.job)
            return
        if state.conclusion is None:
            yield self._judge(state) if state.ran else self._run(state)
            return
        claims = state.conclusion.claims
        for claim in claims:
            if claim.verdict == "inconclusive" and not state.is_followed:
                yield from self._undecided(state, claim)
        if supported := [one.variant for one in claims if one.verdict == "supported"]:
            yield from self._tests(state, supported)
            if state.conclusion.missing_controls:
                yield self._control(state, len(supported))

    def new_idea(self, plans: Sequence[Plan]) -> Iterator[Candidate]:
        """Yield a new variant, measured as in the newest plan; none without a plan."""
        call = f"suggest_experiments(study={self.name!r}, about='hints')"
        if not plans:
            yield Candidate(
                "a first plan",
                "This study has no plan yet, so nothing can be said about noise, effects and cost.",
                call,
                FREE,
                None,
            )
            return
        last = plans[-1]
        seeds = len(last.seeds)
        saes = (1 + bool(last.l0_targets)) * seeds * max(1, len(last.l0_targets))
        try:
            cost = Cost(saes, self.costs.minutes(last.sandbox, saes))
        except FumehoodError:
            return
        chance = self._chance_of_new(last)
        yield Candidate(
            "a new idea",
            f"With {seeds} seeds as in the newest plan; the time to write it is not counted. "
            f"{self.outlook.of_new_in_words(last)}",
            call,
            cost,
            None if chance is None else chance * self.outlook.share_active(),
        )

    def _chance_of_new(self, plan: Plan) -> float | None:
        return self._chance(plan, self.outlook.of_new(plan))

    def _chance(self, plan: Plan, belief: Belief | None) -> float | None:
        """Return the chance of a verdict with as many seeds as a plan has; None: unknown."""
        if belief is None:
            return None
        return chance_of_verdict(belief, len(plan.seeds), self.outlook.rule(plan))

    def _wait(self, state: _State, job: str) -> Candidate:
        return Candidate(
            f"wait for plan {state.number} ({state.plan.title})",
            "It is running.",
            f"wait_for_job(job_id={job!r})",
            FREE,
            None,
        )

    def _judge(self, state: _State) -> Candidate:
        return Candidate(
            f"judge plan {state.number} ({state.plan.title})",
            "It was started and has no conclusion yet; judging takes no training.",
            f"judge_experiment(study={self.name!r}, plan={state.number})",
            FREE,
            None,
        )

    def _run(self, state: _State) -> Candidate:
        plan, names = state.plan, [one.name for one in state.plan.variants]
        check_unchanged(self.board.lab, plan)
        chance = self._chance_of_new(plan)
        return Candidate(
            f"run plan {state.number} ({plan.title})",
            f"It was registered and never run. {self.outlook.of_new_in_words(plan)}",
            f"run_variants(study={self.name!r}, plan={state.number})",
            self.costs.of_plan(plan, plan.seeds, names),
            None if chance is None else chance * len(names),
        )

    def _undecided(self, state: _State, claim: Claim) -> Iterator[Candidate]:
        """Yield fresh seeds for a claim with an effect, else what makes it comparable."""
        plan, belief = state.plan, self.outlook.of_claim(state.plan, claim)
        if claim.effect is None or belief is None:
            yield self._comparable(state, claim)
            return
        advice = self.outlook.advice(state.number, claim.variant)
        if advice is not None and advice.seeds is None:
            yield self._objection(state, claim, advice.call)
            return
        rule, needed = self.outlook.rule(plan), advice and advice.seeds
        count, source = _best_seeds(needed, lambda n: chance_of_verdict(belief, n, rule))
        cost = self._again(plan, claim.variant, count)
        while not self.left.allows(cost) and count > LEAST_SEEDS:
            count = max(LEAST_SEEDS, count // 2)
            source, cost = "as many as the budget allows", self._again(plan, claim.variant, count)
        chance = chance_of_verdict(belief, count, rule)
        yield Candidate(
            f"{count} fresh seeds for {claim.variant}",
            f"Undecided in plan {state.number}: {claim.effect:+.4g} with {belief.seeds} seeds. "
            f"With {count} fresh ones ({source}) there is a verdict with chance {chance:.0%}.",
            self._plan_again(plan, claim.variant, count),
            cost,
            chance,
        )

    def _comparable(self, state: _State, claim: Claim) -> Candidate:
        """Return what a claim without a difference lacks: planned SAEs, or other levels."""
        plan = state.plan
        if (failure := fails_again(self.board, plan, claim.variant)) is not None:
            return _mend(state, failure)
        cost = self.costs.of_plan(plan, plan.seeds, [claim.variant], fresh=False)
        call = f"run_variants(study={self.name!r}, plan={state.number})"
        if cost.saes == 0:
            cost = self._again(plan, claim.variant, len(plan.seeds))
            advice = self.outlook.advice(state.number, claim.variant)
            again = self._plan_again(plan, claim.variant, len(plan.seeds))
            call = advice.call if advice else again
        return Candidate(
            f"what is missing to compare {claim.variant} with {plan.baseline.name}",
            f"No difference could be measured in plan {state.number}: {claim.reason}",
            call,
            cost,
            self._chance_of_new(plan),
        )

    def _objection(self, state: _State, claim: Claim, call: str) -> Candidate:
        """Return what would answer an objection that more seeds do not."""
        plan = state.plan
        saes = len(plan.seeds) * max(1, len(plan.l0_targets))
        named = state.conclusion.advice if state.conclusion else ""
        first, _, _ = (named or call).partition(", then ")  # the rest is about other variants
        return Candidate(
            f"what decides {claim.variant}, for which seeds alone do not help",
            f"Plan {state.number}: {claim.reason}",
            first,
            Cost(saes, self.costs.minutes(plan.sandbox, saes)),
            self._chance(plan, self.outlook.of_claim(plan, claim)),
        )

    def _again(self, plan: Plan, variant: str, count: int) -> Cost:
        return self.costs.of_plan(plan, range(count), [variant])

    def _plan_again(self, plan: Plan, variant: str, count: int) -> str:
        """Return the call that registers a plan about one variant of another plan."""
        more = f", l0_targets={plan.l0_targets!r}" if plan.l0_targets else ""
        if plan.grid:
            more += f", grid={[{'name': n, 'values': v} for n, v in plan.grid.items()]!r}"
        return (
            f"plan_experiment(study={self.name!r}, title={f'{variant}, fresh seeds'!r}, "
            f"hypothesis=…, sandbox={plan.sandbox!r}, variants=[{variant!r}], "
            f"baseline={plan.baseline.name!r}, metric={plan.metric!r}, "
            f"direction={plan.direction!r}, smallest_effect={plan.smallest_effect:g}, "
            f"seeds={count}{more})"
        )

    def _control(self, state: _State, supported: int) -> Candidate:
        plan = state.plan
        failed, judged = self.outlook.controls(plan.sandbox)
        # Two blanks and a spike, and the baseline's own seeds, by which they are judged.
        saes = 4 * len(plan.seeds)
        missing = "; ".join(state.conclusion.missing_controls if state.conclusion else [])
        return Candidate(
            f"the controls that plan {state.number} lacks",
            f"{missing}. {supported} supported claims rest on it; of {judged} controls judged so "
            f"far {failed} failed.",
            f"run_variants(sandbox={plan.sandbox!r}, variants=[{plan.baseline.name!r}], "
            f"seeds={short_seeds(plan.seeds)}, controls=True)",
            Cost(saes, self.costs.minutes(plan.sandbox, saes)),
            supported * rule_of_succession(failed, judged),
        )

    def _tests(self, state: _State, variants: Sequence[str]) -> Iterator[Candidate]:
        """Yield the sealed holdout and another layer for supported claims without them."""
        study = self.board.study
        used = used_questions(study, self.board.lab.studies)
        is_asked = any(one.test == "holdout" for one in state.answers)
        if not is_asked and used < study.opened.holdout_questions:
            yield self._holdout(state, variants)
        for variant in variants:
            elsewhere = [one for one in state.answers if one.test != "holdout"]
            if not any(_is_about(one, variant) for one in elsewhere):
                yield self._promotion(state, variant)

    def _holdout(self, state: _State, variants: Sequence[str]) -> Candidate:
        lost, of = self.outlook.lost("holdout")
        claims = state.conclusion.claims if state.conclusion else []
        # Nothing is trained; scoring takes part of what an SAE takes, so this is an upper bound.
        saes = len({place for one in claims for place in one.receipts}) or len(state.plan.seeds)
        return Candidate(
            f"ask the sealed holdout about plan {state.number}",
            f"{', '.join(variants)} supported on documents that were seen. Of {of} such tests so "
            f"far {lost} took the verdict away.",
            f"ask_holdout(study={self.name!r}, plan={state.number})",
            Cost(0, self.costs.minutes(state.plan.sandbox, saes)),
            len(variants) * rule_of_succession(lost, of),
        )

    def _promotion(self, state: _State, variant: str) -> Candidate:
        lost, of = self.outlook.lost("layer", "subject")
        levels = max(1, len(state.plan.l0_targets))
        saes = 2 * levels * len(state.plan.seeds)
        return Candidate(
            f"test {variant} on a layer it never saw",
            f"Supported in plan {state.number}, on one layer of one subject. Of {of} such tests so "
            f"far {lost} took the verdict away.",
            f"promote_variant(study={self.name!r}, plan={state.number}, variant={variant!r})",
            self.costs.elsewhere(state.plan.sandbox, saes),
            rule_of_succession(lost, of),
        )


def _mend(state: _State, failure: Failure) -> Candidate:
    """Return what to do about planned runs that failed by themselves: nothing is run again."""
    box, name = state.plan.sandbox, failure.variant
    return Candidate(
        f"mend {name}, which fails as it is now",
        f"Every run of it that plan {state.number} lacks failed by itself, the last one in stage "
        f"{failure.stage}, so it would fail again. suggest_experiments(about='failures') has the "
        "message. A changed file needs a plan of its own.",
        f"check_variant(sandbox={box!r}, variant={name!r})",
        FREE,
        None,
    )


def _is_about(answer: HoldoutAnswer, variant: str) -> bool:
    return any(claim.variant == variant for claim in answer.claims)


def _best_seeds(needed: int | None, chance: Callable[[int], float]) -> tuple[int, str]:
    """Return the number of fresh seeds to take, and where it comes from.

    needed: the number that the comparison computed, if it did.
    """
    if needed is not None:
        return min(max(needed, LEAST_SEEDS), MOST_SEEDS), "as compare_variants computed"
    numbers = (3, 4, 5, 6, 8, 10, 15, 20, 30, MOST_SEEDS)
    enough = next((number for number in numbers if chance(number) >= 0.8), None)
    if enough is not None:
        return enough, "enough in 8 cases of 10"
    return max(numbers, key=lambda number: chance(number) / number), "the most for their time"
