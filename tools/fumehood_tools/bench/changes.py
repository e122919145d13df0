"""Did a variant's change do anything? Judged from its computation and its scores.

    active  some score is outside the seed noise of its parent's scores
    weak    it computes something else than its parent, but no score shows it
    inert   it computes the same or nearly the same, and every score is about the parent's: within
            the noise, and within the smallest difference that matters
    unclear it computes the same or nearly the same, and no score is outside the noise, but some
            differ by more than the smallest difference that matters: the noise is too wide

A variant is judged against its parent, or against another packaged baseline if it turns out to
compute the same as that one. The parent is identified by the digest of its file, so that scores of
an edited parent are not used. "Not outside the noise" does not mean "equal": with few seeds, the
noise is wide, so `inert` needs scores that are really close. `compare_variants` pairs the seeds and
tests all rows of a variant together, so it may find what no row shows alone. None of these
words says that a variant is better: that is a verdict, which `compare_variants` gives.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, Field

from fumehood_tools.bench.noise import Difference, are_equal, differences, that_matter
from fumehood_tools.records.inertness import Inertness
from fumehood_tools.records.labelling import label
from fumehood_tools.records.scores import Score

ChangeWord = Literal["active", "weak", "unclear", "inert"]
NOT_JUDGED = "not judged against noise"
WORDS = (
    "active: some score is outside the seed noise of the parent's; weak: it computes something "
    "else, but no score is outside that noise; inert: it computes nearly the same, and every "
    "score is about the parent's; unclear: it computes nearly the same, and no score is outside "
    "the noise, but some differ by more than what would not matter; ?: not judged "
    "(read_benchmarks of one variant says why)"
)
ABSENT = (
    "absent: no parent, no score of it with the same constants, or the file was never run as it is "
    "written (a grid only runs copies), and only then is its computation compared: run_variants of "
    "it without grid, with one seed"
)
CHANGE = (
    "what the variant's change did in this row, compared with its parent with the same constants. "
    f"{WORDS}; {ABSENT}. compare_variants tests all rows of a variant together, seed by seed, so "
    "it may find what no row shows alone"
)
"""The definition of `change`, which every table with that word contains once."""


class Change(BaseModel, frozen=True):
    """What the change of one variant did."""

    parent: str
    change: ChangeWord | None = Field(description="null: not judged")
    reason: str
    computation: str | None = Field(description="compared with the parent's; null: not measured")
    differences: list[Difference]
    seeds: int
    parent_seeds: int

    @property
    def word(self) -> str:
        """The word as it appears in a table column; "?" if not judged."""
        return self.change or "?"

    def text(self) -> str:
        """Return the word on one line, with the numbers behind it."""
        numbers = "; ".join(found.text() for found in self.differences)
        mechanism = f" Computation: {self.computation}." if self.computation else ""
        scores = f" Scores minus {self.parent}'s: {numbers}." if numbers else ""
        return f"{self.change or 'not judged'}: {self.reason}.{mechanism}{scores}"


def judge(
    parent: str, inertness: Inertness | None, ours: Sequence[Score], theirs: Sequence[Score]
) -> Change:
    """Return what the change of a variant did.

    ours, theirs: the scores of the variant and of its parent, in one setting, one per seed.
    """
    found = differences(ours, theirs)
    word, reason = _decide(parent, inertness, ours, theirs, found)
    return Change(
        parent=parent,
        change=word,
        reason=reason,
        computation=inertness.text() if inertness else None,
        differences=found,
        seeds=len(ours),
        parent_seeds=len(theirs),
    )


def changes(
    by_label: Mapping[str, Sequence[Score]], only: Iterable[str] | None = None
) -> dict[str, Change]:
    """Return label -> change for every row that has a parent, or for the labels in `only`.

    by_label: the scores of one setting, one per seed. The measurement of the computation
    (`inertness`) is taken from any score of the same file that has one, also for copies with other
    parameters. Such copies are compared with the parent's scores for the same parameters, and are
    not judged if there are none.
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
    """Whether a score belongs to the exact file that the variant was compared with."""
    return inertness.parent_sha256 in (None, score.file_version)


def _decide(
    parent: str,
    inertness: Inertness | None,
    ours: Sequence[Score],
    theirs: Sequence[Score],
    found: Sequence[Difference],
) -> tuple[ChangeWord | None, str]:
    mechanism = inertness.mechanism if inertness else None
    nearly = "the same" if mechanism == "same" else "nearly the same"
    if inertness is not None and inertness.declared and not theirs:
        why = f"run {parent} too, to see whether its initialization or its optimizer matters"
        return "inert", f"it computes {nearly} as {parent}, not {inertness.declared}; {why}"
    if not ours or not theirs:
        return None, f"{NOT_JUDGED}: run {parent} too, with 3 seeds or more"
    if mechanism == "same" and are_equal(ours, theirs):
        return "inert", f"every score equals that of {parent} with the same seed"
    if len(theirs) < 2:
        return None, f"{NOT_JUDGED}: {parent} has 1 seed, run 3 or more of both"
    outside = [difference.metric for difference in found if difference.is_outside]
    if outside:
        how = f" (same computation as {parent} after training, so by how it trains)"
        return "active", f"outside the noise in {', '.join(outside)}" + how * (mechanism == "same")
    if mechanism is None:
        return None, "no score is outside the noise, and its computation was not compared"
    within = f"no score is outside the noise of {len(theirs)} seeds of {parent}"
    if mechanism == "different":
        return "weak", f"it computes something else, but {within}"
    if large := that_matter(found, theirs):
        wide = f"{within}, but {', '.join(large)} may have changed: the noise is too wide to say"
        return (
            "unclear",
            f"it computes {nearly} as {parent}, and {wide}; compare_variants pairs seeds",
        )
    return "inert", f"it computes {nearly} as {parent}, and {within}"
