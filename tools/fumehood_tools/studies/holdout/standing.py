"""The scores that the verdicts of a plan stand on, and what is missing.

They are those that `judge_experiment` judges: of the planned files, seeds, levels and setting.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fumehood_tools.errors import BadRequest, StorageFailed
from fumehood_tools.files import digest_of
from fumehood_tools.receipts.folders import read_folder
from fumehood_tools.receipts.places import results_of
from fumehood_tools.records.labelling import label
from fumehood_tools.records.scores import Score
from fumehood_tools.spec import SandboxSpec, check_spec
from fumehood_tools.studies.entries import Plan
from fumehood_tools.studies.lab import Lab
from fumehood_tools.studies.matching import scores_of


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
    """The scores of a plan by variant, the baseline's first.

    setting: the name of their setting. lacking: variant -> what is missing of it, in words.
    """

    scores: Mapping[str, Sequence[PlannedScore]]
    setting: str
    lacking: Mapping[str, str]

    @property
    def all(self) -> list[PlannedScore]:
        """Every score, in the order in which they are scored again."""
        return [one for some in self.scores.values() for one in some]

    @property
    def digest(self) -> str:
        """The digest of the weights."""
        return digest_of(sorted(one.score.provenance.weights_sha256 for one in self.all))


def standing_scores(lab: Lab, plan: Plan, receipt: str) -> Standing:
    """Return the scores of a plan. receipt: MAC of its entry."""
    found, under = scores_of(lab, plan, receipt), results_of(plan.sandbox)
    scores = {
        name: [
            PlannedScore(name, f"{under}/{place}", found.records.scores[place]) for place in places
        ]
        for name, places in found.places.items()
    }
    return Standing(scores, found.setting.name if found.setting else "", found.lacking)


def spec_of(lab: Lab, scores: Sequence[PlannedScore]) -> SandboxSpec:
    """Return the settings that scores were made with, from the newest record.

    Raises StorageFailed if it was edited since.
    """
    newest = max(scores, key=lambda one: one.score.finished)
    held = read_folder(lab.settings.workspace, newest.place, lab.book)
    if held is None or held.problem is not None:
        why = held.problem.text if held and held.problem else "it is gone"
        raise StorageFailed(f"{newest.place} cannot be read: {why}. Restore it, then repeat.")
    return check_spec(held.record["spec"])


def refuse_gaps(plan: Plan, standing: Standing) -> None:
    """Raise BadRequest if scores of the baseline are missing, or some of every variant."""
    base = plan.baseline.name
    whole = [one.name for one in plan.variants if one.name not in standing.lacking]
    if base in standing.lacking or not whole:
        said = "; ".join(f"{name} lacks {what}" for name, what in standing.lacking.items())
        raise BadRequest(
            f"Planned scores are missing, so there is no verdict to test: {said}. Run the plan to "
            "its end with run_variants(study=…, plan=…), then call judge_experiment."
        )
