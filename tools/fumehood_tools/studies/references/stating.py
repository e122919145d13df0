"""What a reference says, computed from records alone.

The same functions state a number when a report is written, when `fumehood verify` checks it, and
when a stranger checks an export. So a number in a report can differ from its receipts only if one
of them was changed.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.registry.lookup import metric_named
from fumehood_tools.studies.entries import (
    CONCLUSION,
    EXPERIMENT,
    HOLDOUT,
    PLAN,
    Claim,
    Conclusion,
    Experiment,
    HoldoutAnswer,
    Plan,
    newest_tests,
)
from fumehood_tools.studies.references.grammar import Reference

EXPLORATORY = "EXPLORATORY"
SCORE, FAILURE = "score", "failure"


class Basis(NamedTuple):
    """One record that a reference rests on."""

    place: str
    kind: str
    receipt: str
    record: Mapping[str, Any]


class Stated(NamedTuple):
    """What a reference says.

    shown: as it appears in text. numbers: the values behind it, unrounded. exploratory: whether it
    comes from an analysis that no plan foresaw; `shown` says so too.
    """

    shown: str
    numbers: tuple[float, ...] = ()
    exploratory: bool = False
    verdict: str | None = None


def state(reference: Reference, basis: Sequence[Basis]) -> Stated:
    """Return what a reference says, given all records that it rests on.

    basis: for scores the records of all seeds of the label, failures included; for the study all
    of its entries; else the entry. Raises UnknownName for a field, metric or variant that is not
    there, BadRequest for a metric that was not measured.
    """
    return _STATE[reference.kind](reference, basis)


def seeds_in_words(count: int) -> str:
    """Return "5 seeds" or "1 seed"."""
    return f"{count} seed{'' if count == 1 else 's'}"


def value_of(one: Basis, key: str) -> float | None:
    """Return a metric of a score's own record; None if it was not measured."""
    found = one.record.get("metrics", {}).get(key)
    return None if found is None else float(found)


def _score(reference: Reference, basis: Sequence[Basis]) -> Stated:
    metric = metric_named(reference.field)
    scores = [one for one in basis if one.kind == SCORE]
    chosen = [one for one in scores if is_seed(one, reference.seed)]
    if len(chosen) != 1:
        known = [str(one.record["seed"]) for one in scores]
        hint = f"These seeds of {reference.name} were scored."
        raise UnknownName("seed", reference.seed, known, hint)
    value = _measured(reference, chosen)[0]
    said = f"{value:.{metric.digits + 1}f} (seed {chosen[0].record['seed']} of {len(scores)})"
    return Stated(said, (value, float(len(scores))))


def is_seed(one: Basis, seed: str) -> bool:
    """Return whether a record is the one of a seed, given as number or as a run's folder."""
    return seed in (str(one.record.get("seed")), one.place.rpartition("/")[2])


def _mean(reference: Reference, basis: Sequence[Basis]) -> Stated:
    values = _measured(reference, [one for one in basis if one.kind == SCORE])
    digits, mean = metric_named(reference.field).digits, statistics.fmean(values)
    seeds, failed = seeds_in_words(len(values)), len(basis) - len(values)
    over = f"mean of {seeds}" if len(values) > 1 else seeds
    said = f"{mean:.{digits}f} ({over}{f', {failed} failed' * bool(failed)})"
    return Stated(said, (mean, float(len(values))))


def _sd(reference: Reference, basis: Sequence[Basis]) -> Stated:
    values = _measured(reference, [one for one in basis if one.kind == SCORE])
    if len(values) < 2:
        raise BadRequest(
            f"{reference.text}: a standard deviation needs at least two seeds. Run more seeds."
        )
    digits, sd = metric_named(reference.field).digits, statistics.stdev(values)
    said = f"{sd:.{digits}f} (s.d. over {seeds_in_words(len(values))})"
    return Stated(said, (sd, float(len(values))))


def _measured(reference: Reference, scores: Sequence[Basis]) -> list[float]:
    """Return the metric of every score. Raises BadRequest if one of them lacks it."""
    key = metric_named(reference.field).key
    values = [value_of(one, key) for one in scores]
    lacking = [one.place for one, value in zip(scores, values, strict=True) if value is None]
    if lacking or not values:
        where = f" in {lacking[0]}" if lacking else ""
        raise BadRequest(f"{reference.text}: {key} was not measured{where}. Cite another metric.")
    return [value for value in values if value is not None]


def _conclusion(reference: Reference, basis: Sequence[Basis]) -> Stated:
    content = Conclusion.model_validate(basis[0].record)
    if reference.name:
        return _claim(reference, content, exploratory=not content.registered)
    return _field(reference, content, _OF_CONCLUSION, exploratory=not content.registered)


def _holdout(reference: Reference, basis: Sequence[Basis]) -> Stated:
    content = HoldoutAnswer.model_validate(basis[0].record)
    if reference.name:
        return _claim(reference, content, exploratory=False)
    return _field(reference, content, _OF_HOLDOUT)


def _claim(
    reference: Reference, content: Conclusion | HoldoutAnswer, *, exploratory: bool
) -> Stated:
    """Return a field of a claim. A verdict names its variant and plan, to stay with them."""
    found = {claim.variant: claim for claim in content.claims}
    if reference.name not in found:
        hint = f"Entry {reference.entry} has claims about these only."
        raise UnknownName("variant", reference.name, found, hint)
    claim = found[reference.name]
    if reference.field != "verdict":
        return _field(reference, claim, _OF_CLAIM, exploratory=exploratory)
    mark = f", {EXPLORATORY}" if exploratory else ""
    plan = f"plan {content.plan}" if content.plan else "no plan"
    said = f"{claim.verdict} ({claim.variant}, {plan}{mark})"
    return Stated(said, (), exploratory, claim.verdict)


def _plan(reference: Reference, basis: Sequence[Basis]) -> Stated:
    return _field(reference, Plan.model_validate(basis[0].record), _OF_PLAN)


def _study(reference: Reference, basis: Sequence[Basis]) -> Stated:
    return _field(reference, basis, _OF_STUDY)


def _entry(reference: Reference, basis: Sequence[Basis]) -> Stated:
    one = basis[0]
    exploratory = one.kind == CONCLUSION and not one.record.get("registered")
    mark = f", {EXPLORATORY}" if exploratory else ""
    said = f"entry {reference.entry} ({one.kind}{mark})"
    return Stated(said, (float(reference.entry),), exploratory)


def _field(
    reference: Reference,
    content: Any,
    fields: Mapping[str, Callable[[Any], tuple[str, tuple[float, ...]] | None]],
    *,
    exploratory: bool = False,
) -> Stated:
    """Return one field of an entry. Raises UnknownName, BadRequest if it was not measured."""
    if reference.field not in fields:
        raise UnknownName("field", reference.field, fields, f"It is read from {reference.text}.")
    found = fields[reference.field](content)
    if found is None:
        raise BadRequest(f"{reference.text}: {reference.field} is not known. Cite another field.")
    said, numbers = found
    return Stated(f"{said} ({EXPLORATORY})" if exploratory else said, numbers, exploratory)


def _number(name: str, form: str) -> Callable[[Any], tuple[str, tuple[float, ...]] | None]:
    """Return a reader of one numeric field, shown in a format; None if it is null."""

    def read(content: Any) -> tuple[str, tuple[float, ...]] | None:
        value = getattr(content, name)
        return None if value is None else (format(value, form), (float(value),))

    return read


def _words(name: str) -> Callable[[Any], tuple[str, tuple[float, ...]] | None]:
    return lambda content: (str(getattr(content, name)), ())


def _counted(seeds: Sequence[int]) -> tuple[str, tuple[float, ...]]:
    return seeds_in_words(len(seeds)), (float(len(seeds)),)


def _interval(claim: Claim) -> tuple[str, tuple[float, ...]] | None:
    if claim.low is None or claim.high is None:
        return None
    return f"[{claim.low:+.4f}, {claim.high:+.4f}]", (claim.low, claim.high)


def _total(basis: Sequence[Basis], kind: str) -> tuple[str, tuple[float, ...]]:
    count = sum(one.kind == kind for one in basis)
    return f"{count:,}", (float(count),)


def _started(basis: Sequence[Basis]) -> tuple[str, tuple[float, ...]]:
    found = [Experiment.model_validate(one.record) for one in basis if one.kind == EXPERIMENT]
    count = sum(one.saes for one in found)
    return f"{count:,} SAEs", (float(count),)


def _spent(basis: Sequence[Basis], field: str) -> float | None:
    """Return what the judged plans cost; None if nobody knows. A later look covers earlier ones."""
    newest: dict[int, float] = {}
    for one in basis:
        if one.kind == CONCLUSION:
            content = Conclusion.model_validate(one.record)
            if (cost := getattr(content, field)) is None:
                return None
            newest[content.plan] = max(newest.get(content.plan, 0.0), cost)
    return sum(newest.values())


def _dollars(basis: Sequence[Basis]) -> tuple[str, tuple[float, ...]] | None:
    total = _spent(basis, "usd")
    return None if total is None else (f"{total:.2f}", (total,))


def _minutes(basis: Sequence[Basis], form: str) -> tuple[str, tuple[float, ...]]:
    """Return what judged plans, questions to the holdout and re-tests elsewhere took."""
    tests = [HoldoutAnswer.model_validate(one.record) for one in basis if one.kind == HOLDOUT]
    tested = sum(one.minutes for one in newest_tests(tests))
    total = (_spent(basis, "minutes") or 0.0) + tested
    return form.format(total), (total,)


_OF_CLAIM = {
    "effect": _number("effect", "+.4f"),
    "low": _number("low", "+.4f"),
    "high": _number("high", "+.4f"),
    "p": _number("p", ".2g"),
    "p_adjusted": _number("p_adjusted", ".2g"),
    "seeds": lambda claim: _counted(claim.seeds),
    "interval": _interval,
}
_OF_CONCLUSION = {
    "tries": _number("tries", ",d"),
    "look": _number("look", "d"),
    "minutes": _number("minutes", ".1f"),
    "usd": _number("usd", ".2f"),
}
_OF_HOLDOUT = {"question": _number("question", "d"), "where": _words("where")}
_OF_PLAN = {
    "smallest_effect": _number("smallest_effect", "g"),
    "looks": _number("looks", "d"),
    "seeds": lambda plan: _counted(plan.seeds),
    "metric": _words("metric"),
    "direction": _words("direction"),
    "noise": lambda plan: _number("noise", ".2g")(plan.power),
    "detectable": lambda plan: _number("detectable", ".2g")(plan.power),
    "seeds_needed": lambda plan: _number("seeds_needed", "d")(plan.power),
    "variants": lambda plan: (f"{len(plan.variants):,} variants", (float(len(plan.variants)),)),
    "l0_targets": lambda plan: (
        ", ".join(f"{target:g}" for target in plan.l0_targets) or "none",
        tuple(plan.l0_targets),
    ),
}
_OF_STUDY: dict[str, Callable[[Any], tuple[str, tuple[float, ...]] | None]] = {
    "saes": _started,
    "spent": lambda basis: _minutes(basis, "{:.1f} minutes"),
    "minutes": lambda basis: _minutes(basis, "{:.1f}"),
    "usd": _dollars,
    "entries": lambda basis: (f"{len(basis):,}", (float(len(basis)),)),
    "plans": lambda basis: _total(basis, PLAN),
    "conclusions": lambda basis: _total(basis, CONCLUSION),
}
_STATE: dict[str, Callable[[Reference, Sequence[Basis]], Stated]] = {
    "score": _score,
    "mean": _mean,
    "sd": _sd,
    "conclusion": _conclusion,
    "holdout": _holdout,
    "plan": _plan,
    "study": _study,
    "entry": _entry,
}
RESTS_ON_RECORDS = frozenset(_STATE)
"""Kinds of references that records alone decide. The others are quotes."""
