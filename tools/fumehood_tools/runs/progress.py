"""The progress of a run, as a share of the whole job.

A run has three phases. Its share and the time left are estimated for all of them together from the
first second on: first from earlier runs (pace.py), then more and more from this one.
"""

import time
from collections.abc import Callable, Sequence

from fumehood_tools.jobs import Progress
from fumehood_tools.runs.pace import Expected

PHASES = ("activations", "probing texts", "train and score")
# The harvest's own names of its steps that belong to the second phase; all others to the first.
_PROBING = "probing"
# Share of an SAE's time that is over when it is trained, until the run shows otherwise.
TRAIN_SHARE = 0.6


class RunProgress:
    """Collects what happens in one run and reports the progress of the whole.

    saes: how many will probably be trained. While searches for an L0 go on, which add SAEs one by
    one, this is the total, so that it does not move with every step.
    """

    def __init__(
        self,
        report: Callable[[Progress], None],
        expected: Expected,
        saes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._report, self.expected, self._clock = report, expected, clock
        self.planned, self.total, self.ended = saes, saes, 0
        self._started = clock()
        self._began: float | None = None  # when the first training could start
        self._share = 0.0

    def harvest(self, progress: Progress) -> None:
        """Report a step of the harvest."""
        number = 1 if progress.phase == _PROBING else 0
        expected = (self.expected.activations, self.expected.probing)
        part = progress.done / progress.total if progress.total else 0.0
        left = progress.eta_seconds
        if left is None:
            left = (1.0 - part) * expected[number]
        later = sum(expected[number + 1 :]) + self.expected.start
        said = f"{progress.message}; 0 of about {self.total} SAEs done"
        self._say(number, said, left + later + self.total * self.expected.sae)

    def start_training(self, total: int, more: bool = False) -> None:
        """Report that the data are there and SAEs will be trained: `total` that have no score."""
        said = f"{self._done(0, total, more)}; starting the processes that train and score"
        self._say(2, said, self.expected.start + self.total * self.expected.sae)

    def saes(self, ended: int, total: int, begun: float, doing: Sequence[str], more: bool) -> None:
        """Report the trainings and scorings.

        ended, total: SAEs that are through and all, not counting those that had a score before.
        begun: SAEs' worth of work in those that are not through. more: searches may add SAEs.
        """
        if self._began is None:
            self._began = self._clock()
        said = f"{self._done(ended, total, more)}; {', '.join(doing) or 'finishing'}"
        through = ended + begun
        # The estimate counts as much as one SAE of this run.
        pace = (self.expected.sae + self._clock() - self._began) / (1.0 + through)
        self._say(2, said, max(0.0, self.total - through) * pace)

    def _done(self, ended: int, total: int, more: bool) -> str:
        """Remember how many SAEs are through, and of how many; return it as text."""
        self.ended, self.total = ended, max(total, self.planned) if more else total
        return f"{ended} of {'about ' * more}{self.total} SAEs done"

    @property
    def seconds_per_sae(self) -> float | None:
        """Seconds per SAE that this run trained; None if it trained none."""
        if self._began is None or not self.ended:
            return None
        return (self._clock() - self._began) / self.ended

    def _say(self, number: int, message: str, left: float) -> None:
        spent = self._clock() - self._started
        # It never falls, although the estimate of what is left may grow.
        self._share = max(self._share, spent / max(spent + left, 1e-9))
        self._report(
            Progress(
                done=round(self._share, 4),
                total=1.0,
                phase=f"phase {number + 1} of {len(PHASES)}, {PHASES[number]}:",
                message=message,
                eta_seconds=round(left, 1),
            )
        )
