"""Verdicts: did a variant's change do anything? From its mechanism and its scores together.

    active  its scores lie outside the seed noise of its parent's
    weak    it computes something else, and no score shows it
    inert   it computes the same, or nearly, and no score shows a difference

It is judged against its parent; against another packaged baseline where it turns out to be that one
under another name. A parent is told by the digest of its file: scores of an edited one are none.
"Nothing outside the noise" is not "equal": few seeds make wide noise. Nothing here says better.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, Field

from fumehood_tools.bench.noise import Difference, are_equal, differences
from fumehood_tools.records.inertness import Inertness
from fumehood_tools.records.labelling import label
from fumehood_tools.records.scores import Score

VerdictWord = Literal["active", "weak", "inert"]
NOT_JUDGED = "not judged against noise"


class Verdict(BaseModel, frozen=True):
    """Whether one variant's change did anything."""

    parent: str
    verdict: VerdictWord | None = Field(description="null: not judged")
    reason: str
    computation: str | None = Field(description="compared with the parent's; null: not measured")
    differences: list[Difference]
    seeds: int
    parent_seeds: int

    @property
    def word(self) -> str:
        """The verdict for a column of a table."""
        return self.verdict or "?"

    def text(self) -> str:
        """Return the verdict in one line, numbers included."""
        numbers = "; ".join(found.text() for found in self.differences)
        mechanism = f" Computation: {self.computation}." if self.computation else ""
        scores = f" Scores minus {self.parent}'s: {numbers}." if numbers else ""
        return f"{self.verdict or 'no verdict'}: {self.reason}.{mechanism}{scores}"


def judge(
    parent: str, inertness: Inertness | None, ours: Sequence[Score], theirs: Sequence[Score]
) -> Verdict:
    """Return the verdict on a variant with scores `ours` against its parent's, `theirs`.

    Both lists hold scores of one setting, one per seed.
    """
    found = differences(ours, theirs)
    verdict, reason = _decide(parent, inertness, ours, theirs, found)
    return Verdict(
        parent=parent,
        verdict=verdict,
        reason=reason,
        computation=inertness.text() if inertness else None,
        differences=found,
        seeds=len(ours),
        parent_seeds=len(theirs),
    )


def verdicts(
    by_label: Mapping[str, Sequence[Score]], only: Iterable[str] | None = None
) -> dict[str, Verdict]:
    """Return label -> verdict for every row of a table (or for some) that has a parent.

    by_label: the scores of one setting, one per seed. The inertness is read from whichever score
    of a file carries it, for copies with other parameters too; their scores are held against the
    parent's with the same parameters, and are not judged without.
    """
    measured = {
        (score.variant, score.file_version): score.inertness
        for scores in by_label.values()
        for score in scores
        if score.inertness is not None
    }
    found = {}
    for name in by_label if only is None else only:
        scores = by_label[name]
        inertness = measured.get((scores[0].variant, scores[0].file_version))
        if inertness is not None:
            theirs = by_label.get(label(inertness.parent, scores[0].parameters), ())
            theirs = [one for one in theirs if _is_parent(one, inertness)]
            if theirs or not scores[0].parameters:
                found[name] = judge(inertness.parent, inertness, scores, theirs)
    return found


def _is_parent(score: Score, inertness: Inertness) -> bool:
    """Whether a score is one of the file that a variant was compared with."""
    return inertness.parent_sha256 in (None, score.file_version)


def _decide(
    parent: str,
    inertness: Inertness | None,
    ours: Sequence[Score],
    theirs: Sequence[Score],
    found: Sequence[Difference],
) -> tuple[VerdictWord | None, str]:
    mechanism = inertness.mechanism if inertness else None
    nearly = "the same" if mechanism == "same" else "nearly the same"
    if inertness is not None and inertness.declared and not theirs:
        why = f"run {parent} too, to see if its start or its optimiser matters"
        return "inert", f"it computes {nearly} as {parent}, not {inertness.declared}; {why}"
    if not ours or not theirs:
        return None, f"{NOT_JUDGED}: run {parent} too, with 3 seeds or more"
    if mechanism == "same" and are_equal(ours, theirs):
        return "inert", f"every score equals that of {parent} with the same seed"
    if len(theirs) < 2:
        return None, f"{NOT_JUDGED}: {parent} has 1 seed, run 3 or more of both"
    outside = [difference.metric for difference in found if difference.is_outside]
    if outside:
        how = f" (the same computation as {parent}: through its start or its optimiser)"
        return "active", f"outside the noise in {', '.join(outside)}" + how * (mechanism == "same")
    if mechanism is None:
        return None, "no score outside the noise, and its computation was not compared"
    within = f"no score outside the noise of {len(theirs)} seeds of {parent}"
    if mechanism == "different":
        return "weak", f"it computes something else, but {within}"
    return "inert", f"it computes {nearly} as {parent}, and {within}"
