"""The result of a comparison, as data and as a text table. Light: does not import numpy."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field

from fumehood_tools.bench.benchmark_table import align
from fumehood_tools.bench.changes import ABSENT, WORDS
from fumehood_tools.records.levels import TOLERANCE
from fumehood_tools.records.work import EQUAL_WORK
from fumehood_tools.registry.lookup import metric_named
from fumehood_tools.registry.metrics import Metric

Word = Literal[
    "better", "worse", "equal", "identical", "undecided", "not comparable", "not trained here"
]
ALPHA = 0.05
DEFINITIONS: dict[Word, str] = {
    "better": "the mean difference is above 0: its p, corrected for all variants tried, is at most "
    "0.05, it is larger than the noise floor (what other seeds of the baseline alone bring is no "
    "merit, however alike these seeds are), and its 95 % interval reaches beyond the margin (the "
    "mean may not: then the row says so); 3 seeds or more; if the two do not have the same "
    "seeds, this is also true against all seeds of the baseline. If its training took over "
    f"{EQUAL_WORK:g} times the baseline's processor time, the row says how many times",
    "worse": "the mean difference is below 0, by the same rules as `better`: corrected p at most "
    "0.05, larger than the noise floor, an interval beyond the margin, 3 seeds or more",
    "equal": "the whole 95 % interval is within the margin (two one-sided tests, p at most 0.025 "
    "each), and so is the mean of every level, so that a difference, if there is one, does not "
    "matter; 3 seeds or more. The margin may be below the noise floor: pairs of one seed vary less "
    "than the seeds do",
    "identical": "its trained weights are those of the baseline or of another packaged variant, "
    "byte for byte, with the same scores for every seed: it is that one under another name, so "
    "there is nothing to test",
    "undecided": "none of the above, or there is an objection to a verdict, which the row names: "
    "seeds that are gone, or a baseline that may be badly trained",
    "not comparable": "fewer than 2 seeds in common, no L0 that the baseline covers, or a metric "
    "that one side does not have",
    "not trained here": "the file sets TRAIN = False, or contains more constants than an "
    "initialization needs: its training was not observed, so there is no verdict",
}

_HEADINGS = {"p_adjusted": "p adj."}
"""Field -> the heading of its column in the text."""
_REMARKS = ("packaged", "front", "work", "at_noise", "weights", "seeds_needed")
"""Fields of a row that most rows do not have."""
_EXPLAINED = ("identical", "undecided", "not comparable", "not trained here")


def definitions(metric: Metric, tries: int, baseline: str) -> dict[str, str]:
    """Return the meaning of every word, heading and field; for some metrics, lower is better."""
    found = _fields() | {str(word): text for word, text in DEFINITIONS.items()}
    found |= {
        "p": "two-sided t test of this row alone; it is at most 0.05 exactly when the 95 % "
        "interval excludes 0",
        "p_adjusted": f"that p corrected (Benjamini-Hochberg) {_tried(tries)}, separately for "
        "gains and for losses, as the best of many tries looks good by chance; verdicts use it, so "
        "an interval that excludes 0 is not enough. If seeds were added after others had been "
        "scored, this is the k-th look at the variant: p is first multiplied by k(k+1)/2 (the row "
        "says so), so that adding seeds until it wins does not help",
        "change": f"what the variant's change did, compared with the parent named there: the "
        f"strongest word over its levels, in any metric. {WORDS}; {ABSENT}. The verdict is "
        f"something else: it is about {metric.key} alone, over all levels together, compared with "
        f"{baseline}",
    }
    if metric.sign < 0:
        found["better"] = found["better"].replace("is above 0", "is below 0")
        found["worse"] = found["worse"].replace("is below 0", "is above 0")
    return found


def _tried(tries: int) -> str:
    """Return for what p values are corrected, in words."""
    if not tries:
        return "for the number of packaged baselines, as no variant of your own was tried yet"
    variants = f"{tries} variant{'' if tries == 1 else 's'}"
    return f"for {variants} tried (packaged baselines: for their own number)"


class Effect(BaseModel, frozen=True):
    """A mean difference over seeds, variant minus baseline at the variant's L0."""

    mean: float
    low: float | None = Field(description="95 % confidence interval; null with fewer than 2 seeds")
    high: float | None
    seeds: int


class Level(BaseModel, frozen=True):
    """One sparsity of a variant."""

    label: str
    l0: float
    effect: Effect
    tested: bool = Field(
        description="false: has fewer seeds than another level, so it is only shown"
    )


class Compared(BaseModel, frozen=True):
    """One variant compared with the baseline; per seed, the mean over its levels."""

    variant: str
    verdict: Word
    reason: str
    effect: Effect | None
    p: float | None = Field(
        description="two-sided paired t test over seeds; if the two do not have the same seeds, "
        "Welch's over all seeds if that is larger"
    )
    p_adjusted: float | None = Field(
        description="Benjamini-Hochberg over all variants tried, separately for gains, for losses, "
        "and for packaged baselines"
    )
    levels: list[Level]
    other: dict[str, Effect] = Field(description="other metrics; not judged")
    seeds_needed: int | None = Field(
        description="seeds of both sides with which a verdict is likely; null: there is one, or "
        "seeds alone would not help (see `reason`)"
    )
    packaged: bool = Field(False, description="a baseline that came with the sandbox")
    front: bool | None = Field(
        description="is also better than every other baseline at its L0, by more than noise"
    )
    change: str | None = Field(
        description="did its change do anything: active, weak, unclear, inert"
    )
    parent: str | None = Field(None, description="what `change` compares it with")
    work: float | None = Field(
        description="processor time of its training over the baseline's at that L0; null: unknown"
    )
    at_noise: bool = Field(
        False,
        description="one decoder is nonlinear, so both sides are compared at 10 % noise on the "
        "latents, in metrics that have such a value",
    )

    weights: float | None = Field(
        None, description="bytes of its weights over the baseline's; null: unknown"
    )

    @property
    def verdict_text(self) -> str:
        """The verdict, with the extra work and weights of the variant if there are any."""
        more = more_of(self.work, self.weights)
        if self.verdict not in ("better", "worse", "equal") or not more:
            return self.verdict
        return f"{self.verdict} with {more}"


def more_of(work: float | None, weights: float | None) -> str:
    """Return text like "2.5x the work and 3.9x the weights", with the ratios above EQUAL_WORK."""
    both = (("work", work), ("weights", weights))
    more = [f"{ratio:.1f}x the {name}" for name, ratio in both if ratio and ratio > EQUAL_WORK]
    return " and ".join(more)


def on_weights(same: Sequence[bool], base: str) -> str:
    """Return a remark on SAEs with the baseline's weights. same: which have its scores too."""
    only = "" if all(same) else ", so only what it computes with them differs"
    return f"{len(same)} of its SAEs have the weights of {base}, byte for byte{only}"


class Comparison(BaseModel, frozen=True):
    """All variants of a sandbox compared with one baseline."""

    sandbox: str
    setting: str
    metric: str
    baseline: str
    l0_range: tuple[float, float] = Field(description="L0 covered by all seeds of the baseline")
    tries: int = Field(
        description="variants tried in this workspace, in every setting; p is corrected for them, "
        "as the best of all verdicts could be picked. So it rises with every file that is run, "
        "also with another training: for the verdicts here, only the baseline has to be run so"
    )
    tries_here: int = Field(0, description="those of them that were made in this setting")
    noise_floor: float | None = Field(
        description="two sets of `noise_seeds` seeds of the baseline differ by less, 95 times in "
        "100"
    )
    noise_seeds: int = Field(description="the most seeds of any row, at least 3")
    margin: float = Field(
        description="a difference whose whole 95 % interval is within it does not matter: `equal`"
    )
    power: str = Field(description="the seeds that would help, if any would")
    otherwise: list[str] = Field(description="settings of all rows that differ from the template")
    rows: list[Compared]
    floor: Effect | None = Field(
        description="the untrained control minus the baseline: what is reached without training"
    )
    pareto: list[str] = Field(
        description="labels that no other label beats in both L0 and metric; an L0 that is up to "
        "5 % higher counts as equal"
    )
    definitions: dict[str, str] = Field(description="of the words and fields of this answer")
    warnings: list[str]
    left_out: list[str]
    next: str

    def defined(self) -> dict[str, str]:
        """Return the definitions without those of verdicts and remarks that no row has."""
        unsaid = {str(word) for word in DEFINITIONS} - {str(row.verdict) for row in self.rows}
        unsaid |= {one for one in _REMARKS if not any(getattr(row, one) for row in self.rows)}
        return {word: text for word, text in self.definitions.items() if word not in unsaid}

    def text(self) -> str:
        """Return the comparison as text."""
        low, high = self.l0_range
        noise = "not known" if self.noise_floor is None else f"±{self.noise_floor:.2g}"
        lines = [
            f"{self.sandbox}: {self.metric} against {self.baseline} at the same L0 "
            f"({self.baseline} covers {low:.0f} to {high:.0f}), paired by seed.",
            *[f"Settings that differ from the template: {'; '.join(self.otherwise)}."]
            * bool(self.otherwise),
            f"p is corrected {_tried(self.tries)}{_here(self)}. Noise floor {noise} "
            f"({self.noise_seeds} seeds); "
            f"margin ±{self.margin:g}: what is surely within it counts as equal.",
            *[f"! {found}" for found in self.warnings],
            self.power,
            "",
            *_table(self.rows, self.baseline, metric_named(self.metric).digits),
            "",
        ]
        lines += _other_metrics(self.rows)
        if self.floor:
            lines.append(f"untrained, for comparison: {_effect(self.floor, 4)}")
        lines.append(
            f"Pareto front (L0, {self.metric}; L0 within {TOLERANCE:.0%} counts as equal): "
            f"{', '.join(self.pareto) or 'empty'}"
        )
        said = {str(row.verdict) for row in self.rows}
        said |= {"p", "p_adjusted"} if any(row.p is not None for row in self.rows) else set()
        for name in ("change", "work", "front"):
            said |= {name} if any(getattr(row, name) for row in self.rows) else set()
        lines += [
            f"{_HEADINGS.get(word, word)}: {text}."
            for word, text in self.definitions.items()
            if word in said
        ]
        lines += [f"! {found}" for found in self.left_out]
        return "\n".join([*lines, f"Next: {self.next}"])


def _here(found: Comparison) -> str:
    """Return a phrase on the tries of other settings and sandboxes; empty without any."""
    if not 0 < found.tries_here < found.tries:
        return ""
    others = found.tries - found.tries_here
    return f"; {found.tries_here} were made in this setting, {others} in others or are gone"


def _fields() -> dict[str, str]:
    """Return the meaning of the fields of an answer, which the published schema does not have."""
    return {
        name: field.description
        for model in (Effect, Level, Compared, Comparison)
        for name, field in model.model_fields.items()
        if field.description and name != "definitions"
    }


def _table(rows: list[Compared], baseline: str, digits: int) -> list[str]:
    if not rows:
        return ["There is nothing to compare."]
    grid = [
        [
            "variant",
            f"verdict against {baseline}",
            "difference [95 %]",
            "seeds",
            "p",
            "p adj.",
            "work",
            "front",
        ]
        + ["change from parent", "at L0"]
    ]
    grid += [_cells(row, digits) for row in rows]
    notes = [
        f"{row.variant}: {row.reason}"
        for row in rows
        if row.verdict in _EXPLAINED or "; " in row.reason
    ]
    return [*align(grid), *(["", *notes] if notes else [])]


def _cells(row: Compared, digits: int) -> list[str]:
    return [
        row.variant,
        row.verdict_text,
        _effect(row.effect, digits) if row.effect else "-",
        str(row.effect.seeds) if row.effect else "0",
        "-" if row.p is None else f"{row.p:.2g}",
        "-" if row.p_adjusted is None else f"{row.p_adjusted:.2g}",
        "-" if row.work is None else f"{row.work:.1f}x",
        "moves" if row.front else "-",
        _change(row),
        _levels(row.levels, digits),
    ]


def _change(row: Compared) -> str:
    if not row.change:
        return "-"
    return f"{row.change} from {row.parent}" if row.parent else row.change


def _levels(levels: list[Level], digits: int) -> str:
    """Return the L0 of the tested level; if there are several, the difference at each."""
    tested = [level for level in levels if level.tested]
    if len(tested) == 1:
        return f"{tested[0].l0:.0f}"
    return ", ".join(f"{x.l0:.0f}: {x.effect.mean:+.{digits}f}" for x in tested) or "-"


def _other_metrics(rows: list[Compared]) -> list[str]:
    """Return the lines of the table of metrics that are shown but not judged."""
    names = sorted({name for row in rows for name in row.other})
    if not names:
        return []
    grid = [["not judged", *names]]
    for row in rows:
        if row.other:
            found = [row.other.get(name) for name in names]
            grid.append([row.variant, *(_effect(one, 3) if one else "-" for one in found)])
    return [*align(grid), ""]


def _effect(effect: Effect, digits: int) -> str:
    mean = f"{effect.mean:+.{digits}f}"
    if effect.low is None or effect.high is None:
        return mean
    return f"{mean} [{effect.low:+.{digits}f}, {effect.high:+.{digits}f}]"
