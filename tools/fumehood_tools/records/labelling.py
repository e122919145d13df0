"""The label of a variant in tables, plots and logs: its name and its changed parameters.

The name of a packaged file is used only for that file, which its digest identifies. Records of a
different file with such a name are labeled `topk (edited)`.
"""

from collections.abc import Mapping

from fumehood_tools.records.parameters import Value
from fumehood_tools.records.scores import Failure, Score

Packaged = Mapping[str, str]
"""Name -> sha256 of the packaged files."""
_EDITED = " (edited)"


def label(variant: str, parameters: Mapping[str, Value]) -> str:
    """Return `topk`, or `topk(K=64)` for a copy of the file with another value of K."""
    if not parameters:
        return variant
    said = ", ".join(f"{name}={_short(value)}" for name, value in sorted(parameters.items()))
    return f"{variant}({said})"


def in_words(training: Mapping[str, float]) -> str:
    """Return values of [training] as text: "lr 0.004, batch_size 512"."""
    return ", ".join(f"{name} {value:g}" for name, value in training.items())


def trained_as(variant: str, training: Mapping[str, float]) -> str:
    """Return the name of a variant's file, with the values of [training] that a run changed."""
    return f"{variant} with {in_words(training)}" if training else variant


def edited(variant: str) -> str:
    """Return the name for a file that differs from the packaged file with the same name."""
    return f"{variant}{_EDITED}"


def file_of(name: str) -> str:
    """Return the name of the file in variants/ for a label without its parameters."""
    return name.removesuffix(_EDITED)


def name_of(record: Score | Failure, packaged: Packaged) -> str:
    """Return the label of a record's variant, without its parameters."""
    if record.control is not None or record.variant not in packaged:
        return record.variant
    return record.variant if is_packaged(record, packaged) else edited(record.variant)


def label_of(record: Score | Failure, packaged: Packaged) -> str:
    """Return the label of a record's variant, with its parameters."""
    return label(name_of(record, packaged), record.parameters)


def is_packaged(record: Score | Failure, packaged: Packaged) -> bool:
    """Return whether a record belongs to a packaged file, or to a copy with other parameters."""
    return packaged.get(record.variant) == record.file_version


def _short(value: Value) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
