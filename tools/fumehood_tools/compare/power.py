"""How many seeds it would take: for a difference that matters, and for an undecided variant."""

import statistics
from collections.abc import Sequence

from fumehood_tools.compare.measured import Measured
from fumehood_tools.compare.question import Question
from fumehood_tools.compare.report import Compared
from fumehood_tools.compare.statistics import seeds_above_noise, seeds_for_equal, seeds_needed


class Power:
    """The seeds that one comparison needs, given the noise of its baseline."""

    def __init__(self, question: Question, measured: Measured, tries: int) -> None:
        """tries: the number of variants for which p values are corrected."""
        self.question, self.measured, self.tries = question, measured, tries
        self.metric, self.margin = question.metric.key, question.metric.margin or 0.0

    def undecidable(self, seeds: int, rows: Sequence[Compared]) -> list[str]:
        """Return a warning if the margin is below the noise floor of this number of seeds.

        Without one if the rows have their verdicts in spite of it.
        """
        floor = self.measured.floor(seeds)
        if floor is None or floor <= self.margin:
            return []
        if rows and not any(row.verdict == "undecided" for row in rows):
            return []
        return [
            f"The margin of ±{self.margin:g} is below the noise floor of ±{floor:.2g} ({seeds} "
            "seeds): a difference between the two is undecidable. It is called neither better nor "
            "worse, even if it is nearly the same in every seed, as other seeds of "
            f"{self.question.baseline} alone differ by as much."
        ]

    def seeds_for(self, pairs: Sequence[float], mean: float, times: int = 1) -> int | None:
        """Return the seeds that would show whether the observed difference is real, or equal to 0.

        More than there are. None if 1,000 would not. times: what p is multiplied by for looks.
        """
        own = statistics.stdev(pairs)
        noise = self.measured.spread(self.metric)
        spread = max(own, 2**0.5 * noise[0]) if noise else own
        ways = (
            self.seeds_to_detect(mean, spread, times),
            seeds_for_equal(mean, spread, self.margin),
        )
        needed = min((seeds for seeds in ways if seeds is not None), default=None)
        return None if needed is None else max(needed, len(pairs) + 1)

    def seeds_to_detect(self, difference: float, spread: float, times: int = 1) -> int | None:
        """Return the seeds with which a difference is significant and above the noise floor.

        times: what p is multiplied by in addition to the tries.
        """
        noise = self.measured.spread(self.metric)
        ways = [seeds_needed(difference, spread, self.tries * times)]
        ways += [seeds_above_noise(difference, *noise)] if noise else []
        found = [seeds for seeds in ways if seeds is not None]
        return max(found) if len(found) == len(ways) else None

    def text(self, rows: Sequence[Compared]) -> str:
        """Return a sentence on the seeds that are still needed: one number per variant.

        Before anything is compared, it is those for a difference as large as the margin.
        """
        if waiting := [f"{row.variant} {row.seeds_needed}" for row in rows if row.seeds_needed]:
            return f"Seeds of both sides with which a verdict is likely: {', '.join(waiting)}."
        if any(row.verdict == "undecided" for row in rows):
            return "More seeds alone would change no verdict: the rows say what would."
        if rows:
            return "No verdict needs more seeds."
        noise = self.measured.spread(self.metric)
        if noise is None:
            return f"{self.question.baseline} has no level with two seeds, so noise is unknown."
        needed = self.seeds_to_detect(self.margin, 2**0.5 * noise[0])
        if needed is None:
            return f"A difference of {self.margin:g} cannot be detected here with 1,000 seeds."
        seconds = statistics.fmean(point.seconds for point in self.question.points)
        minutes = needed * 2 * seconds / 60
        return (
            f"To detect a difference of {self.margin:g} 8 times in 10 takes {needed} seeds of "
            f"both, about {minutes:.0f} min on one core; a larger one takes fewer."
        )
