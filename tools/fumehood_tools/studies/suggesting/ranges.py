"""The range in which new values of a constant are proposed, from its type and the values tried.

bool: both. str: the values that were tried, as nothing is known of others. Numbers: from the
smallest to the largest value that was tried, widened by a factor of 4 on each side and searched on
a logarithmic scale if all are above 0; else widened by the width of what was tried, on a linear
scale. A number between 0 and 1 stays below 1 until somebody tries 1 or more, as it may be a share.
Whole numbers above 0 stay so. Light: no Optuna.
"""

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel

from fumehood_tools.records.parameters import Value

_WIDER = 4.0
_BELOW_ONE = 0.999
_DIGITS = 3


class ValueRange(BaseModel, frozen=True):
    """The values of one constant that may be proposed: low to high, or one of the choices."""

    name: str
    kind: Literal["int", "float", "choice"]
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    choices: tuple[Value, ...] = ()

    def has(self, value: Value) -> bool:
        """Whether a value is in the range and of its type."""
        if self.kind == "choice":
            return any(
                value is one or (type(value) is type(one) and value == one) for one in self.choices
            )
        if isinstance(value, bool | str) or not math.isfinite(value):
            return False
        if self.kind == "int" and not isinstance(value, int):
            return False
        return self.low <= value <= self.high

    def rounded(self, value: Value) -> Value:
        """Return a proposed number with three digits, within the range."""
        if self.kind != "float" or isinstance(value, bool | str):
            return value
        return min(max(float(f"{value:.{_DIGITS}g}"), self.low), self.high)

    def text(self) -> str:
        """Return the range in words."""
        if self.kind == "choice":
            return f"{self.name}: one of {', '.join(repr(one) for one in self.choices)}"
        scale = ", logarithmic" if self.log else ""
        return f"{self.name}: {self.low:g} to {self.high:g}{scale}"


def range_of(name: str, own: Value, tried: Sequence[Value]) -> ValueRange | None:
    """Return the range of a constant; None if there is nothing to choose from.

    own: its value in the file, which says its type. tried: other values that were run. Values that
    are of another type, or not finite, are ignored.
    """
    if isinstance(own, bool):
        return ValueRange(name=name, kind="choice", choices=(False, True))
    if isinstance(own, str):
        choices = tuple(dict.fromkeys([own, *(one for one in tried if isinstance(one, str))]))
        return ValueRange(name=name, kind="choice", choices=choices) if len(choices) > 1 else None
    numbers = [
        float(one)
        for one in (own, *tried)
        if not isinstance(one, bool | str) and math.isfinite(one)
    ]
    if not numbers:
        return None
    whole = isinstance(own, int)
    low, high, log = _widened(numbers, whole)
    if low >= high:
        return None
    return ValueRange(name=name, kind="int" if whole else "float", low=low, high=high, log=log)


def _widened(numbers: Sequence[float], whole: bool) -> tuple[float, float, bool]:
    """Return low, high, and whether the scale is logarithmic."""
    least, most = min(numbers), max(numbers)
    if least <= 0:
        width = most - least
        low, high = least - width, most + width
        return (math.floor(low), math.ceil(high), False) if whole else (low, high, False)
    low, high = least / _WIDER, most * _WIDER
    if whole:
        return max(1.0, float(math.floor(low))), float(math.ceil(high)), True
    low, high = (float(f"{value:.{_DIGITS}g}") for value in (low, high))
    if most < 1:
        high = min(high, _BELOW_ONE)
    return min(low, least), max(high, most), True
