"""The kinds of records. Each record has its own folder, with the signed file `<kind>.json`."""

from collections.abc import Iterable
from typing import NamedTuple

from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.registry.declared import SEPARATOR, declared_metrics
from fumehood_tools.registry.metrics import Metric
from fumehood_tools.registry.sae_metrics import SAE_METRICS


class RecordKind(NamedTuple):
    """One kind of record.

    places: glob of the folders in the workspace that may contain one. A record there is found even
    if a crash kept it out of the ledger. needs: globs of the files next to a record that readers
    check; if one of them is missing or changed, the record does not count. `fumehood verify` checks
    all files. declares: each record names its own metrics, see `declared`.
    """

    name: str
    places: str
    metrics: tuple[Metric, ...] = ()
    needs: tuple[str, ...] = ("*",)
    declares: bool = False

    @property
    def measures(self) -> bool:
        """Whether its records have metrics."""
        return self.declares or bool(self.metrics)

    @property
    def file(self) -> str:
        """The name of the record's file."""
        return f"{self.name}.json"


_RESULTS = "sandboxes/*/results/*/seed*"
SCORE = RecordKind("score", _RESULTS, SAE_METRICS, needs=("*.py", "*.safetensors"))
FAILURE = RecordKind("failure", _RESULTS)
EVALUATION = RecordKind("evaluation", "sandboxes/*/results/*/evaluations/*", declares=True)
_KINDS = {kind.name: kind for kind in (SCORE, FAILURE, EVALUATION)}
# Names that rows, arguments and columns already use next to metrics.
_NOT_FOR_METRICS = (
    *("work", "train_seconds", "variant", "label", "seeds", "change", "verdict"),
    *("explained_variance_skip", "explained_variance_with_skip", "explained_variance_latents"),
)


def register_kind(kind: RecordKind) -> None:
    """Register a kind and its metrics in this process. Registering it again is not an error.

    Raises BadRequest if another kind has the same name, or defines one of the metrics differently.
    """
    known = known_metrics()
    for metric in kind.metrics:
        if not _can_name(metric.key):
            raise BadRequest(f"A metric cannot be called {metric.key!r}. Choose another name.")
        if known.setdefault(metric.key, metric) != metric:
            raise BadRequest(
                f"Another kind defines the metric {metric.key} of the kind {kind.name} "
                "differently. Rename it, or use the same definition."
            )
    if _KINDS.setdefault(kind.name, kind) != kind:
        raise BadRequest(f"Two kinds of records are called {kind.name}. Rename one of them.")


def _can_name(key: str) -> bool:
    return key.isidentifier() and key not in _NOT_FOR_METRICS and SEPARATOR not in key


def kind_named(name: str) -> RecordKind:
    """Return the kind with this name. Raises UnknownName."""
    if name not in _KINDS:
        raise UnknownName(
            "kind of record", name, _KINDS, "Register the kind before writing a record."
        )
    return _KINDS[name]


def kinds() -> Iterable[RecordKind]:
    """Return all kinds that are registered in this process."""
    return tuple(_KINDS.values())


def registered_metrics() -> dict[str, Metric]:
    """Return the metrics of all kinds, by key, with those of scores first.

    They are the same whatever was read: for what must not depend on it, as the schemas of tools.
    """
    return {metric.key: metric for kind in _KINDS.values() for metric in kind.metrics}


def known_metrics() -> dict[str, Metric]:
    """Return the metrics of all kinds, then those that records declare which this context read."""
    # No registered metric has the two underscores that every declared one has.
    return {**registered_metrics(), **declared_metrics()}
