"""Compare variants of a custom sandbox in one metric, paired by seed, corrected for tries.

Light: reads records; the child process of compare_variants does the arithmetic, which takes 2 s.
"""

from collections.abc import Sequence

from pydantic import BaseModel

from fumehood_tools.bench.table_rows import Kind
from fumehood_tools.compare import tests_of
from fumehood_tools.compare.question import PairsAsked, PairTest
from fumehood_tools.compare.report import ALPHA, Compared, Comparison, Effect, Word
from fumehood_tools.custom.scored import CustomScores, Version, mean_and_sd, scores_of
from fumehood_tools.custom.sealed import custom_of, is_pinned
from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.registry.sae_metrics import QUALITY
from fumehood_tools.runs.baselines import USUAL
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.settings import Settings
from fumehood_tools.spec import CustomMetric

FEWEST = 3
BASELINE = "the baseline"


class CustomRow(BaseModel, frozen=True):
    """One variant beside the baseline. mean: variant minus baseline, in the metric's units.

    p: corrected for all tries; p_alone: of this variant alone.
    """

    variant: str
    came: bool = False
    seeds: int
    pairs: int = 0
    value: float
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_alone: float | None = None
    verdict: str

    def as_compared(self) -> Compared:
        """Return the row in the form that compare_variants has for every sandbox."""
        word: Word = "undecided" if self.mean is not None else "not comparable"
        if self.verdict in ("better", "worse"):
            word = "better" if self.verdict == "better" else "worse"
        seen = None
        if self.mean is not None:
            seen = Effect(mean=self.mean, low=self.low, high=self.high, seeds=self.pairs)
        return Compared(
            variant=self.variant,
            verdict=word,
            reason=self.verdict,
            effect=seen,
            p=self.p_alone,
            p_adjusted=self.p,
            levels=[],
            other={},
            seeds_needed=FEWEST if self.mean is None or self.pairs < FEWEST else None,
            packaged=self.came,
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
    smallest: float
    baseline: str
    tries: int
    sealed_sha256: str
    pinned: bool
    left_out: list[str] = []
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
            margin=self.smallest,
            power="",
            otherwise=[],
            rows=[row.as_compared() for row in self.rows if row.verdict != BASELINE],
            floor=None,
            pareto=[],
            definitions={"better": "p after correction below 0.05, and more than the smallest"},
            warnings=warnings,
            left_out=self.left_out,
            next=f"read_benchmarks(sandbox={self.sandbox!r})",
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
        lines += [f"left out: {one}" for one in self.left_out]
        return "\n".join([*lines, f"Next: read_benchmarks(sandbox={self.sandbox!r})"])


def compare_custom(
    settings: Settings,
    box: Sandbox,
    variants: Sequence[str] | None,
    baseline: str,
    metric: str,
    setting: str | None = None,
) -> CustomComparison:
    """Return how variants differ from a baseline. Raises BadRequest for what was not run.

    variants: None for all others that have a score. baseline: if there is none of this name, the
    first variant of the sandbox that is no control. metric: QUALITY, which is the default of
    compare_variants, means the headline metric of the sandbox. setting: as in `scores_of`. Only
    the present version of each file is compared; the others count as tries.
    """
    declared = _declared(box, metric)
    scores = scores_of(settings, box, setting)
    current = scores.current()
    if baseline not in current and baseline == USUAL:
        tested = (name for name, one in current.items() if one.kind != "control")
        baseline = next(tested, baseline)
    chosen = [name for name in variants or current if name != baseline]
    if missing := [name for name in (baseline, *chosen) if name not in current]:
        raise BadRequest(f"{', '.join(missing)} has no score here. Run it first.")
    theirs = current[baseline].values(declared.name)
    pairs = {name: _paired(current[name].values(declared.name), theirs) for name in chosen}
    tries = max(1, scores.tries - (current[baseline].kind != "control"))
    asked = {name: some for name, some in pairs.items() if some}
    tests = tests_of(PairsAsked(pairs=asked, tries=tries)).tests if asked else {}
    rows = [_row(current[baseline], declared, [], None, BASELINE)]
    for name in chosen:
        row = _row(current[name], declared, pairs[name], tests.get(name))
        alone = sorted(current[name].values(declared.name).keys() ^ theirs.keys())
        rows.append(_guarded(row, current[name].kind, alone))
    return CustomComparison(
        sandbox=box.name,
        metric=declared.name,
        better=declared.better,
        smallest=declared.smallest,
        baseline=baseline,
        tries=tries,
        sealed_sha256=scores.sealed,
        pinned=is_pinned(settings.state, box, scores.sealed),
        left_out=left_out(scores),
        rows=rows,
    )


def _declared(box: Sandbox, metric: str) -> CustomMetric:
    """Return what sandbox.toml declares about the metric to judge by."""
    custom = custom_of(box)
    chosen = custom.headline if metric == QUALITY else metric
    declared = {one.name: one for one in custom.metrics}
    if chosen not in declared:
        raise UnknownName("metric", chosen, declared, "Compare by one of this sandbox's metrics.")
    if declared[chosen].better == "none":
        raise BadRequest(
            f"{chosen} is only shown: sandbox.toml does not say whether more or less of it is "
            f"better. Compare by {custom.headline}."
        )
    return declared[chosen]


def left_out(scores: CustomScores) -> list[str]:
    """Return one sentence per kind of score that is not shown."""
    found = [
        f"{count} scores by other sealed files, setting='sealed {digest[:12]}'"
        for digest, count in scores.others.items()
    ]
    return found + [f"{place}: {why}" for place, why in scores.broken.items()]


def _paired(ours: dict[int, float], theirs: dict[int, float]) -> list[float]:
    return [ours[seed] - theirs[seed] for seed in sorted(ours.keys() & theirs.keys())]


def _row(
    version: Version,
    metric: CustomMetric,
    pairs: Sequence[float],
    test: PairTest | None,
    verdict: str = "no common seeds",
) -> CustomRow:
    values = version.values(metric.name)
    mean, _ = mean_and_sd(values.values())
    came = version.kind == "baseline"
    row = CustomRow(
        variant=version.variant, came=came, seeds=len(values), value=mean, verdict=verdict
    )
    if test is None:
        return row
    known = {"pairs": len(pairs), "mean": test.mean, "low": test.low, "high": test.high}
    known |= {"p": test.p_adjusted, "p_alone": test.p}
    return row.model_copy(update={**known, "verdict": _verdict(metric, len(pairs), test)})


def _guarded(row: CustomRow, kind: Kind, alone: Sequence[int]) -> CustomRow:
    """Return the row, without a verdict of better or worse if there is an objection to it.

    alone: seeds that only one side has. The others may be a selection: those with which the
    baseline was worst, or those with which the variant did not refuse to run.
    """
    if row.verdict == "better" and kind == "control":
        return row.model_copy(update={"verdict": "not trained here: a control is no method"})
    if row.verdict in ("better", "worse") and alone:
        seeds = ", ".join(map(str, alone))
        said = f"undecided: only one of the two has a score with seeds {seeds}; run both with them"
        return row.model_copy(update={"verdict": said})
    return row


def _verdict(metric: CustomMetric, seeds: int, test: PairTest) -> str:
    if seeds < FEWEST:
        return f"undecided: {FEWEST} common seeds or more are needed"
    if test.p_adjusted is None or test.p_adjusted > ALPHA or abs(test.mean) < metric.smallest:
        return "no difference shown"
    return "better" if (test.mean > 0) == (metric.better == "higher") else "worse"
