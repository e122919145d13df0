"""Look up metrics of all kinds, and check the metrics in records and arguments.

A row of a table can also have metrics of kinds other than score: their records are about that
score.
"""

from collections.abc import Callable, Mapping
from typing import Any

from fumehood_tools.errors import UnknownName
from fumehood_tools.registry.declared import metrics_of
from fumehood_tools.registry.kinds import RecordKind, known_metrics
from fumehood_tools.registry.metrics import Metric


def chosen_metrics(wanted: Callable[[Metric], object]) -> tuple[Metric, ...]:
    """Return the metrics for which `wanted` is true, in the order of a table's columns."""
    return tuple(metric for metric in known_metrics().values() if wanted(metric))


def headline_metrics() -> tuple[Metric, ...]:
    """Return the metrics that are columns of the table."""
    return chosen_metrics(lambda metric: metric.headline)


def judged_metrics() -> tuple[Metric, ...]:
    """Return the metrics by which variants can be compared."""
    return chosen_metrics(lambda metric: metric.is_judged)


def metrics_beside() -> tuple[Metric, ...]:
    """Return the metrics that a comparison shows in addition to the one that it judges."""
    return chosen_metrics(lambda m: m.headline and m.beside and m.better != "neither")


def metric_named(key: str, among: tuple[Metric, ...] | None = None) -> Metric:
    """Return the metric with this key, out of `among` (default: all). Raises UnknownName."""
    known = known_metrics() if among is None else {metric.key: metric for metric in among}
    if key not in known:
        raise UnknownName("metric", key, known, "Choose one of these.")
    return known[key]


def metrics_in(kind: RecordKind, record: Mapping[str, Any]) -> dict[str, Metric]:
    """Return the metrics that a record may have, by key.

    Raises ValueError for a wrong declaration in a record of a kind that declares them itself.
    """
    if kind.declares:
        return metrics_of(record.get("evaluation", ""), record.get("declared"))
    return {metric.key: metric for metric in kind.metrics}


def check_measured(
    kind: RecordKind, measured: Mapping[str, float], known: Mapping[str, Metric] | None = None
) -> None:
    """Raise ValueError if a required metric is missing, or the kind does not have a metric.

    known: the metrics that the record declares, for a kind that declares none itself.
    """
    known = {metric.key: metric for metric in kind.metrics} if known is None else known
    if unknown := sorted(measured.keys() - known.keys()):
        raise ValueError(f"a {kind.name} has no metric {', '.join(unknown)}")
    missing = [key for key, metric in known.items() if metric.required and key not in measured]
    if missing:
        raise ValueError(f"a {kind.name} must have {', '.join(missing)}")
