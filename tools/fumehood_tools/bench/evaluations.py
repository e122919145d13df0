"""Evaluations: records of other kinds with further metrics of an SAE that already has a score.

Their metrics are added to the row of that score. An evaluation is a record of any registered kind
with metrics, `{"metrics": {key: value}}`, and a `subject_of` field that names the score it is
about. It counts as long as that exact score is still valid.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from fumehood_tools.receipts import Subject
from fumehood_tools.records.scores import Score
from fumehood_tools.registry.kinds import RecordKind
from fumehood_tools.registry.lookup import check_measured

NO_SCORE = "about a score that is missing or has been replaced; evaluate that SAE again"


class Evaluation(NamedTuple):
    """The numbers of one record, and the score they belong to."""

    subject: Subject
    metrics: Mapping[str, float]


def evaluation_of(kind: RecordKind, record: Mapping[str, Any]) -> Evaluation | str | None:
    """Return the evaluation in a signed record, or the reason why it does not count.

    None means that the record does not claim to measure a score.
    """
    about, measured = record.get("subject_of"), record.get("metrics")
    if not kind.metrics or measured is None or about is None:
        return None
    if not isinstance(about, dict) or about.keys() != set(Subject._fields):
        return f"a record of kind {kind.name} that does not name the score it measured"
    if not isinstance(measured, dict) or not all(map(_is_number, measured.values())):
        return f"metrics of a record of kind {kind.name} are not finite numbers; evaluate again"
    try:
        check_measured(kind, measured)
    except ValueError as error:
        return f"{error}; evaluate again with this version of fumehood"
    return Evaluation(Subject(**about), measured)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def metrics_by_score(
    receipts: Mapping[str, str], evaluations: Iterable[tuple[str, Evaluation]]
) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Return place of a score -> its added metrics, and the places of the unmatched evaluations.

    receipts: place of a score -> its mac. evaluations: (place, content) pairs, oldest first. If two
    of them measured the same metric, the newer one counts.
    """
    added: dict[str, dict[str, float]] = {}
    left = []
    for place, (subject, metrics) in evaluations:
        if receipts.get(subject.place) == subject.receipt:
            added.setdefault(subject.place, {}).update(metrics)
        else:
            left.append(place)
    return added, left


def with_metrics(score: Score, added: Mapping[str, float]) -> Score:
    """Return the score with metrics added. Its own metrics are never replaced."""
    return score.model_copy(update={"metrics": {**added, **score.metrics}})
