"""The kinds of records. A record of a kind is signed as `<kind>.json` in a folder of its own."""

from collections.abc import Iterable
from typing import NamedTuple

from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.registry.metrics import Metric
from fumehood_tools.registry.sae_metrics import SAE_METRICS


class RecordKind(NamedTuple):
    """One kind of record.

    places: glob of the folders that may hold one, under the workspace; in it a record is found even
    when a crash kept it out of the ledger. needs: globs of the files beside a record without which,
    or changed, it does not count for readers; `fumehood verify` holds a record to all its files.
    """

    name: str
    places: str
    metrics: tuple[Metric, ...] = ()
    needs: tuple[str, ...] = ("*",)

    @property
    def file(self) -> str:
        """The file that holds the record."""
        return f"{self.name}.json"


_RESULTS = "sandboxes/*/results/*/seed*"
SCORE = RecordKind("score", _RESULTS, SAE_METRICS, needs=("*.py", "*.safetensors"))
FAILURE = RecordKind("failure", _RESULTS)
_KINDS = {kind.name: kind for kind in (SCORE, FAILURE)}
# What stands beside metrics in rows, arguments and columns.
_NOT_FOR_METRICS = ("work", "train_seconds", "variant", "label", "seeds", "change", "verdict")


def register_kind(kind: RecordKind) -> None:
    """Make a kind and its metrics known to this process; again is not an error.

    Raises BadRequest when another kind has its name, or says otherwise what one of its metrics is.
    """
    known = known_metrics()
    for metric in kind.metrics:
        if not metric.key.isidentifier() or metric.key in _NOT_FOR_METRICS:
            raise BadRequest(f"A metric cannot be called {metric.key!r}. Choose another name.")
        if known.setdefault(metric.key, metric) != metric:
            raise BadRequest(
                f"The metric {metric.key} of the kind {kind.name} is defined in another way by "
                "another kind. Rename it, or use that definition."
            )
    if _KINDS.setdefault(kind.name, kind) != kind:
        raise BadRequest(f"Two kinds of records are called {kind.name}. Rename one of them.")


def kind_named(name: str) -> RecordKind:
    """Return the kind of that name. Raises UnknownName."""
    if name not in _KINDS:
        raise UnknownName("kind of record", name, _KINDS, "Register it before it is written.")
    return _KINDS[name]


def kinds() -> Iterable[RecordKind]:
    """Return all kinds that are known to this process."""
    return tuple(_KINDS.values())


def known_metrics() -> dict[str, Metric]:
    """Return the metrics of all kinds by key, those of scores first."""
    return {metric.key: metric for kind in _KINDS.values() for metric in kind.metrics}
