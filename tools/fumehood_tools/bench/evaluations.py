"""Evaluations: records of other kinds with further metrics of an SAE that already has a score.

Their metrics are added to the row of that score. An evaluation is a record of any registered kind
with metrics, `{"metrics": {key: value}}`, and a `subject_of` field that names the score it is
about. It counts as long as that exact score is still valid.

Records of the kind `evaluation` come from a file with `evaluate(latents, context)`, and declare
their metrics. Of each such file, only records of the version with the newest record count: values
of two versions in one column could not be compared.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from fumehood_tools.receipts import Subject
from fumehood_tools.records.scores import Score
from fumehood_tools.registry.declared import metrics_of
from fumehood_tools.registry.kinds import RecordKind
from fumehood_tools.registry.lookup import check_measured, metrics_in
from fumehood_tools.registry.metrics import Metric

NO_SCORE = "about a score that is missing or has been replaced; evaluate that SAE again"
OLDER_FILE = "by an earlier version of the evaluation; call run_evaluations again"


class Custom(NamedTuple):
    """What a record of a custom evaluation says besides its metrics.

    version: what decides whether two records measured the same. declared: metric -> its fields, as
    in the file. chance: key -> value on shuffled latents. constant: keys of metrics with the same
    value on this SAE and on all random latents. shipped: the file is one of fumehood's.
    """

    name: str
    version: str
    declared: Mapping[str, Any]
    chance: Mapping[str, float]
    constant: frozenset[str]
    shipped: bool


class Evaluation(NamedTuple):
    """The numbers of one record, and the score they belong to."""

    subject: Subject
    metrics: Mapping[str, float]
    custom: Custom | None = None


def evaluation_of(kind: RecordKind, record: Mapping[str, Any]) -> Evaluation | str | None:
    """Return the evaluation in a signed record, or the reason why it does not count.

    None means that the record does not claim to measure a score.
    """
    about, measured = record.get("subject_of"), record.get("metrics")
    if not kind.measures or measured is None or about is None:
        return None
    if not isinstance(about, dict) or about.keys() != set(Subject._fields):
        return f"a record of kind {kind.name} that does not name the score it measured"
    if not isinstance(measured, dict) or not all(map(_is_number, measured.values())):
        return f"metrics of a record of kind {kind.name} are not finite numbers; evaluate again"
    try:
        check_measured(kind, measured, metrics_in(kind, record))
    except ValueError as error:
        return f"{error}; evaluate again with this version of fumehood"
    return Evaluation(Subject(**about), measured, _custom(record) if kind.declares else None)


def _custom(record: Mapping[str, Any]) -> Custom:
    chance = record.get("chance")
    pairs = chance.items() if isinstance(chance, dict) else ()
    constant = record.get("constant")
    return Custom(
        name=record["evaluation"],
        version=f"{record.get('file_sha256')} {record.get('evaluations_sha256')}",
        declared=record["declared"],
        chance={key: value for key, value in pairs if _is_number(value)},
        constant=frozenset(constant if isinstance(constant, list) else ()),
        shipped=record.get("shipped") is True,
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def metrics_by_score(
    receipts: Mapping[str, str], evaluations: Sequence[tuple[str, Evaluation]]
) -> tuple[dict[str, dict[str, float]], dict[str, list[str]]]:
    """Return place of a score -> its added metrics, and reason -> places of what does not count.

    receipts: place of a score -> its mac. evaluations: (place, content) pairs, oldest first. If two
    of them measured the same metric, the newer one counts.
    """
    added: dict[str, dict[str, float]] = {}
    left: dict[str, list[str]] = defaultdict(list)
    newest = _newest_versions(content for _, content in evaluations)
    for place, (subject, metrics, custom) in evaluations:
        if receipts.get(subject.place) != subject.receipt:
            left[NO_SCORE].append(place)
        elif custom is not None and custom.version != newest[custom.name]:
            left[OLDER_FILE].append(place)
        else:
            added.setdefault(subject.place, {}).update(metrics)
    return added, left


def _newest_versions(evaluations: Iterable[Evaluation]) -> dict[str, str]:
    """Return name -> version of the last of its records."""
    return {one.custom.name: one.custom.version for one in evaluations if one.custom is not None}


def declared_by(evaluations: Sequence[Evaluation]) -> dict[str, Metric]:
    """Return the metrics that evaluations declare, by key. evaluations: oldest first."""
    newest = _newest_versions(evaluations)
    held: dict[str, list[Custom]] = defaultdict(list)
    for one in evaluations:
        if one.custom is not None and one.custom.version == newest[one.custom.name]:
            held[one.custom.name].append(one.custom)
    found: dict[str, Metric] = {}
    for name, records in held.items():
        metrics = metrics_of(name, records[-1].declared)
        found |= {
            key: metric._replace(legend=_said(name, key, records))
            for key, metric in metrics.items()
        }
    return found


def _said(name: str, key: str, records: Sequence[Custom]) -> str:
    """Return how a metric was measured, for the text below a table."""
    whose = "shipped" if records[-1].shipped else "of this sandbox"
    chance = [one.chance[key] for one in records if key in one.chance]
    said = f"by the evaluation {name} ({whose})"
    if chance:
        said += f"; {fmean(chance):.4g} on shuffled latents"
    if all(key in one.constant for one in records):
        said += ", and no other value on any latents: it may not depend on them"
    return said


def with_metrics(score: Score, added: Mapping[str, float]) -> Score:
    """Return the score with metrics added. Its own metrics are never replaced."""
    return score.model_copy(update={"metrics": {**added, **score.metrics}})
