"""What a row, a point or a line of a log calls a variant: its name, and what was changed in it.

The name of a packaged file stands for that file alone, told by its digest. Records of another file
that lies under such a name are called `topk (edited)`.
"""

from collections.abc import Mapping

from fumehood_tools.records.parameters import Value
from fumehood_tools.records.scores import Failure, Score

Packaged = Mapping[str, str]
"""Name -> sha256 of the packaged files."""
_EDITED = " (edited)"


def label(variant: str, parameters: Mapping[str, Value]) -> str:
    """Return `topk`, or `topk(K=64)` for a copy of the file with another value."""
    if not parameters:
        return variant
    said = ", ".join(f"{name}={_short(value)}" for name, value in sorted(parameters.items()))
    return f"{variant}({said})"


def edited(variant: str) -> str:
    """Return what a file is called that has a packaged file's name and is not that file."""
    return f"{variant}{_EDITED}"


def name_of(record: Score | Failure, packaged: Packaged) -> str:
    """Return what a record's variant is called, without its parameters."""
    if record.control is not None or record.variant not in packaged:
        return record.variant
    return record.variant if is_packaged(record, packaged) else edited(record.variant)


def label_of(record: Score | Failure, packaged: Packaged) -> str:
    """Return what a record's variant is called, parameters included."""
    return label(name_of(record, packaged), record.parameters)


def is_packaged(record: Score | Failure, packaged: Packaged) -> bool:
    """Whether a record is one of a packaged file, or of its copy with other parameters."""
    return packaged.get(record.variant) == record.file_version


def _short(value: Value) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
