"""The calls that would make a comparison possible, or decide it, as an agent can send them.

Each call changes the answer when it is made: it trains SAEs that do not exist yet. What was tried
before without success is not advised again; another way is named instead.
"""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from fumehood_tools.bench.noise import LEAST_SEEDS
from fumehood_tools.compare.measured import Measured
from fumehood_tools.compare.question import Question, ScoredSae
from fumehood_tools.records.labelling import file_of, trained_as
from fumehood_tools.records.levels import is_at, shown
from fumehood_tools.records.parameters import Value
from fumehood_tools.records.seed_lists import MOST_SEEDS, short_seeds

USUAL = "topk"
"""The baseline that run_variants brings along if none is named."""
MOST_CALLS, MOST_TARGETS = 3, 10

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
        """Return calls as one text, with fewer calls where one can do the work of several.

        If there are too many, those that follow are named by their variants: the comparison names
        the calls themselves once the first ones are made.
        """
        merged = _merged(calls)
        found = [call.text(self.question.sandbox) for call in merged[:MOST_CALLS]]
        if not (later := merged[MOST_CALLS:]):
            return ", then ".join(found)
        files = ", ".join(dict.fromkeys(file for call in later for file in call.files))
        again = f"compare_variants(sandbox={self.question.sandbox!r})"
        return f"{', then '.join(found)}, then {again} for the calls about {files}"

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
        if noise or not all(self.covers(l0, seed) for l0 in _l0s(levels) for seed in seeds):
            calls += self.of_baseline(_l0s(levels), seeds)
        return self.as_here(calls)

    def lost(self, name: str) -> list[Call]:
        """Return the calls that run a variant's deleted and withdrawn seeds again."""
        if name in self.question.failing:
            return [_check(name)]
        levels, seeds = self.levels(name), self.question.lost.get(name, [])
        return self.as_here(_at_parameters(levels, seeds)) if seeds else []

    def slope(self, name: str) -> list[Call]:
        """Return the call that runs the baseline at several levels around those of a variant."""
        levels = self.levels(name)
        return self.as_here(self.of_baseline(_l0s(levels), sorted(self.curves), plain=False))

    def coverage(self, name: str) -> list[Call]:
        """Return the calls that bring the baseline to a variant's L0, or the variant to its.

        Empty if neither is possible.
        """
        points = [point for level in self.levels(name) for point in level]
        left = [point for point in points if self.covers(point.l0, point.seed) is False]
        l0s, seeds = sorted(point.l0 for point in left), sorted({point.seed for point in left})
        if not l0s:
            return []
        if self.knob_of(self.base) and all(self.can_be(self.base, l0) for l0 in l0s):
            return self.as_here(self.of_baseline(l0s, seeds, plain=False))
        covered = [curve.l0s for curve in self.curves.values()]
        low, high = max(l0s[0] for l0s in covered), min(l0s[-1] for l0s in covered)
        l0 = shown(low if l0s[0] < low else high)
        if self.knob_of(name) and self.can_be(name, l0):
            return self.as_here([self._aimed(file_of(name), seeds, [l0])])
        return []

    def uncovered(self, name: str, calls: Sequence[Call]) -> str:
        """Return the reason why the baseline does not cover a variant, with what to do."""
        own, theirs = (
            f"L0 {low:.0f}" if f"{low:.0f}" == f"{high:.0f}" else f"L0 {low:.0f} to {high:.0f}"
            for points in (self.measured.by_variant[name], self.measured.base)
            for low, high in [(min(p.l0 for p in points), max(p.l0 for p in points))]
        )
        said = f"{own} is not covered by {self.base} ({theirs})"
        if calls:
            return f"{said}. Next: {self.text(calls)}"
        return (
            f"{said}, and neither was brought to the L0 of the other. Name the constant that sets "
            f"the sparsity of {name} as KNOB in its file, change what limits its L0, or compare it "
            "with a baseline of similar L0"
        )

    def of_baseline(
        self, l0s: Sequence[float], seeds: Sequence[int], *, plain: bool = True
    ) -> list[Call]:
        """Return the call that runs the baseline at some L0s, as sandbox.toml trains.

        plain: a run of the unchanged file is enough where it is at these L0s.
        """
        own = self.levels(self.base)
        if not self.knob_of(self.base):
            return _at_parameters(own, seeds)
        here = [_l0(level) for level in own if not level[0].parameters]
        if plain and here and all(is_at(here[0], l0) for l0 in l0s):
            return [Call("run_variants", (file_of(self.base),), (_seeds(seeds),))]
        return [self._aimed(file_of(self.base), seeds, [shown(l0) for l0 in l0s])]

    def trained(self, name: str, training: Mapping[str, float], count: int = 0) -> list[Call]:
        """Return the calls that train the baseline in another way at the levels of a variant.

        training: the values that differ from sandbox.toml. count: seeds, at least those of the
        variant. Empty if this was tried in vain.
        """
        levels = self.levels(name)
        known = {point.seed for level in levels for point in level}
        seeds = sorted(known | set(range(min(known), min(known) + count)))[:MOST_SEEDS]
        missed = self.question.missed.get(trained_as(file_of(self.base), training), ())
        l0s = [l0 for l0 in _l0s(levels) if not any(is_at(l0, target) for target in missed)]
        return _with(self.of_baseline(l0s, seeds, plain=False) if l0s else [], training)

    def as_here(self, calls: Iterable[Call]) -> list[Call]:
        """Return calls that train as the setting does that is compared, and not as another."""
        return _with(calls, self.question.training)

    def levels(self, name: str) -> list[Level]:
        """Return the levels of a variant that count, in order of L0: those with the most seeds."""
        by_label: dict[str, Level] = {}
        for point in self.measured.by_variant[name]:
            by_label.setdefault(point.label, []).append(point)
        least = min(LEAST_SEEDS, max(len(level) for level in by_label.values()))
        return sorted((level for level in by_label.values() if len(level) >= least), key=_l0)

    def covers(self, l0: float, seed: int) -> bool | None:
        """Return whether the baseline covers an L0 with a seed; None without this seed."""
        return None if seed not in self.curves else self.curves[seed].at(l0) is not None

    def can_be(self, name: str, l0: float) -> bool:
        """Return whether an L0 is a possible target, and was not searched for in vain."""
        most = self.question.most_l0
        trained = trained_as(file_of(name), self.question.training)
        missed = self.question.missed.get(trained, ())
        possible = l0 >= 1 and (most is None or l0 <= most)
        return possible and not any(is_at(l0, target) for target in missed)

    def knob_of(self, name: str) -> str | None:
        """Return the knob of a variant's file, or None."""
        return next((point.knob for point in self.measured.by_variant[name]), None)

    def _aimed(self, file: str, seeds: Sequence[int], targets: Sequence[float]) -> Call:
        said = [int(l0) if l0 == int(l0) else l0 for l0 in targets]
        base = file_of(self.base)
        named = () if base == USUAL else (("baseline", base),)
        others = (_seeds(seeds), ("l0_targets", said), *named)
        return Call("run_variants", (file,), others)


def _with(calls: Iterable[Call], training: Mapping[str, float]) -> list[Call]:
    """Return calls of run_variants with values of [training], if there are any."""
    more = (("training", dict(training)),) if training else ()
    return [call._replace(others=(*call.others, *more)) for call in calls]


def _check(name: str) -> Call:
    return Call("check_variant", (file_of(name),))


def _merged(calls: Iterable[Call]) -> list[Call]:
    """Return the calls, with fewer where one can do the work of several."""
    targets: dict[str, tuple[Call, list[float]]] = {}
    for call in calls:
        others = dict(call.others)
        key = repr((call.tool, call.files, others | {"l0_targets": ...}))
        kept = targets.setdefault(key, (call, []))[1]
        for l0 in others.get("l0_targets", ()):
            if not any(is_at(l0, other) for other in kept):
                kept.append(l0)
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
        others = (_seeds(seeds), *([("grid", grid)] if grid else []))
        calls.append(Call("run_variants", (file,), others))
    return calls


def _seeds(seeds: Sequence[int]) -> tuple[str, Any]:
    return "seeds", short_seeds(seeds)


def _l0(level: Level) -> float:
    return fmean(point.l0 for point in level)


def _l0s(levels: Iterable[Level]) -> list[float]:
    return [_l0(level) for level in levels]
