"""The comparison behind a conclusion in a sandbox with an evaluation of its own.

It is that of `compare_variants` there, with the plan's smallest effect and number of looks. Costs
about 2 s: a child process does the statistics.
"""

from collections.abc import Sequence
from typing import NamedTuple

from fumehood_tools.bench.noise import LEAST_SEEDS
from fumehood_tools.bench.table_rows import Kind
from fumehood_tools.compare.looks import Side
from fumehood_tools.compare.report import Comparison
from fumehood_tools.custom.compare import compare_custom, judged
from fumehood_tools.custom.comparison import BASELINE, CustomComparison
from fumehood_tools.custom.scored import Version, scores_of
from fumehood_tools.custom.sealed import is_pinned
from fumehood_tools.receipts.places import results_of
from fumehood_tools.sandbox.create import Sandbox, open_sandbox
from fumehood_tools.spec import CustomMetric
from fumehood_tools.studies.claims import Aim, claim_of
from fumehood_tools.studies.counting import plans_again
from fumehood_tools.studies.entries import Claim, Plan, PlannedVariant
from fumehood_tools.studies.lab import Lab
from fumehood_tools.studies.own.planning import own_tries
from fumehood_tools.studies.planned import PlannedScores


def own_comparison(lab: Lab, plan: Plan, scores: PlannedScores) -> Comparison | None:
    """Return the comparison of a plan's scores; None if there is nothing to compare."""
    assert plan.own is not None, "the plan is of another kind of sandbox"
    there = [file for file in plan.variants if scores.places[file.name]]
    if not scores.places[plan.baseline.name] or not there:
        return None
    box = open_sandbox(lab.settings, plan.sandbox)
    metric = CustomMetric(name=plan.metric, better=plan.own.better, smallest=plan.smallest_effect)
    tries = own_tries(lab, box, plan.baseline.file_sha256)
    looks = f"p is multiplied by the {plan.looks} looks of the plan" if plan.looks > 1 else ""
    base, *others = (_version(lab, plan, file, scores) for file in (plan.baseline, *there))
    found = CustomComparison(
        sandbox=plan.sandbox,
        metric=plan.metric,
        better=plan.own.better,
        smallest=plan.smallest_effect,
        baseline=plan.baseline.name,
        tries=tries,
        sealed_sha256=plan.own.sealed_sha256,
        pinned=is_pinned(lab.settings.state, box, plan.own.sealed_sha256),
        rows=judged(metric, base, others, tries, {}, (plan.looks, looks)),
    )
    return found.as_comparison()


def _version(lab: Lab, plan: Plan, file: PlannedVariant, scores: PlannedScores) -> Version:
    """Return the planned scores of a file."""
    under, records = results_of(plan.sandbox), lab.own_records(plan.sandbox)
    places = {
        int(records[place]["seed"]): place
        for one in scores.places[file.name]
        for place in [f"{under}/{one}"]
    }
    held = {seed: dict(records[place]) for seed, place in places.items()}
    kind: Kind = "baseline" if file.packaged else "custom"
    return Version(file.name, file.name, kind, False, held, places, Side([]))


class Exploration(NamedTuple):
    """What no plan foresaw: a comparison, its claims, and the places of the scores behind them."""

    comparison: Comparison
    claims: list[Claim]
    used: list[str]


def own_exploration(
    lab: Lab, box: Sandbox, variants: Sequence[str], baseline: str, metric: str
) -> Exploration:
    """Compare the scores of now. variants: empty for all. Raises as `compare_custom` does."""
    scores = scores_of(lab.settings, box)
    more = plans_again(lab)
    found = compare_custom(
        lab.settings, box, list(variants) or None, baseline, metric, scores=scores, more_tries=more
    )
    under, current = f"{results_of(box.name)}/", scores.current()
    aim = Aim("better", found.smallest, 1 if found.better == "higher" else -1)
    claims = [
        claim_of(
            row.variant,
            row.as_compared(),
            aim,
            seeds=sorted(current[row.variant].scores),
            receipts=sorted(current[row.variant].places.values()),
        )
        for row in found.rows
        if row.verdict != BASELINE
    ]
    shown = [found.baseline, *(claim.variant for claim in claims)]
    used = [place.removeprefix(under) for name in shown for place in current[name].places.values()]
    return Exploration(found.as_comparison(), claims, used)


def own_lacks(lab: Lab, plan: Plan, scores: PlannedScores) -> list[str]:
    """Return a sentence on every control that a conclusion lacks."""
    assert plan.own is not None, "the plan is of another kind of sandbox"
    records = lab.own_records(plan.sandbox).values()
    said = []
    if not any(
        record["control"] and record["sealed_sha256"] == plan.own.sealed_sha256
        for record in records
    ):
        said.append("no control (TRAIN = False) was run here: what is reached without the idea?")
    if len(scores.places[plan.baseline.name]) < LEAST_SEEDS:
        name = plan.baseline.name
        said.append(f"{name} has fewer than {LEAST_SEEDS} seeds: its noise is hardly known")
    box = open_sandbox(lab.settings, plan.sandbox)
    if not is_pinned(lab.settings.state, box, plan.own.sealed_sha256):
        said.append("no reviewer has pinned this sandbox's evaluation: validate_sandbox does it")
    return said


def own_minutes(lab: Lab, sandbox: str, places: list[str]) -> float:
    """Return what some scores took to produce and evaluate."""
    under, records = results_of(sandbox), lab.own_records(sandbox)
    seconds: list[float] = [sum(records[f"{under}/{place}"]["seconds"]) for place in places]
    return round(sum(seconds) / 60, 3)
