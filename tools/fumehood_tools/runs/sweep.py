"""Which SAEs a run wants: variants x seeds x parameters, and what aiming at an L0 leads to.

A sweep hands out items that are known now; told the L0 of one, it hands out what follows from it.
An item is handed out once, whatever asks for it. Nothing here trains or reads results.
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
    """What a run asks for; grid: constant -> values, for every variant."""

    variants: Sequence[str]
    seeds: Sequence[int]
    grid: Mapping[str, Sequence[Value]] = {}
    l0_targets: Sequence[float] = ()
    controls: Sequence[ControlItem] = ()


class _Search(NamedTuple):
    """One aim: of a variant with some parameters, on its knob."""

    variant: str
    knob: str
    parameters: dict[str, Value]
    aim: Aim


class Sweep:
    """The items of one run, as far as they are known."""

    def __init__(self, planner: Planner, wanted: Wanted) -> None:
        """Raise what `check_wanted` raises."""
        self.planner, self.wanted = planner, wanted
        self._handed_out: dict[Path, RunItem] = {}
        self._waiting: dict[Path, list[_Search]] = {}
        self._known: dict[Path, float | None] = {}
        self._searches: list[_Search] = []

    @property
    def total(self) -> int:
        """SAEs handed out, and at least as many more as searches that go on will want."""
        going = sum(search.aim.next_value is not None for search in self._searches)
        return len(self._handed_out) + going * (len(self.wanted.seeds) - 1)

    def first(self) -> list[RunItem]:
        """Return what is known to be wanted from the start."""
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
        """Return what is wanted now that an item has this L0, or (None) got no score."""
        self._known[item.folder] = l0
        found: list[RunItem] = []
        for search in self._waiting.pop(item.folder, []):
            found += self._told(search, l0)
        return found

    def aimed(self) -> list[dict[str, Any]]:
        """Return what came of each search, for the job's result."""
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
        """Return the first try of every target: the file's own value of the knob."""
        source = self.planner.source(variant)
        knob, start = knob_value(source, variant)
        found = []
        for target in self.wanted.l0_targets:
            search = _Search(variant, knob, chosen, Aim(start, target))
            self._searches.append(search)
            found += self._try(search)
        return found

    def _try(self, search: _Search) -> list[RunItem]:
        """Return the item of the next try; none if it was handed out before."""
        value = search.aim.next_value
        assert value is not None, "nothing to try"
        parameters = {**search.parameters, search.knob: value}
        item = self.planner.item(search.variant, self.wanted.seeds[0], parameters)
        if item.folder in self._known:
            return self._told(search, self._known[item.folder])
        self._waiting.setdefault(item.folder, []).append(search)
        return self._new([item])

    def _told(self, search: _Search, l0: float | None) -> list[RunItem]:
        """Return what a search wants next; nothing when its try got no score."""
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
    """Return the knob of a variant's file and its value. Raises BadRequest for a file without."""
    knob = read_declarations(source).knob
    value = constants_of(source).get(knob) if knob else None
    if knob is None or isinstance(value, bool | str | None) or value <= 0:
        raise BadRequest(
            f"variants/{variant}.py names no sparsity knob to aim with. Write K = 32 and "
            'KNOB = "K" at its top (any constant above 0 that sets L0), or leave l0_targets out.'
        )
    return knob, value


def check_wanted(sources: Mapping[str, bytes], wanted: Wanted) -> int:
    """Return how many SAEs are wanted at least.

    sources: of all variants. Raises UnknownName for a constant that a variant does not have,
    BadRequest for a value that does not fit, a knob that is missing or is in the grid as well.
    """
    for variant in wanted.variants:
        for chosen in combinations(wanted.grid):
            with_parameters(sources[variant], variant, chosen)
        if wanted.l0_targets:
            knob, _ = knob_value(sources[variant], variant)
            if knob in wanted.grid:
                raise BadRequest(
                    f"{knob} is the knob of {variant}: l0_targets search for its value. Take it "
                    "out of grid, or leave l0_targets out."
                )
    settings = len(combinations(wanted.grid)) * max(1, len(wanted.l0_targets))
    return (len(wanted.variants) * settings + len(wanted.controls)) * len(wanted.seeds)
