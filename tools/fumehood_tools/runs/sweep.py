"""Decide which SAEs a run trains: variants x seeds x parameters, and searches for target L0s.

A sweep first returns the items that are known at the start. Each time the caller reports the L0 of
an item, it returns the items that follow from it. It returns every item once, even if several
searches need it. Nothing here trains or reads results.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from fumehood_tools.errors import BadRequest
from fumehood_tools.records.parameters import Value, combinations, constants_of, with_parameters
from fumehood_tools.runs.aiming import Aim
from fumehood_tools.runs.items import Planner, RunItem
from fumehood_tools.runs.request import RunRequest
from fumehood_tools.sandbox.declarations import read_declarations


class _Search(NamedTuple):
    """One search for an L0: a variant with fixed parameters, and the knob that is varied."""

    variant: str
    knob: str
    parameters: dict[str, Value]
    aim: Aim
    is_around: bool = False


class Sweep:
    """The items of one run, as far as they are known yet."""

    def __init__(self, planner: Planner, request: RunRequest) -> None:
        """`request` must have passed `check_request`."""
        self.planner, self.request = planner, request
        self._handed_out: dict[Path, RunItem] = {}
        self._waiting: dict[Path, list[_Search]] = {}
        self._known: dict[Path, float | None] = {}
        self._searches: list[_Search] = []
        self._confirming: list[tuple[_Search, list[Path]]] = []

    @property
    def total(self) -> int:
        """Number of SAEs returned so far, plus the least number that running searches will add."""
        going = sum(search.aim.next_value is not None for search in self._searches)
        return len(self._handed_out) + going * (len(self.request.seeds) - 1)

    @property
    def is_searching(self) -> bool:
        """Whether a search for an L0 is going on, which may add SAEs to the total."""
        return any(not search.aim.is_settled for search in self._searches)

    def first(self) -> list[RunItem]:
        """Return the items that are known at the start."""
        found: list[RunItem] = []
        for variant in self.request.variants:
            for chosen in combinations(self.request.grid):
                if self.request.l0_targets:
                    found += self._aimed(variant, chosen, self.request.l0_targets)
                else:
                    found += self._seeds(variant, chosen)
        if self.request.baseline is not None:
            targets = self.request.baseline_targets
            found += self._aimed(self.request.baseline, {}, targets, is_around=True)
        for control in self.request.controls:
            found += self._new(self.planner.controls(control))
        for twin in twins_of(self.request):
            found += self._seeds(twin, {})
        return found

    def after(self, item: RunItem, l0: float | None) -> list[RunItem]:
        """Return the items that follow from an item's L0, or from None (it got no score)."""
        self._known[item.folder] = l0
        found: list[RunItem] = []
        for search in self._waiting.pop(item.folder, []):
            found += self._told(search, l0)
        return found + self._judged()

    def aimed(self, *, around: bool = False) -> list[dict[str, Any]]:
        """Return the outcome of each search, for the job's result.

        around: of those that bring the baseline to levels around the targets.
        """
        return [
            {
                "variant": search.variant,
                "target_l0": search.aim.target,
                "knob": search.knob,
                "value": search.aim.best.value,
                "l0": round(search.aim.best.l0, 2),
                "seeds": search.aim.best.seeds,
                "hit": search.aim.hit,
                "tries": len(search.aim.tries),
            }
            for search in self._searches
            if search.aim.tries and search.is_around == around
        ]

    def _aimed(
        self,
        variant: str,
        chosen: dict[str, Value],
        targets: Sequence[float],
        *,
        is_around: bool = False,
    ) -> list[RunItem]:
        """Start a search for every target; return the first tries, with the file's own value."""
        source = self.planner.source(variant)
        knob, start = knob_value(source, variant)
        found = []
        for target in targets:
            search = _Search(variant, knob, chosen, Aim(start, target), is_around)
            self._searches.append(search)
            found += self._try(search)
        return found

    def _try(self, search: _Search) -> list[RunItem]:
        """Return the items for a search's next try; [] if that item was returned before."""
        value = search.aim.next_value
        assert value is not None, "nothing to try"
        parameters = {**search.parameters, search.knob: value}
        item = self.planner.item(search.variant, self.request.seeds[0], parameters)
        if item.folder in self._known:
            return self._told(search, self._known[item.folder])
        self._waiting.setdefault(item.folder, []).append(search)
        return self._new([item])

    def _told(self, search: _Search, l0: float | None) -> list[RunItem]:
        """Report an L0 to a search; return its next items, or [] if the try got no score."""
        if l0 is None:
            search.aim.give_up()
        else:
            search.aim.take(l0)
        return self._go_on(search)

    def _go_on(self, search: _Search) -> list[RunItem]:
        """Return the items for a search's next try, or for all seeds of its best value."""
        if search.aim.next_value is not None:
            return self._try(search)
        if search.aim.is_settled:
            return []
        best = {**search.parameters, search.knob: search.aim.best.value}
        items = [self.planner.item(search.variant, seed, best) for seed in self.request.seeds]
        self._confirming.append((search, [item.folder for item in items]))
        return self._new(items) + self._judged()

    def _judged(self) -> list[RunItem]:
        """Judge every value all of whose seeds have ended; return the items that follow."""
        ready = [one for one in self._confirming if self._known.keys() >= set(one[1])]
        self._confirming = [one for one in self._confirming if one not in ready]
        found: list[RunItem] = []
        for search, folders in ready:
            # Never empty: the value was chosen because the first seed has a score there.
            l0s = [l0 for folder in folders if (l0 := self._known[folder]) is not None]
            search.aim.confirm(fmean(l0s), len(l0s))
            found += self._go_on(search)
        return found

    def _seeds(self, variant: str, parameters: Mapping[str, Value]) -> list[RunItem]:
        return self._new(
            self.planner.item(variant, seed, parameters) for seed in self.request.seeds
        )

    def _new(self, items: Iterable[RunItem]) -> list[RunItem]:
        found = [item for item in items if item.folder not in self._handed_out]
        self._handed_out |= {item.folder: item for item in found}
        return found


def twins_of(request: RunRequest) -> list[str]:
    """Return the baselines that a run trains as they are written, to judge its controls by.

    Controls are copies of a baseline as it is written, and only its own seeds show whether they
    differ by more than noise. A run without target L0s and grid has them among its variants.
    """
    is_changed = bool(request.l0_targets or request.grid)
    return list(dict.fromkeys(control.twin for control in request.controls)) if is_changed else []


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


def check_request(sources: Mapping[str, bytes], request: RunRequest) -> int:
    """Check a request; return the least number of SAEs that it leads to.

    sources: of all variants and the baseline. Raises UnknownName for a constant that a variant does
    not have, and BadRequest for a value of the wrong type or a knob that is missing or also in the
    grid.
    """
    for variant in request.variants:
        for chosen in combinations(request.grid):
            with_parameters(sources[variant], variant, chosen)
        if request.l0_targets:
            knob, _ = knob_value(sources[variant], variant)
            if knob in request.grid:
                raise BadRequest(
                    f"{knob} is the knob of {variant}, and l0_targets search for its value. "
                    "Remove it from grid, or omit l0_targets."
                )
    if request.baseline is not None:
        knob_value(sources[request.baseline], request.baseline)
    settings = len(combinations(request.grid)) * max(1, len(request.l0_targets))
    levels = len(request.variants) * settings + len(request.baseline_targets)
    more = len(request.controls) + len(twins_of(request))
    return (levels + more) * len(request.seeds)


def search_runs(sources: Mapping[str, bytes], request: RunRequest) -> int:
    """Return the number of SAEs that the searches will probably train in addition.

    sources: of all variants and the baseline. The file's own value is tried once for all targets of
    a variant, unless that SAE is one of the run's. Then a count of latents (an int) is hit at the
    next try, which is one of the run's SAEs, and a penalty after one or two more.
    """
    if not request.l0_targets:
        return 0
    copies, twins = len(combinations(request.grid)), twins_of(request)
    found = 0
    for name in dict.fromkeys([*request.variants, *filter(None, [request.baseline])]):
        searched = copies if name in request.variants else 1
        is_count = isinstance(knob_value(sources[name], name)[1], int)
        found += searched * (1 if is_count else 1 + len(request.l0_targets))
        found -= name in twins and not request.grid
    return found
