"""A variant against the baseline trained in another way: whether it wins, by how much, on what.

A rival is beaten if the difference is a gain above the rival's own noise floor, and its p times the
number of tries is at most 0.05 (Bonferroni). That is stricter than the correction of the verdict
itself: a variant has to beat every rival, so the certainty of one must not depend on how clearly
other variants beat theirs.

A rival counts only where it can be compared at every level of the variant that is tested, with
three seeds. With some of the levels (while its run is going on, or if only some were asked for) the
difference would be another one, and whoever runs the rival could choose the levels.
"""

import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

from fumehood_tools.bench.noise import LEAST_SEEDS
from fumehood_tools.compare.evidence import Baseline, find, levels_of, tested_levels
from fumehood_tools.compare.matched import unknown_slope
from fumehood_tools.compare.measured import Measured, by_label
from fumehood_tools.compare.question import Question, Rival
from fumehood_tools.compare.report import ALPHA
from fumehood_tools.compare.statistics import (
    noise_floor,
    seed_spread,
    seeds_above_noise,
    seeds_needed,
)


class Contest(NamedTuple):
    """One variant against one rival."""

    rival: Rival
    trained: str
    """The rival in words: "topk trained with lr 0.004"."""
    mean: float
    seeds: int
    levels: tuple[int, int]
    """Levels at which the two can be compared, and levels that are tested."""
    p: float | None
    """Multiplied by the number of tries, and for looks; at most 1. None with too few seeds."""
    tries: int
    is_gain: bool
    exceeds_noise: bool
    times: int = 1
    """What p is multiplied by for looks, besides the tries."""
    needed: int | None = None
    """Seeds with which a gain is likely to be certain; None: unknown, or it is none."""

    @property
    def is_whole(self) -> bool:
        """Whether it can be decided: three seeds at every level."""
        return self.p is not None and self.seeds >= LEAST_SEEDS and self.levels[0] == self.levels[1]

    @property
    def is_won(self) -> bool:
        """Whether the variant beats the rival."""
        return self.is_whole and self.exceeds_noise and self.p is not None and self.p <= ALPHA

    def basis(self) -> str:
        """Return what the difference rests on: "3 seeds at 2 of 2 L0s"."""
        there, tested = self.levels
        return f"{self.seeds} seeds at {there} of {tested} L0{'s' * (tested != 1)}"

    def text(self) -> str:
        """Return the difference as text, with what it rests on and why it is certain or not."""
        looks = f" x {self.times} for looks" if self.times > 1 else ""
        tries = "1 try" if self.tries == 1 else f"{self.tries} tries"
        p = f", p x {tries}{looks} {self.p:.2g}" if self.p is not None else ""
        p = p if self.is_gain else ""
        noise = ", not above its noise floor" if self.is_gain and not self.exceeds_noise else ""
        return (
            f"{self.mean:+.4f} against {self.trained} on the same data ({self.basis()}{p}{noise})"
        )

    def objection(self) -> str | None:
        """Return why a variant's gain over the baseline does not count; None if it wins here."""
        if self.is_won:
            return None
        if not self.is_gain:
            return f"{self.text()}, which is no gain"
        more = f": {self.needed} seeds of all three would decide" if self.needed else ""
        return f"{self.text()}, which is no certain gain{more}"


class Contests:
    """The contests of one question."""

    def __init__(
        self,
        question: Question,
        measured: Measured,
        tries: int,
        times: Callable[[str], int] = lambda name: 1,
    ) -> None:
        """tries: variants for which p values are corrected. times: name -> what p is multiplied by
        for looks."""
        self.question, self.measured, self.tries = question, measured, tries
        self.times = times

    def of(self, name: str) -> list[Contest]:
        """Return the contests of a variant with all rivals."""
        return [self.against(name, rival) for rival in self.question.rivals]

    def notes(self, name: str, word: str) -> list[str]:
        """Return the margins of a better variant: what decided must be seen while it does, too."""
        return [one.text() for one in self.of(name) if one.is_whole] if word == "better" else []

    def against(self, name: str, rival: Rival) -> Contest:
        """Return the contest of a variant with one rival."""
        metric = self.measured.seen_as(name, self.question.metric.key)
        points, base = self.measured.by_variant[name], Baseline(rival.points, metric)
        found, error = find(points, base), unknown_slope(points, base.curves, metric)
        wanted, there = self.measured.tested(name), tested_levels(levels_of(points, base))
        spread, seeds = seed_spread(by_label(rival.points, metric)), len(found.pairs)
        floor = noise_floor(*spread, seeds) if spread and seeds else None
        gain = self.question.metric.sign * found.mean if seeds else 0.0
        return Contest(
            rival=rival,
            trained=f"{self.question.baseline} trained with {rival.words}",
            mean=found.mean if seeds else 0.0,
            seeds=seeds,
            levels=(len(wanted.keys() & there.keys()), len(wanted)),
            p=None if (p := found.p) is None else min(1.0, p * self.tries * self.times(name)),
            tries=self.tries,
            times=self.times(name),
            is_gain=gain > 0,
            exceeds_noise=floor is not None and gain > max(floor, error),
            needed=self._needed(found.pairs, gain, spread),
        )

    def _needed(
        self, pairs: Sequence[float], gain: float, spread: tuple[float, int] | None
    ) -> int | None:
        """Return the seeds with which a gain passes both conditions, more than there are."""
        if len(pairs) < LEAST_SEEDS or gain <= 0 or spread is None:
            return None
        certain = seeds_needed(gain, statistics.stdev(pairs), self.tries)
        above = seeds_above_noise(gain, *spread)
        return max(certain, above, len(pairs) + 1) if certain and above else None
