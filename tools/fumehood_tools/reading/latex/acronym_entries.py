"""The acronyms and glossary entries that a paper declares."""

from dataclasses import dataclass, field
from typing import NamedTuple


class Acronym(NamedTuple):
    """The forms of one entry. An entry of a glossary has no long form."""

    short: str
    long: str = ""
    short_plural: str = ""
    long_plural: str = ""

    def form(self, part: str, *, several: bool) -> str:
        """Return its short or long form, or the short form in parentheses after the long one."""
        short = (self.short_plural or f"{self.short}s") if several else self.short
        if not self.long:
            return "" if part == "parenthesis" else short
        if part == "parenthesis":
            return f" ({short})"
        if part == "short":
            return short
        return (self.long_plural or f"{self.long}s") if several else self.long


@dataclass
class Acronyms:
    """The entries that a paper declares, those that it has used, and those that it lacks."""

    entries: dict[str, Acronym] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    missing: dict[str, None] = field(default_factory=dict)
