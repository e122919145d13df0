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
    adjusted_by_direction,
    effect,
    is_within,
    noise_floor,
    p_value,
    seed_spread,
    seeds_for_equal,
    seeds_needed,
)


class _Verdict(NamedTuple):
    word: Word
    reason: str
    seeds_needed: int | None = None


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
        self.means: dict[str, float] = {}
        self.ps: dict[str, float] = {}
        for name in self.others:
            pairs = self.pairs(name, self.metric)
            if (p := p_value(pairs)) is not None:
                self.means[name], self.ps[name] = statistics.fmean(pairs), p
        packaged = {name: p for name, p in self.ps.items() if self.is_packaged(name)}
        tried = {name: p for name, p in self.ps.items() if name not in packaged}
        self.tries = max(question.tries, len(tried))
        # Nobody tried the packaged ones in the hope of a gain, and many of them surely differ: in
        # the family of the variants they would lower what a variant has to reach.
        self.corrected = {
            **adjusted_by_direction(tried, self.means, self.tries),
            **adjusted_by_direction(packaged, self.means, len(packaged)),
        }
        self.rivals = [
            curve
            for name, points in self.by_variant.items()
            if (self.is_packaged(name) or name == question.baseline)
            and (curve := mean_curve(points, self.metric))
        ]

    def is_packaged(self, name: str) -> bool:
        """Whether a variant is a baseline that came with the sandbox."""
        return self.by_variant[name][0].kind == "baseline"

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
            warnings=question.warnings,
            left_out=question.left_out,
            next=self.next_step(rows),
        )

    def levels(self, name: str, metric: Metric) -> dict[str, dict[int, float]]:
        """Return label -> seed -> difference of one variant."""
        return differences(self.by_variant.get(name, []), self.curves[metric], metric)

    def tested(self, name: str, metric: Metric) -> dict[str, dict[int, float]]:
        """Return the levels that count, cut to the seeds that all of them have.

        Those with three seeds or more; else those with the most. One with fewer (a try on the way
        to an L0) is shown, and not tested.
        """
        levels = self.levels(name, metric)
        most = max(levels.values(), key=len, default={})
        least = min(len(most), LEAST_SEEDS)
        whole = {label: seeds for label, seeds in levels.items() if len(seeds) >= least}
        shared = sorted(set(most).intersection(*whole.values()))
        if len(shared) < least:
            return {label: seeds for label, seeds in whole.items() if seeds.keys() == most.keys()}
        return {label: {s: seeds[s] for s in shared} for label, seeds in whole.items()}

    def pairs(self, name: str, metric: Metric) -> list[float]:
        """Return a difference per seed, the mean over the levels that count."""
        whole = list(self.tested(name, metric).values())
        seeds = sorted(whole[0]) if whole else []
        return [statistics.fmean(level[seed] for level in whole) for seed in seeds]

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
            seeds_needed=verdict.seeds_needed,
            front=self.moves_front(points, verdict.word),
            change=self.question.changes.get(name),
        )

    def shown_levels(self, name: str, points: Sequence[Point]) -> list[Level]:
        """Return the levels of a variant, by L0."""
        tested = self.tested(name, self.metric)
        levels = [
            Level(
                label=label,
                l0=statistics.fmean(point.l0 for point in points if point.label == label),
                effect=effect(list(seeds.values())),
                tested=label in tested,
            )
            for label, seeds in self.levels(name, self.metric).items()
        ]
        return sorted(levels, key=lambda level: level.l0)

    def verdict(self, name: str, pairs: Sequence[float]) -> _Verdict:
        """Return the word for a variant's differences, and why."""
        if len(pairs) < 2:
            return _Verdict("not comparable", self.why_not(name))
        mean, floor = self.means[name], self.floor(len(pairs))
        split = self.split(name, mean, floor)
        if len(pairs) >= LEAST_SEEDS and self.is_real(name, floor):
            small = f", though within the margin of {self.margin:g}" * (abs(mean) < self.margin)
            said = f"{mean:+.4f}, corrected p {self.corrected[name]:.2g}{small}{split}"
            return _Verdict("better" if mean > 0 else "worse", said)
        if is_within(pairs, self.margin):
            if split:
                return _Verdict("undecided", f"{mean:+.4f} on average{split}")
            return _Verdict("equal", f"within ±{self.margin:g}")
        if len(pairs) < LEAST_SEEDS:
            return _Verdict("undecided", f"{len(pairs)} seeds; {LEAST_SEEDS} are the least")
        if floor is None:
            noise = f"the noise of {self.question.baseline} is not known: run 3 seeds of it"
            return _Verdict("undecided", f"{mean:+.4f}; {noise}{split}")
        needed = self.seeds_for(pairs)
        more = f"{needed} seeds would decide" if needed else "1,000 seeds would not decide"
        said = f"{mean:+.4f}, p {self.ps[name]:.2g}; {more}{split}"
        return _Verdict("undecided", said, needed)

    def is_real(self, name: str, floor: float | None) -> bool:
        """Whether a difference is larger than noise, and sure after all that was tried."""
        return floor is not None and abs(self.means[name]) > floor and self.corrected[name] <= ALPHA

    def split(self, name: str, mean: float, floor: float | None) -> str:
        """Return the levels that the mean hides, in words: they lie elsewhere, and matter."""
        least = max(self.margin, floor or 0.0)
        hidden = [
            f"{found:+.4f} for {label}"
            for label, seeds in self.tested(name, self.metric).items()
            if abs(found := statistics.fmean(seeds.values())) > least
            and (found * mean < 0 or abs(mean) <= self.margin)
        ]
        return f"; its levels differ: {', '.join(hidden)}" if hidden else ""

    def why_not(self, name: str) -> str:
        """Return why a variant has fewer than two differences."""
        points = [p for p in self.by_variant[name] if self.metric in p.values]
        if not points:
            return f"{self.metric} was not measured"
        seeds = {point.seed for point in points} & set(self.curves[self.metric])
        if len(seeds) < 2:
            return f"{len(seeds)} seeds in common with {self.question.baseline}: run 3 of both"
        own, base = (
            f"L0 {low:.0f}" if f"{low:.0f}" == f"{high:.0f}" else f"L0 {low:.0f} to {high:.0f}"
            for low, high in (_range(points), _range(self.by_variant[self.question.baseline]))
        )
        return (
            f"{own} is not covered by {self.question.baseline} ({base}): "
            "run_variants with l0_targets for both"
        )

    def seeds_for(self, pairs: Sequence[float]) -> int | None:
        """Return the seeds that would decide on the difference seen: it is real, or it is none."""
        own = statistics.stdev(pairs)
        spread = max(own, 2**0.5 * self.spread[0]) if self.spread else own
        mean = statistics.fmean(pairs)
        ways = seeds_needed(mean, spread, self.tries), seeds_for_equal(mean, spread, self.margin)
        return min((seeds for seeds in ways if seeds is not None), default=None)

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

    def moves_front(self, points: Sequence[Point], word: Word) -> bool | None:
        """Whether a better one has a level above all baselines by more than noise; None: unknown.

        At an L0 that no baseline reaches nothing is said.
        """
        found = []
        for label, values in _by_label(points, self.metric).items():
            l0 = statistics.fmean(point.l0 for point in points if point.label == label)
            floor = self.floor(len(values))
            at = [value for curve in self.rivals if (value := curve.at(l0)) is not None]
            if at and floor is not None and len(values) >= LEAST_SEEDS:
                found.append(statistics.fmean(values) > max(at) + floor)
        return any(found) and word == "better" if found else None

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


def _range(points: Sequence[Point]) -> tuple[float, float]:
    l0s = [point.l0 for point in points]
    return min(l0s), max(l0s)


def _by_label(points: Sequence[Point], metric: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = defaultdict(list)
    for point in points:
        if metric in point.values:
            found[point.label].append(point.values[metric])
    return found
