"""The metrics: what each is called, how it is shown, and which differences in it mean anything."""

from typing import NamedTuple


class Metric(NamedTuple):
    """One number of a record."""

    key: str
    title: str
    digits: int = 4
