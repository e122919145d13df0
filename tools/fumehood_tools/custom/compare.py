"""Compare variants of a custom sandbox in one metric, paired by seed, corrected for tries."""

from collections.abc import Sequence

from pydantic import BaseModel

from fumehood_tools.compare.report import Compared, Comparison, Effect, Word
from fumehood_tools.compare.statistics import adjusted, effect, p_value
from fumehood_tools.custom.run import records_of
from fumehood_tools.custom.sealed import custom_of
from fumehood_tools.errors import BadRequest
from fumehood_tools.registry.sae_metrics import QUALITY
from fumehood_tools.runs.baselines import USUAL
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.settings import Settings

ALPHA, FEWEST = 0.05, 3


class CustomRow(BaseModel, frozen=True):
    """One variant beside the baseline. mean: variant minus baseline, in the metric's units."""

    variant: str
    seeds: int
    value: float
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    verdict: str

    def as_compared(self) -> Compared:
        """Return the row in the form that compare_variants has for every sandbox."""
        word: Word = "undecided"
        if self.verdict in ("better", "worse"):
            word = "better" if self.verdict == "better" else "worse"
        seen = Effect(mean=self.mean or 0.0, low=self.low, high=self.high, seeds=self.seeds)
        return Compared(
            variant=self.variant,
            verdict=word,
            reason=self.verdict,
            effect=seen,
            p=None,
            p_adjusted=self.p,
            levels=[],
            other={},
            seeds_needed=None,
            front=None,
            change=None,
            work=None,
            weights=None,
        )


class CustomComparison(BaseModel, frozen=True):
    """A comparison of variants with a baseline. evaluated_by: the sandbox's own code."""

    sandbox: str
    metric: str
    better: str
    baseline: str
    tries: int
    sealed_sha256: str
    pinned: bool
    rows: list[CustomRow]

    def as_comparison(self) -> Comparison:
        """Return it in the form that compare_variants has for every sandbox."""
        found = f"evaluated by this sandbox's own code, sha256 {self.sealed_sha256}"
        warnings = [found, *([] if self.pinned else ["no reviewer has pinned this code"])]
        return Comparison(
            sandbox=self.sandbox,
            setting=f"sealed {self.sealed_sha256[:12]}",
            metric=self.metric,
            baseline=self.baseline,
            l0_range=(0.0, 0.0),
            tries=self.tries,
            noise_floor=None,
            noise_seeds=FEWEST,
            margin=0.0,
            power="",
            otherwise=[],
            rows=[row.as_compared() for row in self.rows if row.mean is not None],
            floor=None,
            pareto=[],
            definitions={"better": "p after correction below 0.05, and more than the smallest"},
            warnings=warnings,
            left_out=[],
            next="read the records in results/",
        )

    def text(self) -> str:
        """Return it as text."""
        by = f"evaluated by this sandbox's own code, sha256 {self.sealed_sha256[:16]}…"
        seal = "pinned by a reviewer" if self.pinned else "NOT pinned by a reviewer"
        lines = [f"{self.sandbox}: {self.metric} ({self.better} is better), {by}, {seal}."]
        for row in self.rows:
            told = f"- {row.variant}: {row.value:.4f} over {row.seeds} seeds"
            if row.mean is not None and row.low is not None and row.high is not None:
                interval = f"95 % interval {row.low:+.4f} to {row.high:+.4f}"
                told += f"; {row.mean:+.4f} against {self.baseline}, {interval}"
            told += f", p {row.p:.3g} after {self.tries} tries" if row.p is not None else ""
            lines.append(f"{told}: {row.verdict}")
        return "\n".join(lines)


def compare_custom(
    settings: Settings,
    box: Sandbox,
    variants: Sequence[str] | None,
    baseline: str,
    metric: str,
) -> CustomComparison:
    """Return how variants differ from a baseline. Raises BadRequest for what was not run.

    variants: None for all others that have a record. baseline: if there is none of this name, the
    first variant of the sandbox that is no control. metric: QUALITY, which is the default of
    compare_variants, means the headline metric of the sandbox.
    """
    custom = custom_of(box)
    chosen = custom.headline if metric == QUALITY else metric
    declared = {one.name: one for one in custom.metrics}
    if chosen not in declared:
        raise BadRequest(f"No metric {chosen!r}. This sandbox has {', '.join(declared)}.")
    records = records_of(settings, box)
    values: dict[str, dict[int, float]] = {}
    for record in records:
        values.setdefault(record["variant"], {})[record["seed"]] = record["metrics"][chosen]
    controls = {record["variant"] for record in records if record["control"]}
    if baseline not in values and baseline == USUAL:
        baseline = next((name for name in sorted(values) if name not in controls), baseline)
    variants = variants or [name for name in sorted(values) if name != baseline]
    if missing := [name for name in (baseline, *variants) if name not in values]:
        raise BadRequest(f"{', '.join(missing)} has no score here. Run it first.")
    tries = len(values.keys() - controls - {baseline}) or 1
    pairs = {name: _paired(values[name], values[baseline]) for name in variants}
    ps = {name: p for name, one in pairs.items() if (p := p_value(one)) is not None}
    corrected = adjusted(ps, tries)
    sign = -1.0 if declared[chosen].better == "lower" else 1.0
    first = _row(baseline, values[baseline], [], None, 0.0, 1.0)
    rows = [first.model_copy(update={"verdict": "the baseline"})]
    for name in variants:
        smallest = declared[chosen].smallest
        rows.append(_row(name, values[name], pairs[name], corrected.get(name), smallest, sign))
    return CustomComparison(
        sandbox=box.name,
        metric=chosen,
        better=declared[chosen].better,
        baseline=baseline,
        tries=tries,
        sealed_sha256=records[0]["sealed_sha256"],
        pinned=all(record["pinned"] for record in records),
        rows=rows,
    )


def _paired(ours: dict[int, float], theirs: dict[int, float]) -> list[float]:
    return [ours[seed] - theirs[seed] for seed in sorted(ours.keys() & theirs.keys())]


def _row(
    name: str,
    values: dict[int, float],
    pairs: Sequence[float],
    p: float | None,
    smallest: float,
    sign: float,
) -> CustomRow:
    mean = sum(values.values()) / len(values)
    if not pairs:
        return CustomRow(variant=name, seeds=len(values), value=mean, verdict="no common seeds")
    found = effect(pairs)
    if len(pairs) < FEWEST:
        verdict = f"undecided: {FEWEST} common seeds or more are needed"
    elif p is None or p >= ALPHA or abs(found.mean) < smallest:
        verdict = "no difference shown"
    else:
        verdict = "better" if sign * found.mean > 0 else "worse"
    return CustomRow(
        variant=name,
        seeds=len(values),
        value=mean,
        mean=found.mean,
        low=found.low,
        high=found.high,
        p=p,
        verdict=verdict,
    )
