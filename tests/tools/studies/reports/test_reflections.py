"""A reflection rests on evidence that was checked, and its numbers and verdicts are from there."""

from typing import Any

import pytest

from fumehood_tools.errors import BadRequest
from fumehood_tools.studies.entries import Note, Reflection
from fumehood_tools.studies.reflecting import NewNote, record_reflection

EFFECT = "conclusion:5/sharper#effect"


def test_the_evidence_is_kept_with_what_it_said_and_its_receipt(lab: Any) -> None:
    resolver = lab.resolver()
    note = NewNote(kind="failed idea", text="A blunter threshold.", about=["entry 5"])
    done = record_reflection(
        resolver,
        "It explains 0.03 more, about {{mean:box/sharper#explained_variance}} in all.",
        "Try another layer, K=64.",
        [EFFECT, "score:box/sharper/0#l0"],
        [note],
    )
    assert done.entries == [9, 10]
    study = lab.resolver().study
    [(_, kept)] = study.only(Reflection)
    assert "0.7310 (mean of 3 seeds)" in kept.insight
    effect, score, mean = kept.evidence
    assert (effect.kind, effect.found, effect.receipt) == (
        "entry",
        "+0.0300",
        study.entries[4].receipt,
    )
    assert score.kind == "receipt" and set(score.receipts) == set(lab.scores_of("sharper"))
    assert len(mean.receipts) == 3
    assert study.only(Note)[-1][1].text == "A blunter threshold."


def test_words_of_a_paper_are_evidence(lab: Any) -> None:
    lab.read_paper()
    _, document = lab.sources().paper("arxiv:2407.14435")
    words = " ".join(document.abstract.split()[:8])
    quote = f'quote:arxiv:2407.14435 "{words}"'
    done = record_reflection(lab.resolver(), "The paper says the same.", "Go on.", [quote])
    assert done.evidence[0].kind == "quote" and words in done.evidence[0].found


@pytest.mark.parametrize(
    ("insight", "evidence", "why"),
    [
        ("It helps.", [], "needs evidence"),
        ("It helps.", ["conclusion:5/other#effect", "entry:77"], "evidence 2"),
        ("It explains 0.04 more.", [EFFECT], "'0.04' is a number that no evidence has"),
        ("It gains 12 percent.", [EFFECT], "'12 percent' is a number"),
        ("That is supported.", [EFFECT], "only a verdict may say"),
        ("That is refuted.", ["conclusion:5/sharper#verdict"], "only a verdict may say"),
        ("That is supported.", ["conclusion:6/sharper#verdict"], "is exploratory"),
    ],
)
def test_an_insight_that_its_evidence_does_not_carry_is_refused(
    seen: Any, insight: str, evidence: list[str], why: str
) -> None:
    with pytest.raises(BadRequest, match="not entered|needs evidence") as refused:
        record_reflection(seen.resolver(), insight, "Go on.", evidence)
    assert why in str(refused.value)
    assert not seen.resolver().study.only(Reflection)


def test_a_verdict_that_a_cited_conclusion_gives_may_be_repeated(lab: Any) -> None:
    record_reflection(
        lab.resolver(), "It is supported.", "Go on.", ["conclusion:5/sharper#verdict"]
    )
    done = record_reflection(
        lab.resolver(),
        "Only exploratory, but supported, with a gain of 0.05.",
        "Register it.",
        ["conclusion:6/sharper#verdict", "conclusion:6/sharper#effect"],
    )
    assert all("EXPLORATORY" in one.found for one in done.evidence)
