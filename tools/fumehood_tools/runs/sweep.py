"""Decide which SAEs a run trains: variants x seeds x parameters, and searches for target L0s.

A sweep first returns the items that are known at the start. Each time the caller reports the L0 of
an item, it returns the items that follow from it. It returns every item once, even if several
searches need it. Nothing here trains or reads results.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.errors import BadRequest
from fumehood_tools.records.parameters import Value, combinations, constants_of, with_parameters
from fumehood_tools.runs.aiming import Aim
from fumehood_tools.runs.controls import ControlItem
from fumehood_tools.runs.items import Planner, RunItem
from fumehood_tools.sandbox.declarations import read_declarations


class Wanted(NamedTuple):
    """The request of a run. grid: constant -> values to try, for every variant."""

    variants: Sequence[str]
    seeds: Sequence[int]
    grid: Mapping[str, Sequence[Value]] = {}
    l0_targets: Sequence[float] = ()
    controls: Sequence[ControlItem] = ()


class _Search(NamedTuple):
    """One search for an L0: a variant with fixed parameters, and the knob that is varied."""

    variant: str
    knob: str
    parameters: dict[str, Value]
    aim: Aim


class Sweep:
    """The items of one run, as far as they are known yet."""

    def __init__(self, planner: Planner, wanted: Wanted) -> None:
        """`wanted` must have passed `check_wanted`."""
        self.planner, self.wanted = planner, wanted
        self._handed_out: dict[Path, RunItem] = {}
        self._waiting: dict[Path, list[_Search]] = {}
        self._known: dict[Path, float | None] = {}
        self._searches: list[_Search] = []

    @property
    def total(self) -> int:
        """Number of SAEs returned so far, plus the least number that running searches will add."""
        going = sum(search.aim.next_value is not None for search in self._searches)
        return len(self._handed_out) + going * (len(self.wanted.seeds) - 1)

    def first(self) -> list[RunItem]:
        """Return the items that are known at the start."""
        found: list[RunItem] = []
        for variant in self.wanted.variants:
            for chosen in combinations(self.wanted.grid):
                if self.wanted.l0_targets:
                    found += self._aimed(variant, chosen)
                else:
                    found += self._seeds(variant, chosen)
        for control in self.wanted.controls:
            found += self._new(self.planner.controls(control))
        return found

    def after(self, item: RunItem, l0: float | None) -> list[RunItem]:
        """Return the items that follow from an item's L0, or from None (it got no score)."""
        self._known[item.folder] = l0
        found: list[RunItem] = []
        for search in self._waiting.pop(item.folder, []):
            found += self._told(search, l0)
        return found

    def aimed(self) -> list[dict[str, Any]]:
        """Return the outcome of each search, for the job's result."""
        return [
            {
                "variant": search.variant,
                "target_l0": search.aim.target,
                "knob": search.knob,
                "value": search.aim.best.value,
                "l0": round(search.aim.best.l0, 2),
                "hit": search.aim.hit,
                "tries": len(search.aim.tries),
            }
            for search in self._searches
            if search.aim.tries
        ]

    def _aimed(self, variant: str, chosen: dict[str, Value]) -> list[RunItem]:
        """Start a search for every target; return the first tries, with the file's own value."""
        source = self.planner.source(variant)
        knob, start = knob_value(source, variant)
        found = []
        for target in self.wanted.l0_targets:
            search = _Search(variant, knob, chosen, Aim(start, target))
            self._searches.append(search)
            found += self._try(search)
        return found

    def _try(self, search: _Search) -> list[RunItem]:
        """Return the items for a search's next try; [] if that item was returned before."""
        value = search.aim.next_value
        assert value is not None, "nothing to try"
        parameters = {**search.parameters, search.knob: value}
        item = self.planner.item(search.variant, self.wanted.seeds[0], parameters)
        if item.folder in self._known:
            return self._told(search, self._known[item.folder])
        self._waiting.setdefault(item.folder, []).append(search)
        return self._new([item])

    def _told(self, search: _Search, l0: float | None) -> list[RunItem]:
        """Report an L0 to a search; return its next items, or [] if the try got no score."""
        if l0 is None:
            search.aim.give_up()
            return []
        search.aim.take(l0)
        if search.aim.next_value is not None:
            return self._try(search)
        best = {**search.parameters, search.knob: search.aim.best.value}
        return self._seeds(search.variant, best)

    def _seeds(self, variant: str, parameters: Mapping[str, Value]) -> list[RunItem]:
        return self._new(self.planner.item(variant, seed, parameters) for seed in self.wanted.seeds)

    def _new(self, items: Iterable[RunItem]) -> list[RunItem]:
        found = [item for item in items if item.folder not in self._handed_out]
        self._handed_out |= {item.folder: item for item in found}
        return found


def knob_value(source: bytes, variant: str) -> tuple[str, int | float]:
    """Return the name and value of the knob in a variant's file. Raises BadRequest without one."""
    knob = read_declarations(source).knob
    value = constants_of(source).get(knob) if knob else None
    if knob is None or isinstance(value, bool | str | None) or value <= 0:
        raise BadRequest(
            f"variants/{variant}.py names no sparsity knob to vary. Write K = 32 and KNOB = "
            '"K" at its top (any constant above 0 that controls L0), or omit l0_targets.'
        )
    return knob, value


def check_wanted(sources: Mapping[str, bytes], wanted: Wanted) -> int:
    """Check a request; return the least number of SAEs that it leads to.

    sources: of all variants. Raises UnknownName for a constant that a variant does not have, and
    BadRequest for a value of the wrong type or a knob that is missing or also in the grid.
    """
    for variant in wanted.variants:
        for chosen in combinations(wanted.grid):
            with_parameters(sources[variant], variant, chosen)
        if wanted.l0_targets:
            knob, _ = knob_value(sources[variant], variant)
            if knob in wanted.grid:
                raise BadRequest(
                    f"{knob} is the knob of {variant}, and l0_targets search for its value. "
                    "Remove it from grid, or omit l0_targets."
                )
    settings = len(combinations(wanted.grid)) * max(1, len(wanted.l0_targets))
    return (len(wanted.variants) * settings + len(wanted.controls)) * len(wanted.seeds)
