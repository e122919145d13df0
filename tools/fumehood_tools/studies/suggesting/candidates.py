"""The most informative next experiments of a study: verdicts expected to change, per minute. Light.

Candidates are: a plan that was run and never judged, a plan that was never run, more seeds for an
undecided variant, the level or baseline without which one could not be compared, a control that a
supported claim lacks, the sealed holdout and another layer for a supported claim, and a new idea.
chances.py has the formula, costs.py the minutes. What exceeds the budget is named, not offered.
Costs a few ms per candidate; the newest MOST_PLANS plans are considered.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from fumehood_tools.errors import FumehoodError
from fumehood_tools.records.seed_lists import short_seeds
from fumehood_tools.studies.entries import Claim, Conclusion, Experiment, HoldoutAnswer, Plan
from fumehood_tools.studies.suggesting.answer import Found, Suggestion
from fumehood_tools.studies.suggesting.board import Board
from fumehood_tools.studies.suggesting.chances import chance_of_verdict, rule_of_succession
from fumehood_tools.studies.suggesting.costs import FREE, Cost, Costs, Left, left_of
from fumehood_tools.studies.suggesting.outlook import Outlook

MOST_PLANS = 60


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
    """A plan, and what became of it."""

    number: int
    plan: Plan
    ran: bool
    conclusion: Conclusion | None
    is_followed: bool
    answers: Sequence[HoldoutAnswer]


def next_experiments(board: Board, costs: Costs, most_minutes: float | None = None) -> Found:
    """Return the candidates, best first. most_minutes: what the next experiment may take."""
    left = left_of(board.study, most_minutes)
    ideas = _Ideas(board, costs, left)
    found: list[Candidate] = []
    notes: list[str] = []
    states = _states(board)
    if len(states) > MOST_PLANS:
        notes.append(f"Only the newest {MOST_PLANS} of {len(states)} plans are considered.")
    for state in states[-MOST_PLANS:]:
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


def _states(board: Board) -> list[_State]:
    study = board.study
    ran = {said.plan for _, said in study.only(Experiment)}
    concluded = {said.plan: said for _, said in study.only(Conclusion)}
    plans = study.only(Plan)
    followed = {said.follows for _, said in plans}
    answers = [said for _, said in study.only(HoldoutAnswer)]
    return [
        _State(
            entry.number,
            plan,
            entry.number in ran,
            concluded.get(entry.number),
            entry.number in followed,
            [answer for answer in answers if answer.plan == entry.number],
        )
        for entry, plan in plans
    ]


class _Ideas:
    """Makes the candidates of one answer."""

    def __init__(self, board: Board, costs: Costs, left: Left) -> None:
        self.board, self.costs, self.left = board, costs, left
        self.name = board.study.name
        self.outlook = Outlook(board)

    def about(self, state: _State) -> Iterator[Candidate]:
        """Yield the candidates of one plan. Raises FumehoodError if its sandbox is gone."""
        if state.conclusion is None:
            yield self._judge(state) if state.ran else self._run(state)
            return
        for claim in state.conclusion.claims:
            if claim.verdict == "inconclusive" and not state.is_followed:
                yield from self._undecided(state, claim)
            if claim.verdict == "supported":
                yield from self._test(state, claim)
        supported = [one for one in state.conclusion.claims if one.verdict == "supported"]
        if state.conclusion.missing_controls and supported:
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
        chance = self._chance_of_new(last, seeds)
        yield Candidate(
            "a new idea",
            f"With {seeds} seeds as in the newest plan. {self.outlook.of_new_in_words(last)}",
            call,
            cost,
            None if chance is None else chance * self.outlook.share_active(),
        )

    def _chance_of_new(self, plan: Plan, seeds: int) -> float | None:
        belief = self.outlook.of_new(plan)
        if belief is None:
            return None
        return chance_of_verdict(belief, seeds, self.outlook.rule(plan, 1))

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
        cost = self.costs.of_run(
            plan.sandbox,
            list(dict.fromkeys([*names, plan.baseline.name])),
            plan.seeds,
            plan.l0_targets,
            plan.grid,
            plan.baseline.name,
        )
        chance = self._chance_of_new(plan, len(plan.seeds))
        return Candidate(
            f"run plan {state.number} ({plan.title})",
            f"It was registered and never run. {self.outlook.of_new_in_words(plan)}",
            f"run_variants(sandbox={plan.sandbox!r}, study={self.name!r}, plan={state.number}, "
            f"variants={names})",
            cost,
            None if chance is None else chance * len(names),
        )

    def _undecided(self, state: _State, claim: Claim) -> Iterator[Candidate]:
        """Yield more seeds for a claim with an effect, else what makes it comparable."""
        plan, belief = state.plan, self.outlook.of_claim(state.plan, claim)
        if claim.effect is None or belief is None:
            yield self._comparable(state, claim)
            return
        rule = self.outlook.rule(plan, 1 + (state.conclusion.look if state.conclusion else 0))
        needed = self.outlook.seeds_needed(state.number, claim.variant)

        def cost_of(count: int) -> Cost:
            return self._rerun(plan, claim.variant, self._seeds(plan, count))

        seeds, source = _best_seeds(
            needed, belief.seeds, lambda n: chance_of_verdict(belief, n, rule)
        )
        if seeds is None:
            return
        cost = cost_of(seeds)
        while not self.left.allows(cost) and seeds > belief.seeds + 1:
            seeds = belief.seeds + (seeds - belief.seeds) // 2
            source, cost = "as many as the budget allows", cost_of(seeds)
        chance = chance_of_verdict(belief, seeds, rule)
        wanted = short_seeds(self._seeds(plan, seeds))
        yield Candidate(
            f"{seeds - belief.seeds} more seeds for {claim.variant}",
            f"Undecided in plan {state.number}: {claim.effect:+.4g} with {belief.seeds} seeds. "
            f"With {seeds} in all ({source}) there is a verdict with chance {chance:.0%}.",
            f"plan_experiment(study={self.name!r}, follows={state.number}, "
            f"variants=[{claim.variant!r}], seeds={wanted})",
            cost,
            chance,
        )

    def _comparable(self, state: _State, claim: Claim) -> Candidate:
        plan = state.plan
        cost = self._rerun(plan, claim.variant, plan.seeds)
        chance = self._chance_of_new(plan, len(plan.seeds))
        targets = f", l0_targets={plan.l0_targets}" if plan.l0_targets else ""
        return Candidate(
            f"what is missing to compare {claim.variant} with {plan.baseline.name}",
            f"No difference could be measured in plan {state.number}: {claim.reason}",
            f"run_variants(sandbox={plan.sandbox!r}, variants=[{claim.variant!r}, "
            f"{plan.baseline.name!r}], seeds={short_seeds(plan.seeds)}{targets})",
            cost,
            chance,
        )

    def _rerun(self, plan: Plan, variant: str, seeds: Sequence[int]) -> Cost:
        names = list(dict.fromkeys([variant, plan.baseline.name]))
        baseline = plan.baseline.name
        return self.costs.of_run(plan.sandbox, names, seeds, plan.l0_targets, plan.grid, baseline)

    def _seeds(self, plan: Plan, count: int) -> list[int]:
        """Return the plan's seeds, and the next ones that nobody chose."""
        more = (seed for seed in range(10_000) if seed not in plan.seeds)
        return [*plan.seeds, *(next(more) for _ in range(count - len(plan.seeds)))]

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

    def _test(self, state: _State, claim: Claim) -> Iterator[Candidate]:
        """Yield the sealed holdout and another layer for a supported claim without them."""
        done = {one.test for one in state.answers if _is_about(one, claim.variant)}
        asked = sum(one.test == "holdout" for _, one in self.board.study.only(HoldoutAnswer))
        if "holdout" not in done and asked < self.board.study.opened.holdout_questions:
            yield self._holdout(state, claim)
        if not done & {"layer", "subject"}:
            yield self._promotion(state, claim)

    def _holdout(self, state: _State, claim: Claim) -> Candidate:
        lost, of = self.outlook.lost("holdout")
        # Nothing is trained; scoring takes part of what an SAE takes, so this is the upper bound.
        saes = len(set(claim.receipts)) or 2 * len(claim.seeds)
        return Candidate(
            f"ask the sealed holdout about {claim.variant}",
            f"Supported in plan {state.number}, on documents that were seen. Of {of} such tests so "
            f"far {lost} took the verdict away.",
            f"ask_holdout(study={self.name!r}, plan={state.number})",
            Cost(0, self.costs.minutes(state.plan.sandbox, saes)),
            rule_of_succession(lost, of),
        )

    def _promotion(self, state: _State, claim: Claim) -> Candidate:
        lost, of = self.outlook.lost("layer", "subject")
        levels = max(1, len(state.plan.l0_targets))
        saes = 2 * levels * len(state.plan.seeds)
        return Candidate(
            f"test {claim.variant} on a layer it never saw",
            f"Supported in plan {state.number}, on one layer of one subject. Of {of} such tests so "
            f"far {lost} took the verdict away.",
            f"promote_variant(study={self.name!r}, plan={state.number}, variant={claim.variant!r})",
            self.costs.elsewhere(state.plan.sandbox, saes),
            rule_of_succession(lost, of),
        )


def _is_about(answer: HoldoutAnswer, variant: str) -> bool:
    return any(claim.variant == variant for claim in answer.claims)


def _best_seeds(
    needed: int | None, seen: int, chance: Callable[[int], float]
) -> tuple[int | None, str]:
    """Return the seeds to have in all, and where the number comes from; None if none would help.

    needed: the number that the comparison computed, if it did.
    """
    if needed is not None and needed > seen:
        return min(needed, 50), "as compare_variants computed"
    numbers = [seen + more for more in (1, 2, 3, 5, 8, 12, 20, 30) if seen + more <= 50]
    enough = next((number for number in numbers if chance(number) >= 0.8), None)
    if enough is not None:
        return enough, "enough in 8 cases of 10"
    best = max(numbers, key=lambda number: chance(number) / (number - seen), default=None)
    return best, "the most for their time"
