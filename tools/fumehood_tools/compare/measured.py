"""The inputs of one comparison: points by variant, the baseline's curves, and its noise."""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from fumehood_tools.bench.noise import LEAST_SEEDS
from fumehood_tools.compare.evidence import (
    Baseline,
    MeasuredDifference,
    curve_of_work,
    find,
    levels_of,
    tested_levels,
)
from fumehood_tools.compare.matched import Curve, mean_curve
from fumehood_tools.compare.question import Question, ScoredSae
from fumehood_tools.compare.report import Level
from fumehood_tools.compare.statistics import effect, noise_floor, seed_spread

_NAMED = 3
_ROUNDING = 1e-5
"""Scores of the same weights differ by the order of the rows: L1 by 3e-7, others by less."""


class Measured:
    """The points of one question."""

    def __init__(self, question: Question) -> None:
        self.metric, self.name_of_base = question.metric.key, question.baseline
        self.sign = question.metric.sign
        self.at_noise = {
            metric.key: metric.at_noise
            for metric in (question.metric, *question.beside)
            if metric.at_noise
        }
        """Metric -> the metric used in its place when a decoder is nonlinear."""
        self.by_variant: dict[str, list[ScoredSae]] = defaultdict(list)
        for point in question.points:
            self.by_variant[point.variant].append(point)
        self.base = self.by_variant[question.baseline]
        self.controls = [n for n, some in self.by_variant.items() if some[0].kind == "control"]
        self.others = [n for n in self.by_variant if n not in (question.baseline, *self.controls)]
        self._baselines: dict[str, Baseline] = {}
        self._identical: dict[str, str | None] = {}

    def is_packaged(self, name: str) -> bool:
        """Whether a variant is a baseline that came with the sandbox."""
        return self.by_variant[name][0].kind == "baseline"

    def was_trained(self, name: str) -> bool:
        """Whether the weights of every SAE of a variant come from an observed training."""
        return all(point.trained_here for point in self.by_variant[name])

    def same_weights(self, name: str, other: str) -> list[bool]:
        """Return, for each SAE with the weights of another variant's, if its scores are too.

        Only SAEs of the levels that count, with a seed that the other has. The weights are compared
        byte for byte.
        """
        twins = {(point.seed, point.weights_sha256): point for point in self.by_variant[other]}
        pairs = [
            (point, twins.get((point.seed, point.weights_sha256)))
            for point in self._counting(name, other)
            if point.weights_sha256 is not None
        ]
        return [self._is_same(point, twin) for point, twin in pairs if twin is not None]

    def _is_same(self, point: ScoredSae, other: ScoredSae) -> bool:
        """Whether two SAEs agree in L0 and in every value that both have, up to rounding.

        Values at noise are left out, as the noise is drawn anew for every score.
        """
        both = point.values.keys() & other.values.keys() - set(self.at_noise.values())
        pairs = [(point.values[key], other.values[key]) for key in both]
        return all(
            math.isclose(one, two, rel_tol=_ROUNDING, abs_tol=_ROUNDING)
            for one, two in [(point.l0, other.l0), *pairs]
        )

    def identical_to(self, name: str) -> str | None:
        """Return the baseline, or another packaged variant, whose weights and scores a file has.

        None for all others, and for packaged variants.
        """
        if name not in self._identical:
            known = [self.name_of_base, *(n for n in self.others if self.is_packaged(n))]
            own = not self.is_packaged(name)
            found = (one for one in known if own and self._is_another(name, one))
            self._identical[name] = next(found, None)
        return self._identical[name]

    def _is_another(self, name: str, other: str) -> bool:
        same = self.same_weights(name, other)
        return bool(same) and all(same) and len(same) == len(self._counting(name, other))

    def _counting(self, name: str, other: str) -> list[ScoredSae]:
        """Return the SAEs of the levels that count, with seeds that another variant has."""
        tested, seeds = self.tested(name), {point.seed for point in self.by_variant[other]}
        return [
            point
            for point in self.by_variant[name]
            if point.label in tested and point.seed in seeds
        ]

    def is_nonlinear(self, name: str) -> bool:
        """Whether a variant or the baseline has a nonlinear decoder."""
        return any(point.nonlinear for point in (*self.by_variant[name], *self.base))

    def seen_as(self, name: str, metric: str) -> str:
        """Return the metric by which a variant and the baseline are compared."""
        return self.at_noise.get(metric, metric) if self.is_nonlinear(name) else metric

    def baseline(self, metric: str) -> Baseline:
        """Return the baseline's curves in one metric."""
        if metric not in self._baselines:
            self._baselines[metric] = Baseline(self.base, metric)
        return self._baselines[metric]

    def find(self, name: str, metric: str) -> MeasuredDifference:
        """Return the measured difference between a variant and the baseline."""
        return find(self.by_variant[name], self.baseline(self.seen_as(name, metric)))

    def competing(self) -> list[ScoredSae]:
        """Return the points that compete for the Pareto front.

        SAEs with nonlinear decoders have their values replaced by those at noise. A variant that is
        another one is left out.
        """
        renamed = {name for name in self.others if self.identical_to(name) is not None}
        return [
            point if not point.nonlinear else _at_noise(point, self.at_noise)
            for point in [p for some in self.by_variant.values() for p in some]
            if point.kind != "control" and point.trained_here and point.variant not in renamed
        ]

    def spread(self, metric: str) -> tuple[float, int] | None:
        """Return the baseline's standard deviation over seeds and its degrees of freedom.

        None if it is unknown.
        """
        return seed_spread(by_label(self.base, metric))

    def floor(self, seeds: int, metric: str | None = None) -> float | None:
        """Return the noise floor for means of `seeds` seeds; None if the spread is unknown."""
        spread = self.spread(metric or self.metric)
        return None if spread is None else noise_floor(*spread, seeds)

    def tested(self, name: str) -> dict[str, dict[int, float]]:
        """Return the levels that count: label -> seed -> difference."""
        baseline = self.baseline(self.seen_as(name, self.metric))
        return tested_levels(levels_of(self.by_variant[name], baseline))

    def shown_levels(self, name: str, points: Sequence[ScoredSae]) -> list[Level]:
        """Return the levels of a variant without steps of a search, in order of L0."""
        tested, steps = self.tested(name), self.steps(name)
        baseline = self.baseline(self.seen_as(name, self.metric))
        levels = [
            Level(
                label=label,
                l0=statistics.fmean(point.l0 for point in points if point.label == label),
                effect=effect(list(seeds.values())),
                tested=label in tested,
            )
            for label, seeds in levels_of(points, baseline).items()
            if label not in steps
        ]
        return sorted(levels, key=lambda level: level.l0)

    def moves_front(self, name: str, is_better: bool) -> bool | None:
        """Whether a better variant also beats every baseline at one level by more than noise.

        None: unknown, as no baseline covers its L0, or seeds are too few.
        """
        metric, found = self.seen_as(name, self.metric), []
        rivals = self.rivals(metric)
        for label, values in by_label(self.by_variant[name], metric).items():
            l0 = statistics.fmean(p.l0 for p in self.by_variant[name] if p.label == label)
            floor = self.floor(len(values), metric)
            at = [
                self.sign * value + abs(curve.error_at(l0))
                for curve in rivals
                if (value := curve.at(l0)) is not None
            ]
            if at and floor is not None and len(values) >= LEAST_SEEDS:
                found.append(self.sign * statistics.fmean(values) > max(at) + floor)
        return any(found) and is_better if found else None

    def work(self, name: str) -> float | None:
        """Return a variant's training processor time over the baseline's at the same L0.

        None if it is unknown.
        """
        curve = curve_of_work(self.base)
        ratios = []
        for label in self.tested(name):
            some = [point for point in self.by_variant[name] if point.label == label]
            theirs = curve.at(statistics.fmean(p.l0 for p in some)) if curve else None
            if not theirs or any(point.work is None for point in some):
                return None
            ratios.append(statistics.fmean(point.work or 0.0 for point in some) / theirs)
        return statistics.fmean(ratios) if ratios else None

    def weights(self, name: str) -> float | None:
        """Return the bytes of a variant's weights over the baseline's; None if unknown."""
        sides = [
            [point.weights for point in points if point.weights]
            for points in (self.by_variant[name], self.base)
        ]
        return statistics.fmean(sides[0]) / statistics.fmean(sides[1]) if all(sides) else None

    def few(self, name: str) -> str:
        """Return a phrase that names the levels with too few seeds to be tested.

        Without steps of a search, see `steps`.
        """
        steps = self.steps(name)
        seeds = {
            label: count for label, count in self._untested(name).items() if label not in steps
        }
        named = [f"{label} ({count})" for label, count in sorted(seeds.items())]
        more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        return ", ".join(named[:_NAMED]) + more

    def steps(self, name: str) -> list[str]:
        """Return the labels that look like steps of a search for a target L0.

        A search changes the KNOB alone, and makes its steps with one seed.
        """
        knobs = {p.label: p.knob for p in self.by_variant[name] if p.parameters.keys() <= {p.knob}}
        untested = self._untested(name).items()
        return [label for label, count in untested if count == 1 and knobs.get(label)]

    def steps_left_out(self) -> list[str]:
        """Return a line on the steps of searches for a target L0, if there are any."""
        steps = [label for name in self.others for label in self.steps(name)]
        if not steps:
            return []
        more = f" and {len(steps) - _NAMED} more" if len(steps) > _NAMED else ""
        return [
            f"not tested: {len(steps)} x a level with one seed, as a search for a target L0 leaves "
            f"them ({', '.join(steps[:_NAMED])}{more})"
        ]

    def _untested(self, name: str) -> dict[str, int]:
        """Return label -> seeds of the levels that are not tested."""
        tested = self.tested(name)
        values = by_label(self.by_variant[name], self.metric)
        return {label: len(some) for label, some in values.items() if label not in tested}

    def rivals(self, metric: str) -> list[Curve]:
        """Return the mean curves of all packaged baselines and of the chosen baseline."""
        return [
            curve
            for name, points in self.by_variant.items()
            if (self.is_packaged(name) or name == self.name_of_base)
            and (curve := mean_curve(points, metric))
        ]


def _at_noise(point: ScoredSae, at_noise: Mapping[str, str]) -> ScoredSae:
    """Return the point with its values replaced by those at noise, or removed if not measured."""
    values = {key: value for key, value in point.values.items() if key not in at_noise}
    values |= {key: values[there] for key, there in at_noise.items() if there in values}
    return point.model_copy(update={"values": values})


def by_label(points: Iterable[ScoredSae], metric: str) -> dict[str, list[float]]:
    """Return label -> the values of one metric, for the points that have it."""
    found: dict[str, list[float]] = defaultdict(list)
    for point in points:
        if metric in point.values:
            found[point.label].append(point.values[metric])
    return found
