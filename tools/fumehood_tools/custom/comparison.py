"""A comparison in a custom sandbox, as data and as text, and in the form that every sandbox has."""

from typing import Literal

from pydantic import BaseModel

from fumehood_tools.bench.noise import LEAST_SEEDS
from fumehood_tools.bench.table_rows import Kind
from fumehood_tools.compare.report import Compared, Comparison, Effect, Word
from fumehood_tools.records.seed_lists import MOST_SEEDS

BASELINE: Literal["the baseline"] = "the baseline"
CustomWord = Word | Literal["the baseline"]
NO_PAIRS = "it has no seed in common with {0}: run both with the same seeds"
_TRIES = (
    "corrected for {0} that were tried in the custom sandboxes of this workspace "
    "(the value of a constant that was edited is another version), separately for gains and "
    "losses; if seeds were added after others had been scored, this is the k-th look at the "
    "variant, and its p is multiplied by k(k+1)/2 first"
)


class CustomRow(BaseModel, frozen=True):
    """One variant beside the baseline. mean: variant minus baseline, in the metric's units.

    p: corrected for all tries and looks; p_alone: of this variant alone.
    """

    variant: str
    kind: Kind = "custom"
    seeds: int
    pairs: int = 0
    value: float
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_alone: float | None = None
    verdict: CustomWord
    reason: str = ""
    seeds_needed: int | None = None

    def as_compared(self) -> Compared:
        """Return the row in the form that compare_variants has for every sandbox."""
        assert self.verdict != "the baseline", "the baseline is not compared with itself"
        seen = None
        if self.mean is not None:
            seen = Effect(mean=self.mean, low=self.low, high=self.high, seeds=self.pairs)
        return Compared(
            variant=self.variant,
            verdict=self.verdict,
            reason=self.reason,
            effect=seen,
            p=self.p_alone,
            p_adjusted=self.p,
            levels=[],
            other={},
            seeds_needed=self.seeds_needed,
            packaged=self.kind == "baseline",
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
        words = {str(row.verdict) for row in self.rows}
        return Comparison(
            sandbox=self.sandbox,
            setting=f"sealed {self.sealed_sha256[:12]}",
            metric=self.metric,
            baseline=self.baseline,
            l0_range=(0.0, 0.0),
            tries=self.tries,
            noise_floor=None,
            noise_seeds=max([LEAST_SEEDS, *(row.pairs for row in self.rows)]),
            margin=self.smallest,
            power="",
            otherwise=[],
            rows=[row.as_compared() for row in self.rows if row.verdict != BASELINE],
            floor=None,
            pareto=[],
            definitions={
                word: text
                for word, text in self.meanings().items()
                if word in {*words, "p_adjusted"}
            },
            warnings=warnings,
            left_out=self.left_out,
            next=self.next_call(),
        )

    def meanings(self) -> dict[str, str]:
        """Return what the words mean here."""
        sign, other = ("above", "below") if self.better == "higher" else ("below", "above")
        least = f"corrected p at most 0.05, a mean of at least {self.smallest:g}, 3 seeds or more"
        return {
            "better": f"the mean difference is {sign} 0: {least}",
            "worse": f"the mean difference is {other} 0: {least}",
            "equal": f"the whole 95 % interval is within ±{self.smallest:g}; 3 seeds or more",
            "identical": "the same arrays as the baseline, so there is nothing to test",
            "undecided": "none of these; the row says why",
            "not comparable": "no seed in common with the baseline",
            "not trained here": "a control, or a file that says TRAIN = False: it is no method",
            "p_adjusted": _TRIES.format(_versions(self.tries)),
        }

    def next_call(self) -> str:
        """Return the suggested next call: the seeds that an undecided variant needs, if any."""
        open_ = [row for row in self.rows if row.verdict in ("undecided", "not comparable")]
        needed = max((row.seeds_needed or LEAST_SEEDS for row in open_), default=0)
        if not open_ or needed > MOST_SEEDS:
            return f"plot_benchmarks(sandbox={self.sandbox!r})"
        names = [self.baseline, *(row.variant for row in open_)]
        return f"run_variants(sandbox={self.sandbox!r}, variants={names}, seeds=['0-{needed - 1}'])"

    def text(self) -> str:
        """Return it as text."""
        by = f"evaluated by this sandbox's own code, sha256 {self.sealed_sha256[:16]}…"
        seal = "pinned by a reviewer" if self.pinned else "NOT pinned by a reviewer"
        lines = [f"{self.sandbox}: {self.metric} ({self.better} is better), {by}, {seal}."]
        for row in self.rows:
            told = f"- {row.variant}: {row.value:.4f} over {row.seeds} seeds"
            if row.mean is not None:
                told += f"; {row.mean:+.4f} against {self.baseline}"
            if row.low is not None and row.high is not None:
                told += f", 95 % interval {row.low:+.4f} to {row.high:+.4f}"
            told += f", corrected p {row.p:.3g}" if row.p is not None else ""
            lines.append(f"{told}: {row.verdict}{f' ({row.reason})' * bool(row.reason)}")
        said = {str(row.verdict) for row in self.rows}
        lines += [f"{word}: {text}." for word, text in self.meanings().items() if word in said]
        if any(row.p is not None for row in self.rows):
            lines.append(f"p is {self.meanings()['p_adjusted']}.")
        lines += [f"left out: {one}" for one in self.left_out]
        return "\n".join([*lines, f"Next: {self.next_call()}"])


def _versions(tries: int) -> str:
    return "1 version of a file" if tries == 1 else f"{tries} versions of files"
