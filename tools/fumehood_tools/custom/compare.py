"""Compare variants of a custom sandbox in one metric, paired by seed.

p is corrected for tries and looks.

Light: reads records; the child process of compare_variants does the arithmetic, which takes 2 s.
"""

from collections.abc import Iterable, Mapping, Sequence

from fumehood_tools.bench.noise import LEAST_SEEDS
from fumehood_tools.bench.table_rows import Kind
from fumehood_tools.compare import tests_of
from fumehood_tools.compare.looks import look_of, times_for, why_times
from fumehood_tools.compare.question import PairsAsked, PairTest
from fumehood_tools.compare.report import ALPHA
from fumehood_tools.custom.comparison import (
    BASELINE,
    NO_PAIRS,
    CustomComparison,
    CustomRow,
    CustomWord,
)
from fumehood_tools.custom.scored import (
    CustomScores,
    Version,
    mean_and_sd,
    scores_of,
    variant_sha256,
)
from fumehood_tools.custom.sealed import custom_of, is_pinned
from fumehood_tools.custom.tries import count_tries
from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.quoting import one_line
from fumehood_tools.registry.sae_metrics import QUALITY
from fumehood_tools.runs.baselines import USUAL
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.sandbox.variants import variant_names
from fumehood_tools.settings import Settings
from fumehood_tools.spec import CustomMetric

_MESSAGE = 300


def compare_custom(
    settings: Settings,
    box: Sandbox,
    variants: Sequence[str] | None,
    baseline: str,
    metric: str,
    setting: str | None = None,
    scores: CustomScores | None = None,
    more_tries: int = 0,
) -> CustomComparison:
    """Return how variants differ from a baseline. Raises BadRequest for what was not run.

    variants: None for all others that have a score. baseline: if there is no topk, which is the
    default of compare_variants, the `usual_baseline`. metric: QUALITY, which is the default of
    compare_variants, means the headline metric of the sandbox. setting: as in `scores_of`. scores:
    those of that setting, if the caller has read them. more_tries: verdicts beyond those of the
    workspace's records for which p is corrected, too. Only the present version of each file is
    compared; the others count as tries.
    """
    declared = metric_declared(box, metric)
    scores = scores or scores_of(settings, box, setting)
    current = scores.current()
    if baseline not in current and baseline == USUAL:
        baseline = usual_baseline(scores) or baseline
    chosen = [name for name in variants or current if name != baseline]
    if not current:
        names = variant_names(box)
        raise BadRequest(
            f"There is no score in {box.name} yet. Next: run_variants(sandbox={box.name!r}, "
            f"variants={names})."
        )
    if missing := [name for name in (baseline, *chosen) if name not in current]:
        raise BadRequest(_without_score(box, scores, missing))
    base, others = current[baseline], [current[name] for name in chosen]
    looks = {one.variant: look_of(one.runs, base.runs) or 1 for one in others}
    tries = count_tries(settings, box, scores, base.sha256) + more_tries
    return CustomComparison(
        sandbox=box.name,
        metric=declared.name,
        better=declared.better,
        smallest=declared.smallest,
        baseline=baseline,
        tries=tries,
        sealed_sha256=scores.sealed,
        pinned=is_pinned(settings.state, box, scores.sealed),
        left_out=left_out(scores),
        rows=judged(declared, base, others, tries, looks),
    )


def _without_score(box: Sandbox, scores: CustomScores, missing: Sequence[str]) -> str:
    """Return what to do about variants without a score: mend the file that fails, or run it."""
    said = [
        f"{one.variant} has no score here: it failed in {one.stage} with seed {one.seed} "
        f"({one_line(one.message)[:_MESSAGE]}). Mend it, then call check_variant."
        for one in {one.variant: one for one in reversed(scores.unresolved())}.values()
        if one.variant in missing and one.file_version == variant_sha256(box, one.variant)
    ]
    new = [name for name in missing if not any(line.startswith(f"{name} ") for line in said)]
    if new:
        again = f"run_variants(sandbox={box.name!r}, variants={new})"
        said.append(f"{', '.join(new)} has no score here. Run it first: {again}.")
    return " ".join(said)


def usual_baseline(scores: CustomScores) -> str | None:
    """Return the first scored file that came with the sandbox, else the first own one."""
    current = scores.current().items()
    came = [name for name, one in current if one.kind == "baseline"]
    return next(iter([*came, *(name for name, one in current if one.kind == "custom")]), None)


def metric_declared(box: Sandbox, metric: str) -> CustomMetric:
    """Return what sandbox.toml declares about the metric to judge by; QUALITY: the headline."""
    custom = custom_of(box)
    chosen = custom.headline if metric == QUALITY else metric
    declared = {one.name: one for one in custom.metrics}
    if chosen not in declared:
        raise UnknownName("metric", chosen, declared, "Compare by one of this sandbox's metrics.")
    if declared[chosen].better == "none":
        raise BadRequest(
            f"{chosen} is only shown: sandbox.toml does not say whether more or less of it is "
            f"better. Compare by {custom.headline}."
        )
    return declared[chosen]


def left_out(scores: CustomScores) -> list[str]:
    """Return one sentence per kind of score that is not shown."""
    found = [
        f"{count} scores by other sealed files, setting='sealed {digest[:12]}'"
        for digest, count in scores.others.items()
    ]
    return found + [f"{place}: {why}" for place, why in scores.records.broken.items()]


def judged(
    metric: CustomMetric,
    base: Version,
    others: Iterable[Version],
    tries: int,
    looks: Mapping[str, int],
    planned: tuple[int, str] | None = None,
) -> list[CustomRow]:
    """Return the row of the baseline, then one per variant.

    looks: variant -> which look at it this is. planned: what p is multiplied by in a plan instead,
    and why.
    """
    chosen, theirs = list(others), base.values(metric.name)
    pairs = {one.variant: _paired(one.values(metric.name), theirs) for one in chosen}
    same = {one.variant for one in chosen if _is_identical(one, base)}
    asked = {name: some for name, some in pairs.items() if some and name not in same}
    times = {name: planned[0] if planned else times_for(looks[name]) for name in asked}
    ahead = {name: planned[0] if planned else times_for(looks[name] + 1) for name in asked}
    request = PairsAsked(
        pairs=asked, tries=tries, margin=metric.smallest, times=times, times_ahead=ahead
    )
    tests = tests_of(request).tests if asked else {}
    rows = [_plain(base, metric, BASELINE, "")]
    for one in chosen:
        name = one.variant
        if name in same:
            rows.append(_plain(one, metric, "identical", _SAME.format(base.variant)))
        elif name not in tests:
            rows.append(_plain(one, metric, "not comparable", NO_PAIRS.format(base.variant)))
        else:
            why = planned[1] if planned else why_times(looks[name]) * (looks[name] > 1)
            row = _tested(one, metric, len(pairs[name]), tests[name])
            row = row.model_copy(update={"reason": "; ".join(filter(None, [row.reason, why]))})
            alone = sorted(one.values(metric.name).keys() ^ theirs.keys())
            rows.append(_guarded(row, one.kind, alone))
    return rows


_SAME = "it produced the arrays of {0}, byte for byte, with every seed: it is that one, renamed"


def _is_identical(one: Version, base: Version) -> bool:
    """Whether a variant produced the baseline's arrays with every seed that both have."""
    common = one.scores.keys() & base.scores.keys()
    return bool(common) and all(
        one.scores[seed]["produced_sha256"] == base.scores[seed]["produced_sha256"]
        for seed in common
    )


def _paired(ours: dict[int, float], theirs: dict[int, float]) -> list[float]:
    return [ours[seed] - theirs[seed] for seed in sorted(ours.keys() & theirs.keys())]


def _plain(version: Version, metric: CustomMetric, verdict: CustomWord, reason: str) -> CustomRow:
    """Return a row without a test."""
    values = version.values(metric.name)
    mean, _ = mean_and_sd(values.values())
    return CustomRow(
        variant=version.variant,
        kind=version.kind,
        seeds=len(values),
        value=mean,
        verdict=verdict,
        reason=reason,
    )


def _tested(version: Version, metric: CustomMetric, pairs: int, test: PairTest) -> CustomRow:
    verdict, reason = _verdict(metric, pairs, test)
    known = {"pairs": pairs, "mean": test.mean, "low": test.low, "high": test.high}
    known |= {"p": test.p_adjusted, "p_alone": test.p}
    if verdict == "undecided":
        known["seeds_needed"] = test.seeds_needed
    return _plain(version, metric, verdict, reason).model_copy(update=known)


def _guarded(row: CustomRow, kind: Kind, alone: Sequence[int]) -> CustomRow:
    """Return the row, without a verdict of better or worse if there is an objection to it.

    alone: seeds that only one side has. The others may be a selection: those with which the
    baseline was worst, or those with which the variant did not refuse to run.
    """
    if row.verdict == "better" and kind == "control":
        said = "it is a control, which is no method"
        return row.model_copy(update={"verdict": "not trained here", "reason": said})
    if row.verdict in ("better", "worse") and alone:
        seeds = ", ".join(map(str, alone))
        said = f"only one of the two has a score with seeds {seeds}; run both with them"
        return row.model_copy(update={"verdict": "undecided", "reason": said})
    return row


def _verdict(metric: CustomMetric, pairs: int, test: PairTest) -> tuple[CustomWord, str]:
    if pairs < LEAST_SEEDS or test.p_adjusted is None:
        return "undecided", f"{pairs} common seeds; at least {LEAST_SEEDS} are needed"
    if test.is_small:
        return "equal", f"its 95 % interval is within ±{metric.smallest:g}"
    needed = "1,000 seeds would not decide"
    if test.seeds_needed is not None:
        needed = f"{test.seeds_needed} seeds would probably decide"
    if test.p_adjusted > ALPHA:
        return "undecided", f"corrected p {test.p_adjusted:.2g} is above {ALPHA:g}; {needed}"
    if abs(test.mean) < metric.smallest:
        small = f"the mean is below the smallest difference that counts, {metric.smallest:g}"
        return "undecided", f"{small}; {needed}"
    word: CustomWord = "better" if (test.mean > 0) == (metric.better == "higher") else "worse"
    return word, f"{test.mean:+.4g}, corrected p {test.p_adjusted:.2g}"
