"""The scores that the verdicts of a plan stand on, and what is missing.

These are scores of exactly the planned files, seeds and settings, on one set of data (that of the
newest of them). A level counts if it has all planned seeds: of a variant, the levels that the plan
names (its L0 targets, its grid, or the file as it is); of the baseline, every level, as its curve
over L0 is what the variants are compared with.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from fumehood_tools.bench.collect import Setting
from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.errors import BadRequest
from fumehood_tools.files import digest_of
from fumehood_tools.receipts import place_of
from fumehood_tools.records.labelling import label
from fumehood_tools.records.levels import is_at
from fumehood_tools.records.scores import Score
from fumehood_tools.registry.sae_metrics import SPARSITY
from fumehood_tools.studies.entries import Plan, PlannedVariant


class PlannedScore(NamedTuple):
    """One score of a plan. name: of the variant in the plan. place: in the workspace."""

    name: str
    place: str
    score: Score

    @property
    def label(self) -> str:
        """The name of its level of sparsity."""
        return label(self.name, self.score.parameters)


class Standing(NamedTuple):
    """The scores of a plan, by variant, the baseline's first; and the name of their setting."""

    scores: Mapping[str, Sequence[PlannedScore]]
    setting: str

    @property
    def all(self) -> list[PlannedScore]:
        """Every score, in the order in which they are scored again."""
        return [one for some in self.scores.values() for one in some]

    @property
    def digest(self) -> str:
        """The digest of the weights."""
        return digest_of(sorted(one.score.provenance.weights_sha256 for one in self.all))


def standing_scores(sandboxes: Path, plan: Plan, shelf: Shelf) -> Standing:
    """Return the scores of a plan. A variant without a whole level has an empty list."""
    results = sandboxes / plan.sandbox / "results"
    found = shelf.collect(results)
    files = {(one.name, one.file_sha256): one for one in (plan.baseline, *plan.variants)}
    under = place_of(results, sandboxes.parent)
    ours = {
        place: score
        for place, score in found.scores.items()
        if (score.variant, score.file_version) in files
        and score.control is None
        and score.seed in plan.seeds
        and score.provenance.settings_digest == plan.settings_digest
    }
    newest = max(ours, key=lambda place: ours[place].finished, default=None)
    setting = None if newest is None else found.settings[newest]
    here = {
        place: score
        for place, score in ours.items()
        if setting is not None and found.settings[place] == setting
    }
    by_name = {one.name: _levels(one, plan, here, under) for one in (plan.baseline, *plan.variants)}
    return Standing(by_name, _name(setting))


def _name(setting: Setting | None) -> str:
    return "" if setting is None else setting.name


def _levels(
    planned: PlannedVariant, plan: Plan, scores: Mapping[str, Score], under: str
) -> list[PlannedScore]:
    """Return the scores of the levels of a variant that have all seeds, in order of L0."""
    levels: dict[str, dict[int, PlannedScore]] = defaultdict(dict)
    for place, score in sorted(scores.items(), key=lambda item: item[1].finished):
        if (score.variant, score.file_version) == (planned.name, planned.file_sha256):
            one = PlannedScore(planned.name, f"{under}/{place}", score)
            levels[one.label][score.seed] = one
    whole = [
        [seeds[seed] for seed in sorted(seeds)]
        for seeds in levels.values()
        if seeds.keys() == set(plan.seeds)
    ]
    is_baseline = planned.name == plan.baseline.name
    kept = [level for level in whole if is_baseline or _is_planned(level, plan)]
    return [one for level in sorted(kept, key=_l0) for one in level]


def _l0(level: Sequence[PlannedScore]) -> float:
    return fmean(one.score.metrics[SPARSITY] for one in level)


def _is_planned(level: Sequence[PlannedScore], plan: Plan) -> bool:
    """Whether a level is one that the plan names."""
    chosen = {
        name: value
        for name, value in level[0].score.parameters.items()
        if not plan.l0_targets or name != level[0].score.knob
    }
    if plan.l0_targets and not any(is_at(_l0(level), target) for target in plan.l0_targets):
        return False
    return chosen.keys() <= plan.grid.keys() and all(
        value in plan.grid[name] for name, value in chosen.items()
    )


def refuse_gaps(plan: Plan, standing: Standing) -> None:
    """Raise BadRequest if a variant or the baseline has no level with all planned seeds."""
    missing = [name for name, scores in standing.scores.items() if not scores]
    if missing:
        seeds = ", ".join(map(str, plan.seeds))
        raise BadRequest(
            f"{', '.join(missing)} has no level of the plan with all of its seeds ({seeds}), in "
            f"the files and settings that were registered, so there are no weights to ask about. "
            "Run the plan to its end with run_variants(study=…, plan=…), then judge_experiment."
        )
