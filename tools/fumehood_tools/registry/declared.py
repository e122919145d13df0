"""Metrics that records declare themselves, as those of custom evaluations do.

A record of a kind with `declares` contains the name of its evaluation and what it measures:
{"mcc": {"title": "MCC", "better": "higher", "smallest_effect": 0.02, "digits": 3}}. The metric's
key is <evaluation>__<metric>, so two evaluations never share a metric. Readers of records call
`use_declared`; from then on the metrics are known in the same context: a tool call, a job, a test.
"""

import math
import re
from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

from fumehood_tools.registry.metrics import Better, Metric

SEPARATOR = "__"
MOST_METRICS, MOST_DIGITS, MOST_TITLE = 12, 6, 40
EVALUATION_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
"""Two underscores in a row separate the evaluation's name from the metric's."""
_LONGEST_NAME = 40
_BETTER: dict[object, Better] = {"higher": "higher", "lower": "lower", "none": "neither"}
_KNOWN_FIELDS = {"title", "better", "smallest_effect", "digits"}
# Differences this many times below the smallest effect count as zero, as for other metrics.
_ZERO_BELOW = 10

_NONE: Mapping[str, Metric] = MappingProxyType({})
_IN_USE: ContextVar[Mapping[str, Metric]] = ContextVar("metrics that records declare")


def metric_key(evaluation: str, metric: str) -> str:
    """Return the key of an evaluation's metric in records, tables and arguments."""
    return f"{evaluation}{SEPARATOR}{metric}"


def is_name(text: object) -> bool:
    """Return whether a text can name an evaluation, or a metric of one."""
    fits = isinstance(text, str) and len(text) <= _LONGEST_NAME
    return fits and EVALUATION_NAME.fullmatch(str(text)) is not None


def metrics_of(evaluation: str, declared: object) -> dict[str, Metric]:
    """Return the metrics of an evaluation by key.

    The first one is a column of the table. The others are in the details of a variant, and
    variants can be compared by them. Raises ValueError that names what is wrong with the name or a
    declaration.
    """
    if not is_name(evaluation):
        raise ValueError(f"the name {evaluation!r:.60} must be lowercase words joined by _")
    if not isinstance(declared, Mapping) or not 1 <= len(declared) <= MOST_METRICS:
        raise ValueError(f"METRICS must be a dict of 1 to {MOST_METRICS} metrics")
    found: dict[str, Metric] = {}
    for name, fields in declared.items():
        if not is_name(name):
            raise ValueError(f"the metric {name!r:.60} must be lowercase words joined by _")
        key = metric_key(evaluation, name)
        found[key] = _metric(key, name, fields, is_first=not found)
    return found


def _metric(key: str, name: str, fields: Any, *, is_first: bool) -> Metric:
    if not isinstance(fields, Mapping) or fields.keys() - _KNOWN_FIELDS:
        raise ValueError(f"metric {name}: its fields are {', '.join(sorted(_KNOWN_FIELDS))}")
    title, better = fields.get("title", name), _BETTER.get(fields.get("better"))
    digits, smallest = fields.get("digits", 3), fields.get("smallest_effect")
    if not isinstance(title, str) or not title.isprintable() or not 0 < len(title) <= MOST_TITLE:
        raise ValueError(f"metric {name}: title must be 1 to {MOST_TITLE} printable letters")
    if better is None:
        raise ValueError(f'metric {name}: better must be "higher", "lower" or "none"')
    if isinstance(digits, bool) or not isinstance(digits, int) or not 0 <= digits <= MOST_DIGITS:
        raise ValueError(f"metric {name}: digits must be a whole number from 0 to {MOST_DIGITS}")
    if smallest is not None and not (_is_number(smallest) and smallest > 0):
        raise ValueError(f"metric {name}: smallest_effect must be a number above 0")
    if smallest is None and better != "neither":
        raise ValueError(f"metric {name}: say smallest_effect, below which a difference is none")
    is_judged = smallest is not None and better != "neither"
    return Metric(
        key,
        title,
        digits=digits,
        better=better,
        headline=is_first,
        group="evaluations",
        smallest=smallest / _ZERO_BELOW if smallest is not None else None,
        # Of metrics that are better when lower, an untrained control often has 0.
        over_control=smallest if is_judged and is_first and better == "higher" else None,
        margin=smallest if is_judged else None,
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def use_declared(metrics: Mapping[str, Metric]) -> None:
    """Make metrics known in this context, beside those that are known already."""
    if metrics:
        _IN_USE.set({**_IN_USE.get(_NONE), **metrics})


def declared_metrics() -> Mapping[str, Metric]:
    """Return the metrics that records which were read in this context declare, by key."""
    return _IN_USE.get(_NONE)
