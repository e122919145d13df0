"""What is known of a metric: how it is named, shown and drawn, and which differences in it matter.

One value per metric; table, plot, page, comparison, controls and red team read it and name no
metric of their own. What is not given has a default that suits a number between 0 and 1 of which
more is better; a metric without a margin is shown beside others and never judged by itself.
"""

from typing import Literal, NamedTuple

Better = Literal["higher", "lower", "neither"]
Source = Literal["ours", "sae-bench", "subject"]
Rows = Literal["evaluation", "loss", "probing"]


class Axis(NamedTuple):
    """How a metric is drawn over L0."""

    label: str
    title: str = ""
    """Above its panel; empty: the label."""
    short: str = ""
    """The label where there is less room; empty: the label."""
    scale: Literal["linear", "log"] = "linear"
    panel: bool = True
    """Whether it gets a panel when nobody chose what to draw."""
    reach: float = 1.6
    """How many times the range of all others an untrained control may stretch the axis; one that
    lies farther below is drawn at the edge, with its value."""
    reference: str = ""
    """Key of a metric of the subject that is drawn as a line."""
    note: str = ""
    """Below the plot. {eval_tokens} stands for their number."""
    absent: str = ""
    """Said in an empty panel where it was not measured; empty: no panel then."""


class Metric(NamedTuple):
    """One number of a record."""

    key: str
    """Its name in records, arguments and CSV files."""
    title: str
    """Heading of its column."""
    digits: int = 4
    """Behind the point, in tables; one more where a single SAE is shown."""
    name: str = ""
    """In words, within a sentence; empty: the title."""
    short: str = ""
    """The heading where there is less room; empty: the title."""
    legend: str = ""
    """Below a table: how it is measured and by whose code. Metrics with the same are listed as
    one."""
    description: str = ""
    unit: str = ""
    better: Better = "higher"
    source: Source = "ours"
    """Whose number it is: ours, a field of sae-bench as it is, or one of the subject without any
    SAE."""
    required: bool = False
    """Whether every record of its kind has it."""

    headline: bool = True
    """Whether it is a column of the table; columns come in the order of registration."""
    share: bool = False
    """Whether the text of a table shows it in percent."""
    group: str = "more"
    """Heading of its line where a single SAE is shown; empty: it has none there."""
    on_card: bool = True
    """Whether the page names it among the facts of one SAE."""
    caveat: str = ""
    """What is wrong with it, as a verb: "depends on the batch"."""
    axis: Axis | None = None
    """None: an axis with its name, and a panel if it is a column of the table."""

    rows: Rows = "evaluation"
    """What it is measured on. Variants are compared at the same L0 on these."""
    smallest: float | None = None
    """Smaller differences count as zero, even where a few seeds agree by chance. None: differences
    are not held against noise."""
    relative: bool = False
    """Whether `smallest` and `gain` are shares of what it is compared with."""
    gain: float | None = None
    """What a known cheat must not gain against its twin with the same seed; None: not looked at."""
    over_control: float | None = None
    """A gain over the untrained control below this is noise over seeds, and a table says so."""
    margin: float | None = None
    """Differences within it do not matter: about the spread over seeds, or what a reader of a
    figure would call the same. None: variants are not judged by it."""
    beside: bool = True
    """Whether a comparison by another metric shows it, unjudged; columns of the table only."""
    at_noise: str = ""
    """The field of the evaluator's checks that takes its place where a decoder is nonlinear."""
    cheat_margin: float | None = None
    """How much better than an honest variant a cheat must be to count as one that got through."""
    without_latents: float | None = None
    """The best value that is honest for an SAE of which next to no latent is active."""

    @property
    def words(self) -> str:
        """The metric within a sentence."""
        return self.name or self.title

    @property
    def heading(self) -> str:
        """The heading where there is less room."""
        return self.short or self.title

    @property
    def drawn(self) -> Axis:
        """How it is drawn, also where nothing is said of that."""
        return self.axis or Axis(self.words, panel=self.headline)

    @property
    def is_judged(self) -> bool:
        """Whether variants can be compared by it."""
        return self.margin is not None and self.better != "neither"

    @property
    def sign(self) -> int:
        """1 where more is better, else -1: what L0 and quality have to be multiplied with."""
        return 1 if self.better == "higher" else -1

    @property
    def own_name(self) -> str:
        """The key as the code that measured it spells it."""
        return self.key.removeprefix("sae_bench_")
