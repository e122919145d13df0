"""The properties of a metric: its names, how it is shown and drawn, and which differences matter.

There is one `Metric` per metric. Table, plot, page, comparison, controls and red team read it, and
hard-code no metrics. The defaults suit a number between 0 and 1 that is better when higher. A
metric without a margin is shown, but variants are never judged by it.
"""

from typing import Literal, NamedTuple

Better = Literal["higher", "lower", "neither"]
Source = Literal["ours", "sae-bench", "subject"]
Rows = Literal["evaluation", "loss", "probing"]


class Axis(NamedTuple):
    """How a metric is plotted against L0."""

    label: str
    title: str = ""
    """Title of its panel. If empty, the label is used."""
    short: str = ""
    """Shorter label for small plots. If empty, the label is used."""
    scale: Literal["linear", "log"] = "linear"
    panel: bool = True
    """Whether it gets a panel by default, when the user has not chosen what to draw."""
    reach: float = 1.6
    """An untrained control may stretch the axis to at most this multiple of the range of all other
    variants. A lower value is drawn at the edge, with a number."""
    reference: str = ""
    """Key of a metric of the subject model that is drawn as a horizontal line."""
    note: str = ""
    """Note below the plot. {eval_tokens} is replaced by the number of evaluation tokens."""
    absent: str = ""
    """Text of the empty panel if it was not measured. If empty, there is no panel."""


class Metric(NamedTuple):
    """One number of a record."""

    key: str
    """Its name in records, arguments and CSV files."""
    title: str
    """Heading of its column."""
    digits: int = 4
    """Decimal places in tables. A single SAE is shown with one more."""
    name: str = ""
    """Its name within a sentence. If empty, the title is used."""
    short: str = ""
    """Shorter heading for narrow tables. If empty, the title is used."""
    legend: str = ""
    """Text below a table: how it is measured and by whose code. Metrics with the same legend share
    one entry."""
    description: str = ""
    unit: str = ""
    better: Better = "higher"
    source: Source = "ours"
    """Who computes it: our code, sae-bench (its field is copied unchanged), or a measurement of the
    subject model without an SAE."""
    required: bool = False
    """Whether every record of its kind must have it."""

    headline: bool = True
    """Whether it is a column of the table. Columns are in the order of registration."""
    share: bool = False
    """Whether the text of a table shows it in percent."""
    group: str = "more"
    """Heading of its line in the details of a single SAE. If empty, it is not shown there."""
    on_card: bool = True
    """Whether the HTML page shows it among the facts of one SAE."""
    caveat: str = ""
    """A known problem, as a verb phrase: "depends on the batch"."""
    axis: Axis | None = None
    """None: an axis labeled with its name, and a panel if it is a column of the table."""

    rows: Rows = "evaluation"
    """The rows that it is measured on. Variants are compared at equal L0 on these rows."""
    smallest: float | None = None
    """Smaller differences count as zero, even if a few seeds agree by chance. None: differences are
    not compared with seed noise."""
    relative: bool = False
    """Whether `smallest` and `gain` are relative to the value that it is compared with."""
    gain: float | None = None
    """Gain above which a known cheat counts as better than its honest twin with the same seed.
    None: not checked."""
    over_control: float | None = None
    """A gain over the untrained control below this is within seed noise, and the table says so. 0:
    a control above a trained variant shows that the metric does not measure training."""
    margin: float | None = None
    """Differences within this margin do not matter. It is about the spread over seeds, or what a
    reader of a figure would call equal. None: variants are not judged by it."""
    beside: bool = True
    """Whether a comparison by another metric also shows this one, without a verdict. Applies only
    to columns of the table."""
    at_noise: str = ""
    """The field of the evaluator's checks that replaces it for a nonlinear decoder."""
    cheat_margin: float | None = None
    """How much better than an honest variant a cheat must be to count as successful."""
    without_latents: float | None = None
    """The best value that an honest SAE with almost no active latents can reach."""

    @property
    def words(self) -> str:
        """The name within a sentence."""
        return self.name or self.title

    @property
    def heading(self) -> str:
        """The heading for narrow tables."""
        return self.short or self.title

    @property
    def drawn(self) -> Axis:
        """The axis, or the default one if none was declared."""
        return self.axis or Axis(self.words, panel=self.headline)

    @property
    def is_judged(self) -> bool:
        """Whether variants can be compared by it."""
        return self.margin is not None and self.better != "neither"

    @property
    def sign(self) -> int:
        """1 if higher is better, else -1. Multiplying by it makes higher better."""
        return 1 if self.better == "higher" else -1

    @property
    def own_name(self) -> str:
        """The key as sae-bench spells it, without our prefix."""
        return self.key.removeprefix("sae_bench_")
