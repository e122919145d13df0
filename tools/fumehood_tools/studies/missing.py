"""Name the controls that a conclusion lacks. Light: reads records."""

from fumehood_tools.bench.noise import LEAST_SEEDS
from fumehood_tools.bench.table_rows import kind_of
from fumehood_tools.compare import Comparison, Records
from fumehood_tools.compare.training import LEAST_STEPS, few_steps, trained_elsewhere
from fumehood_tools.records.labelling import name_of


def missing_controls(records: Records, baseline: str, comparison: Comparison | None) -> list[str]:
    """Return a sentence on every control that was not run. baseline: its name in comparisons."""
    found, setting, kinds = records.found, records.setting, records.kinds
    chosen = records.chosen()
    scores = [score for some in chosen.by_label.values() for score in some]
    base = [score for score in scores if name_of(score, kinds) == baseline]
    said = []
    if comparison is None or comparison.floor is None:
        said.append("the untrained control was not run here: what is reached without training?")
    if not any(
        score.control is not None and found.settings[place] == setting
        for place, score in found.scores.items()
    ):
        said.append("no blanks were run (controls=True): would a baseline under another name win?")
    if len({score.seed for score in base}) < LEAST_SEEDS:
        said.append(f"{baseline} has fewer than {LEAST_SEEDS} seeds: its noise is hardly known")
    if not base:
        return said
    if kind_of(base[0], kinds) != "baseline":
        said.append(f"{baseline} is no packaged baseline: how well it is trained is unknown")
    elif not trained_elsewhere(found, setting, baseline, kinds, base[0]):
        said.append(
            f"{baseline} was never tuned: it was run with one training only (run it with another "
            "learning rate, run_variants(training=…))"
        )
    if (steps := few_steps(base[0])) is not None:
        said.append(f"{steps} steps are few (below {LEAST_STEPS}): who leads may only learn faster")
    return said
