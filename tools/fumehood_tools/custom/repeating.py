"""Requirement 7.4 for a sandbox's own evaluation: the same arrays get the same metrics again.

Costs one evaluation, in new processes: a forked child would have the hashes and the addresses of
the first one.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fumehood_tools.custom.children import PRODUCED, CustomChildren
from fumehood_tools.errors import FumehoodError
from fumehood_tools.proving.folder import VARIANTS
from fumehood_tools.proving.report import Fault, Result, judged
from fumehood_tools.spec import CustomMetric

RELATIVE = 1e-6
SHARE_OF_SMALLEST = 0.01
"""What two evaluations of the same arrays may differ by: rounding, or a hundredth of the smallest
difference that counts."""


def judge_repeat(
    children: CustomChildren,
    metrics: Sequence[CustomMetric],
    record: Mapping[str, Any],
    folder: Path,
) -> Result:
    """Return the result of requirement 7.4. record: of a score; folder: where its arrays are."""
    name, file = record["variant"], f"{VARIANTS}/{record['variant']}.py"
    try:
        again, _ = children.evaluate(folder / PRODUCED, name, record["seed"])
    except FumehoodError as error:
        return judged("7.4", [Fault(why=f"The second evaluation failed: {error}", file=file)])
    faults = [Fault(why=why, file=file) for why in differing(metrics, record["metrics"], again)]
    return judged("7.4", faults, f"{name} evaluated again, {len(again)} metrics are the same")


def differing(
    metrics: Sequence[CustomMetric], first: Mapping[str, float], again: Mapping[str, float]
) -> Iterator[str]:
    """Yield one sentence per metric that differs between two evaluations of the same arrays."""
    for metric in metrics:
        before, after = first[metric.name], again[metric.name]
        if _distance(metric, before, after) > 1:
            yield f"{metric.name} was {before:.6g}, and {after:.6g} for the same arrays."


def largest(
    metrics: Sequence[CustomMetric], first: Mapping[str, float], again: Mapping[str, float]
) -> float:
    """Return the largest difference of a metric, divided by what it may be."""
    return max(_distance(one, first[one.name], again[one.name]) for one in metrics)


def _distance(metric: CustomMetric, before: float, after: float) -> float:
    most = max(RELATIVE * abs(before), SHARE_OF_SMALLEST * metric.smallest)
    if after == before:
        return 0.0
    return abs(after - before) / most if most else float("inf")
