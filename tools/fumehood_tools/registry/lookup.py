"""Find metrics among those of all kinds, and check what records and callers say of them.

The metrics of another kind may stand in a score too: its record is about that score.
"""

from collections.abc import Callable, Mapping

from fumehood_tools.errors import UnknownName
from fumehood_tools.registry.kinds import RecordKind, known_metrics
from fumehood_tools.registry.metrics import Metric


def chosen_metrics(wanted: Callable[[Metric], object]) -> tuple[Metric, ...]:
    """Return the metrics of all kinds that are wanted, in the order of a table's columns."""
    return tuple(metric for metric in known_metrics().values() if wanted(metric))


def headline_metrics() -> tuple[Metric, ...]:
    """Return the metrics that are columns of a table."""
    return chosen_metrics(lambda metric: metric.headline)


def judged_metrics() -> tuple[Metric, ...]:
    """Return the metrics by which variants can be compared."""
    return chosen_metrics(lambda metric: metric.is_judged)


def metrics_beside() -> tuple[Metric, ...]:
    """Return the metrics that a comparison shows beside the one that it judges."""
    return chosen_metrics(lambda m: m.headline and m.beside and m.better != "neither")


def metric_named(key: str, among: tuple[Metric, ...] | None = None) -> Metric:
    """Return a metric; among: of these. Raises UnknownName."""
    known = known_metrics() if among is None else {metric.key: metric for metric in among}
    if key not in known:
        raise UnknownName("metric", key, known, "Choose one of these.")
    return known[key]


def check_measured(kind: RecordKind, measured: Mapping[str, float]) -> None:
    """Raise ValueError for a metric that the kind does not have, or that is missing."""
    known = {metric.key: metric for metric in kind.metrics}
    if unknown := sorted(measured.keys() - known.keys()):
        raise ValueError(f"a {kind.name} has no metric {', '.join(unknown)}")
    missing = [key for key, metric in known.items() if metric.required and key not in measured]
    if missing:
        raise ValueError(f"a {kind.name} must have {', '.join(missing)}")
