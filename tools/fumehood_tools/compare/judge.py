"""From points to a comparison: runs in the child process, where numpy and scipy are."""

import statistics
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from fumehood_tools.bench.table_rows import CONTROL
from fumehood_tools.compare.matched import (
    curves_by_seed,
    differences,
    mean_curve,
    pareto_front,
)
from fumehood_tools.compare.question import Point, Question
from fumehood_tools.compare.report import (
    ALPHA,
    DEFINITIONS,
    MARGINS,
    METRICS,
    Compared,
    Comparison,
    Level,
    Metric,
    Word,
)
from fumehood_tools.compare.statistics import (
    LEAST_SEEDS,
    adjusted,
    effect,
    is_within,
    noise_floor,
    p_value,
    seed_spread,
    seeds_needed,
)


class _Verdict(NamedTuple):
    word: Word
    reason: str


class Judge:
    """One question, and what its answer stands on."""

    def __init__(self, question: Question) -> None:
        """Compute what all rows need: curves, noise, the corrected p of every variant."""
        self.question, self.metric = question, question.metric
        self.margin = MARGINS[self.metric]
        self.by_variant: dict[str, list[Point]] = defaultdict(list)
        for point in question.points:
            self.by_variant[point.variant].append(point)
        base = self.by_variant[question.baseline]
        self.curves = {metric: curves_by_seed(base, metric) for metric in (*METRICS, self.metric)}
        self.spread = seed_spread(_by_label(base, self.metric))
        self.others = [n for n in self.by_variant if n not in (question.baseline, CONTROL)]
        ps = {name: p_value(self.pairs(name, self.metric)) for name in self.others}
        self.ps = {name: p for name, p in ps.items() if p is not None}
        self.tries = max(question.tries, len(self.ps))
        self.corrected = adjusted(self.ps, self.tries)
        self.rivals = [
            curve
            for points in self.by_variant.values()
            if points[0].kind == "baseline" and (curve := mean_curve(points, self.metric))
        ]

    def answer(self) -> Comparison:
        """Return the comparison."""
        question = self.question
        order = {word: place for place, word in enumerate(DEFINITIONS)}
        rows = [
            self.row(name)
            for name in self.others
            if question.variants is None or name in question.variants
        ]
        rows.sort(key=lambda row: (order[row.verdict], -(row.effect.mean if row.effect else 0)))
        control = self.pairs(CONTROL, self.metric)
        competing = [point for point in question.points if point.kind != "control"]
        covers = [curve.covers for curve in self.curves[self.metric].values()]
        return Comparison(
            sandbox=question.sandbox,
            setting=question.setting,
            metric=self.metric,
            baseline=question.baseline,
            l0_range=(max(low for low, _ in covers), min(high for _, high in covers)),
            tries=self.tries,
            noise_floor=self.floor(LEAST_SEEDS),
            margin=self.margin,
            power=self.power(),
            rows=rows,
            floor=effect(control) if control else None,
            pareto=pareto_front(competing, self.metric),
            definitions={str(word): text for word, text in DEFINITIONS.items()},
            left_out=question.left_out,
            next=self.next_step(rows),
        )

    def levels(self, name: str, metric: Metric) -> dict[str, dict[int, float]]:
        """Return label -> seed -> difference of one variant."""
        return differences(self.by_variant.get(name, []), self.curves[metric], metric)

    def pairs(self, name: str, metric: Metric) -> list[float]:
        """Return a difference per seed: the mean over the levels that have all of those seeds.

        A level with fewer seeds (a try on the way to an L0) is shown, and not tested.
        """
        levels = self.levels(name, metric)
        if not levels:
            return []
        most = max(len(seeds) for seeds in levels.values())
        whole = [seeds for seeds in levels.values() if len(seeds) == most]
        shared = set.intersection(*(set(seeds) for seeds in whole))
        return [statistics.fmean(seeds[seed] for seeds in whole) for seed in sorted(shared)]

    def floor(self, seeds: int) -> float | None:
        """Return the noise floor for so many seeds, None when the baseline's spread is unknown."""
        return None if self.spread is None else noise_floor(*self.spread, seeds)

    def row(self, name: str) -> Compared:
        """Return what is said of one variant."""
        pairs, points = self.pairs(name, self.metric), self.by_variant[name]
        verdict = self.verdict(name, pairs)
        other = {
            metric: effect(found)
            for metric in METRICS
            if metric != self.metric and (found := self.pairs(name, metric))
        }
        return Compared(
            variant=name,
            verdict=verdict.word,
            reason=verdict.reason,
            effect=effect(pairs) if pairs else None,
            p=self.ps.get(name),
            p_adjusted=self.corrected.get(name),
            levels=self.shown_levels(name, points),
            other=other,
            seeds_needed=self.seeds_for(pairs) if verdict.word == "undecided" else None,
            front=self.moves_front(points),
            change=self.question.changes.get(name),
        )

    def shown_levels(self, name: str, points: Sequence[Point]) -> list[Level]:
        """Return the levels of a variant, by L0."""
        levels = [
            Level(
                label=label,
                l0=statistics.fmean(point.l0 for point in points if point.label == label),
                effect=effect(list(seeds.values())),
            )
            for label, seeds in self.levels(name, self.metric).items()
        ]
        return sorted(levels, key=lambda level: level.l0)

    def verdict(self, name: str, pairs: Sequence[float]) -> _Verdict:
        """Return the word for a variant's differences, and why."""
        if len(pairs) < 2:
            return _Verdict("not comparable", self.why_not(name))
        mean, floor = statistics.fmean(pairs), self.floor(len(pairs))
        beyond = floor is not None and abs(mean) > floor
        if len(pairs) >= LEAST_SEEDS and beyond and self.corrected[name] <= ALPHA:
            small = f", though within the margin of {self.margin:g}" * (abs(mean) < self.margin)
            word: Word = "better" if mean > 0 else "worse"
            return _Verdict(word, f"{mean:+.4f}, corrected p {self.corrected[name]:.2g}{small}")
        if is_within(pairs, self.margin):
            return _Verdict("equal", f"within ±{self.margin:g}")
        if len(pairs) < LEAST_SEEDS:
            return _Verdict("undecided", f"{len(pairs)} seeds; {LEAST_SEEDS} are the least")
        needed = self.seeds_for(pairs)
        more = f"{needed} seeds would decide" if needed else "no number of seeds we know would"
        return _Verdict("undecided", f"{mean:+.4f}, p {self.ps[name]:.2g}; {more}")

    def why_not(self, name: str) -> str:
        """Return why a variant has fewer than two differences."""
        points = [p for p in self.by_variant[name] if self.metric in p.values]
        if not points:
            return f"{self.metric} was not measured"
        seeds = {point.seed for point in points} & set(self.curves[self.metric])
        if len(seeds) < 2:
            return f"{len(seeds)} seeds in common with {self.question.baseline}: run 3 of both"
        l0s = sorted(point.l0 for point in points)
        return (
            f"L0 {l0s[0]:.0f} to {l0s[-1]:.0f} is not covered by {self.question.baseline}: "
            "run_variants with l0_targets for both"
        )

    def seeds_for(self, pairs: Sequence[float]) -> int | None:
        """Return the seeds that would decide on a difference as large as the one seen."""
        if len(pairs) < 2:
            return None
        own = statistics.stdev(pairs)
        spread = max(own, 2**0.5 * self.spread[0]) if self.spread else own
        return seeds_needed(statistics.fmean(pairs), spread, self.tries)

    def power(self) -> str:
        """Return what it takes to see a difference that matters."""
        if self.spread is None:
            return f"{self.question.baseline} has no level with two seeds: noise is not known."
        needed = seeds_needed(self.margin, 2**0.5 * self.spread[0], self.tries)
        if needed is None:
            return f"A difference of {self.margin:g} cannot be seen here, whatever the seeds."
        seconds = statistics.fmean(point.seconds for point in self.question.points)
        minutes = needed * 2 * seconds / 60
        return (
            f"To see a difference of {self.margin:g} among {self.tries} tries 8 times in 10 takes "
            f"{needed} seeds of both: about {minutes:.0f} min of one core."
        )

    def moves_front(self, points: Sequence[Point]) -> bool | None:
        """Whether some level lies above all packaged baselines by more than noise; None: no curve.

        At an L0 that no baseline reaches nothing is said.
        """
        found = []
        for label, values in _by_label(points, self.metric).items():
            l0 = statistics.fmean(point.l0 for point in points if point.label == label)
            floor = self.floor(len(values))
            at = [value for curve in self.rivals if (value := curve.at(l0)) is not None]
            if at and floor is not None and len(values) >= LEAST_SEEDS:
                found.append(statistics.fmean(values) > max(at) + floor)
        return any(found) if found else None

    def next_step(self, rows: Sequence[Compared]) -> str:
        """Return what to call next."""
        if any(row.verdict == "not comparable" for row in rows):
            return (
                f"run_variants(sandbox={self.question.sandbox!r}, variants=[…], seeds=[0, 1, 2], "
                f"l0_targets=[…]) for the variants and {self.question.baseline}"
            )
        if any(row.verdict == "undecided" for row in rows):
            return "run_variants with more seeds for what is undecided and matters, or let it go"
        return f"plot_benchmarks(sandbox={self.question.sandbox!r})"


def _by_label(points: Sequence[Point], metric: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = defaultdict(list)
    for point in points:
        if metric in point.values:
            found[point.label].append(point.values[metric])
    return found
