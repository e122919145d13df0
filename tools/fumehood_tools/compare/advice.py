"""The calls that would make a comparison possible, or decide it, as an agent can send them.

Each call changes the answer when it is made: it trains SAEs that do not exist yet. What was tried
before without success is not advised again; another way is named instead.
"""

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from fumehood_tools.bench.noise import LEAST_SEEDS
from fumehood_tools.compare.measured import Measured
from fumehood_tools.compare.question import Question, ScoredSae
from fumehood_tools.records.labelling import file_of
from fumehood_tools.records.levels import is_at, shown
from fumehood_tools.records.parameters import Value

USUAL = "topk"
"""The baseline that run_variants brings along if none is named."""
MOST_CALLS, MOST_TARGETS, MOST_SEEDS = 3, 10, 50

Level = list[ScoredSae]
"""The SAEs of one label: one per seed."""


class Call(NamedTuple):
    """A call of a tool for one or more variants. others: its further arguments."""

    tool: str
    files: tuple[str, ...]
    others: tuple[tuple[str, Any], ...] = ()

    def text(self, sandbox: str) -> str:
        """Return the call as text."""
        many = self.tool == "run_variants"
        about = ("variants", list(self.files)) if many else ("variant", self.files[0])
        arguments = [("sandbox", sandbox), about, *self.others]
        return f"{self.tool}({', '.join(f'{name}={value!r}' for name, value in arguments)})"


class Advisor:
    """Finds what a comparison lacks."""

    def __init__(self, question: Question, measured: Measured) -> None:
        self.question, self.measured = question, measured
        self.base = question.baseline
        self.curves = measured.baseline(question.metric.key).curves

    def text(self, calls: Iterable[Call]) -> str:
        """Return calls as one text, with fewer calls where one can do the work of several."""
        found = [call.text(self.question.sandbox) for call in _merged(calls)]
        more = [f"{len(found) - MOST_CALLS} more"] if len(found) > MOST_CALLS else []
        return ", then ".join([*found[:MOST_CALLS], *more])

    def more_seeds(self, name: str, count: int, *, noise: bool = False) -> list[Call]:
        """Return the calls after which a variant and the baseline have `count` seeds in common.

        noise: no level of the baseline has two seeds, so it is run in any case.
        """
        if name in self.question.failing:
            return [_check(name)]
        known = [*self.curves] or [point.seed for point in self.measured.by_variant[name]]
        seeds = list(range(min(known), min(known) + min(count, MOST_SEEDS)))
        levels = self.levels(name)
        lacking = [level for level in levels if not {p.seed for p in level} >= set(seeds)]
        calls = _at_parameters(lacking, seeds)
        if noise or any(self.covering(level, seeds) < len(seeds) for level in levels):
            calls += self.of_baseline(levels, seeds)
        return calls

    def lost(self, name: str) -> list[Call]:
        """Return the calls that run a variant's deleted and withdrawn seeds again."""
        if name in self.question.failing:
            return [_check(name)]
        levels, seeds = self.levels(name), self.question.lost.get(name, [])
        return _at_parameters(levels, seeds) if seeds else []

    def slope(self, name: str) -> list[Call]:
        """Return the call that runs the baseline at several levels around those of a variant."""
        levels = self.levels(name)
        return self.of_baseline(levels, sorted(self.curves), plain=False)

    def coverage(self, name: str) -> list[Call]:
        """Return the calls that bring the baseline to a variant's L0, or the variant to its.

        Empty if neither is possible.
        """
        levels = [level for level in self.levels(name) if self.covering(level) < 2]
        seeds = sorted(self.curves.keys() & {point.seed for level in levels for point in level})
        missed = self.question.missed
        if all(self.can_be(self.base, l0) for l0 in _l0s(levels)) and self.knob_of(self.base):
            return self.of_baseline(levels, seeds, plain=False)
        covers = [curve.l0s for curve in self.curves.values()]
        ends = max(low for low, *_ in covers), min(l0s[-1] for l0s in covers)
        l0 = shown(ends[0] if _l0s(levels)[0] < ends[0] else ends[1])
        if self.knob_of(name) and self.can_be(name, l0) and l0 not in missed.get(name, ()):
            return [self._aimed(file_of(name), seeds, [l0])]
        return []

    def of_baseline(
        self, levels: Sequence[Level], seeds: Sequence[int], *, plain: bool = True
    ) -> list[Call]:
        """Return the call that runs the baseline at the L0s of some levels.

        plain: a run of the unchanged file is enough where it is at these L0s.
        """
        own = self.levels(self.base)
        if not self.knob_of(self.base):
            return _at_parameters(own, seeds)
        here = [_l0(level) for level in own if not level[0].parameters]
        if plain and here and all(is_at(here[0], l0) for l0 in _l0s(levels)):
            return [Call("run_variants", (file_of(self.base),), (("seeds", list(seeds)),))]
        targets = list(dict.fromkeys(shown(l0) for l0 in _l0s(levels)))
        return [self._aimed(file_of(self.base), seeds, targets[:MOST_TARGETS])]

    def levels(self, name: str) -> list[Level]:
        """Return the levels of a variant that count, in order of L0: those with the most seeds."""
        by_label: dict[str, Level] = {}
        for point in self.measured.by_variant[name]:
            by_label.setdefault(point.label, []).append(point)
        least = min(LEAST_SEEDS, max(len(level) for level in by_label.values()))
        return sorted((level for level in by_label.values() if len(level) >= least), key=_l0)

    def covering(self, level: Level, seeds: Iterable[int] | None = None) -> int:
        """Return the number of seeds whose curve covers a level; by default of the level's own."""
        wanted = {point.seed for point in level} if seeds is None else set(seeds)
        curves = (curve for seed, curve in self.curves.items() if seed in wanted)
        return sum(curve.at(_l0(level)) is not None for curve in curves)

    def can_be(self, name: str, l0: float) -> bool:
        """Return whether an L0 is a possible target, and was not searched for in vain."""
        most = self.question.most_l0
        missed = self.question.missed.get(file_of(name), ())
        possible = l0 >= 1 and (most is None or l0 <= most)
        return possible and not any(is_at(l0, target) for target in missed)

    def knob_of(self, name: str) -> str | None:
        """Return the knob of a variant's file, or None."""
        return next((point.knob for point in self.measured.by_variant[name]), None)

    def _aimed(self, file: str, seeds: Sequence[int], targets: Sequence[float]) -> Call:
        said = [int(l0) if l0 == int(l0) else l0 for l0 in targets]
        base = file_of(self.base)
        named = () if base == USUAL else (("baseline", base),)
        others = (("seeds", list(seeds)), ("l0_targets", said), *named)
        return Call("run_variants", (file,), others)


def _check(name: str) -> Call:
    return Call("check_variant", (file_of(name),))


def _merged(calls: Iterable[Call]) -> list[Call]:
    """Return the calls, with fewer where one can do the work of several."""
    targets: dict[str, tuple[Call, list[float]]] = {}
    for call in calls:
        others = dict(call.others)
        key = repr((call.tool, call.files, others | {"l0_targets": ...}))
        kept = targets.setdefault(key, (call, []))[1]
        wanted = others.get("l0_targets", ())
        kept += [l0 for l0 in wanted if not any(is_at(l0, other) for other in kept)]
    files: dict[str, Call] = {}
    for call, l0s in targets.values():
        others = dict(call.others)
        if l0s:
            others["l0_targets"] = sorted(l0s)[:MOST_TARGETS]
        one = call._replace(others=tuple(others.items()))
        key = repr(one.others if one.tool == "run_variants" else one)
        known = files[key].files if key in files else ()
        files[key] = one._replace(files=tuple(dict.fromkeys((*known, *one.files))))
    return list(files.values())


def _at_parameters(levels: Iterable[Level], seeds: Sequence[int]) -> list[Call]:
    """Return the calls that run a variant with the parameters of some of its levels."""
    values: dict[tuple[str, str | None, tuple[tuple[str, Value], ...]], list[Value]] = {}
    for level in levels:
        first, knob = level[0], level[0].knob
        fixed = tuple(pair for pair in sorted(first.parameters.items()) if pair[0] != knob)
        key = file_of(first.variant), knob if knob in first.parameters else None, fixed
        values.setdefault(key, []).extend([first.parameters[knob]] if key[1] and knob else [])
    calls = []
    for (file, knob, fixed), tried in values.items():
        grid = [{"name": name, "values": [value]} for name, value in fixed]
        grid += [{"name": knob, "values": tried}] if knob else []
        others = (("seeds", list(seeds)), *([("grid", grid)] if grid else []))
        calls.append(Call("run_variants", (file,), others))
    return calls


def _l0(level: Level) -> float:
    return fmean(point.l0 for point in level)


def _l0s(levels: Iterable[Level]) -> list[float]:
    return [_l0(level) for level in levels]
