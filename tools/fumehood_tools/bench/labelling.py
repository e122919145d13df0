"""What a row, a point or a line of a log calls a variant: its name, and what was changed in it."""

from collections.abc import Mapping

from fumehood_tools.bench.records import Failure, Score
from fumehood_tools.sandbox.parameters import Value


def label(variant: str, parameters: Mapping[str, Value]) -> str:
    """Return `topk`, or `topk(K=64)` for a copy of the file with another value."""
    if not parameters:
        return variant
    said = ", ".join(f"{name}={_short(value)}" for name, value in sorted(parameters.items()))
    return f"{variant}({said})"


def label_of(record: Score | Failure) -> str:
    """Return what a record's variant is called."""
    return label(record.variant, record.parameters)


def _short(value: Value) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
