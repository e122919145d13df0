"""Run an evaluation in fresh children behind the glass, and check what it returned.

Each run has a process and a scratch folder of its own, so an evaluation cannot remember another
run. For one SAE it is run five times:

1. on the latents,
2. on the same latents again: the same numbers, or it is not deterministic;
3. on the latents in another order (and the decoder's rows, and the labels), each value changed by
   up to 0.1 %: the same up to its smallest effect, or it recognizes this very SAE;
4. on latents whose values were shuffled over the rows, with random decoder rows: the value by
   chance, which is recorded beside its own;
5. on random latents of another density: a metric with one value in 1, 4 and 5 is called constant.

Not covered: an evaluation that prefers a kind of SAE by a coarse property. That is what evaluations
do, and its file is stored with every number. Light: imports no torch.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.errors import IntegrityFailed, RunFailed
from fumehood_tools.evaluations.profile import PROGRAM
from fumehood_tools.glass import ChildLimits, ChildOutcome, Nursery, take_json
from fumehood_tools.quoting import quoted

RESULT_FILE = "result.json"
MOST_RESULT = 1 << 16
DIGITS = 6
"""Significant digits of a value. More would only be a way to write data out in them."""
CHANGED = 1e-3
"""Relative size of the changes to latents in the third run."""
TOLERANCE, TOLERANCE_UNDECLARED = 1e-3, 1e-2
"""Relative difference of the third run that is allowed in any case."""
_INSTEAD = "Return a dict with exactly the metrics that METRICS declares, each a finite number."

Metrics = dict[str, float]
Spec = Mapping[str, Any]


class Inputs(NamedTuple):
    """The child's specs for one SAE, by what its latents are."""

    own: Spec
    permuted: Spec
    shuffled: Spec
    random: Spec


class Measured(NamedTuple):
    """The checked result of an evaluation on one SAE, by the names that the file declares.

    chance: values on shuffled latents; a metric that failed there is absent. constant: metrics with
    the same value on the SAE and on all random latents. apart: the largest difference of the third
    run, as a share of what is allowed.
    """

    metrics: Metrics
    chance: Metrics
    constant: tuple[str, ...]
    apart: float
    seconds: float
    processor_seconds: float


class Runner:
    """Runs one evaluation's file in children of a nursery with the profile EVALUATION."""

    def __init__(
        self,
        nursery: Nursery,
        file: Path,
        declared: Mapping[str, Any],
        limits: ChildLimits,
        new_folder: Callable[[], Path],
    ) -> None:
        """declared: metric -> its fields. new_folder: makes an empty scratch folder."""
        self._nursery, self._file, self._declared = nursery, file, declared
        self._limits, self._new_folder = limits, new_folder
        self.seconds = self.processor_seconds = 0.0

    def run(self, given: Spec) -> Metrics:
        """Return the metrics of one run. Raises RunFailed, IntegrityFailed."""
        scratch = self._new_folder()
        spec = {"evaluation": str(self._file), "out": str(scratch), "made_up": None, **given}
        folders = [Path(given[key]) for key in ("data", "given") if given.get(key)]
        child = self._nursery.start(
            PROGRAM,
            spec,
            scratch=scratch,
            limits=self._limits,
            readable=[self._file, *folders],
        )
        with child:
            outcome = child.wait()
        self.seconds += outcome.seconds
        self.processor_seconds += outcome.processor_seconds or 0.0
        return self._checked(take_json(scratch, RESULT_FILE, MOST_RESULT), outcome)

    def measure(self, given: Inputs) -> Measured:
        """Return the metrics of one SAE after all runs. Raises RunFailed, IntegrityFailed."""
        own = self.run(given.own)
        seconds, processor_seconds = self.seconds, self.processor_seconds
        self.compare_repeat(own, self.run(given.own))
        apart = self._compare_order(own, self.run(given.permuted))
        chance, other = self._tried(given.shuffled), self._tried(given.random)
        constant = tuple(
            name
            for name in own
            if chance and other and own[name] == chance.get(name) == other.get(name)
        )
        return Measured(own, chance, constant, apart, seconds, processor_seconds)

    def _tried(self, given: Spec) -> Metrics:
        """Return the metrics on random latents; none if an evaluation cannot work with them."""
        try:
            return self.run(given)
        except IntegrityFailed:
            return {}
        except RunFailed as error:
            if error.limit is not None:
                raise
            return {}

    def _checked(self, said: Any, outcome: ChildOutcome) -> Metrics:
        """Return what a child wrote, rounded. Raises RunFailed, IntegrityFailed."""
        if outcome.limit is not None or outcome.exit_code != 0 or not isinstance(said, dict):
            error = RunFailed(_why(outcome, self._limits))
            error.limit = outcome.limit
            raise error
        if "error" in said:
            raise RunFailed(
                f"evaluate failed: {quoted(said['error'])}. Fix it; run_evaluations("
                "dry_run=True) tries it in seconds."
            )
        metrics = said.get("metrics")
        if not isinstance(metrics, dict) or metrics.keys() != self._declared.keys():
            names = ", ".join(map(quoted, metrics)) if isinstance(metrics, dict) else "nothing"
            raise IntegrityFailed(
                "declared_metrics",
                f"evaluate returned {quoted(names)}, and METRICS declares "
                f"{', '.join(self._declared)}",
                _INSTEAD,
            )
        return {name: self._number(name, value) for name, value in metrics.items()}

    def _number(self, name: str, value: object) -> float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(float(value)):  # type: ignore[arg-type]
            raise IntegrityFailed("finite_metrics", f"{name} is {quoted(value)}", _INSTEAD)
        return float(f"{value:.{DIGITS}g}")

    def compare_repeat(self, first: Metrics, second: Metrics) -> None:
        """Raise IntegrityFailed if two runs on the same data returned different numbers."""
        for name, value in first.items():
            if value != second[name]:
                raise IntegrityFailed(
                    "evaluation_determinism",
                    f"{name} was {value:g}, and {second[name]:g} in another process on the same "
                    "data",
                    "Draw random numbers from context.seed, and use no clock, no counter and no "
                    "file.",
                )

    def _compare_order(self, first: Metrics, second: Metrics) -> float:
        """Return the largest difference as a share of what is allowed. Raises IntegrityFailed."""
        largest = 0.0
        for name, value in first.items():
            smallest = self._declared[name].get("smallest_effect")
            relative = TOLERANCE_UNDECLARED if smallest is None else TOLERANCE
            allowed = max(smallest or 0.0, relative * abs(value), 10.0**-DIGITS)
            apart = abs(value - second[name])
            if apart > allowed:
                raise IntegrityFailed(
                    "latent_order",
                    f"{name} was {value:g}, and {second[name]:g} with the same latents in another "
                    f"order and changed by up to {CHANGED:.1%} (allowed: {allowed:.3g})",
                    "Measure what does not depend on the number of a latent or on the last digits "
                    "of its values, or declare a larger smallest_effect.",
                )
            largest = max(largest, apart / allowed)
        return largest


def _why(outcome: ChildOutcome, limits: ChildLimits) -> str:
    if outcome.timed_out:
        return (
            f"evaluate took more than {outcome.seconds:.0f} s. Look for a loop that does not end, "
            "use latents.csr() in place of dense ones, or raise limits.score_minutes."
        )
    if outcome.out_of_memory:
        return (
            f"evaluate used more than {limits.memory_gb:g} GiB. Work on parts of the rows "
            "(latents.dense(first, last)), or raise limits.memory_gb in sandbox.toml."
        )
    if outcome.limit is not None:
        return f"evaluate was ended at its limit of {outcome.limit}. Use less of it."
    return (
        "The evaluation's process ended without a result. Its last output (quoted, untrusted): "
        f"{quoted(outcome.output_tail[-150:])!r}. Let evaluate return; do not exit."
    )
