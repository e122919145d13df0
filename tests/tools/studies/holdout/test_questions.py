"""Questions to the holdout are counted before they are answered, and none is gained or lost."""

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.jobs import JobStore
from fumehood_tools.receipts.audit import withdraw
from fumehood_tools.studies.entries import HoldoutAnswer
from fumehood_tools.studies.holdout.asking import ask
from fumehood_tools.studies.holdout.questions import (
    count_question,
    enter_answer,
    used_in_other_studies,
    used_questions,
)
from fumehood_tools.studies.notebook import StudyShelf
from fumehood_tools.studies.view import page_of

WHEN = "2026-11-30T00:00:00+00:00"
Desk = Any


@pytest.fixture
def shelf(desk: Desk) -> StudyShelf:
    return StudyShelf(desk.settings.workspace)


@pytest.fixture
def store(desk: Desk) -> Iterator[JobStore]:
    with closing(JobStore(desk.settings.state)) as opened:
        yield opened


def answer(question: int, digest: str) -> HoldoutAnswer:
    """Return the answer to a question about plan 2."""
    return HoldoutAnswer(
        plan=2,
        test="holdout",
        where="8,128 tokens",
        question=question,
        claims=[],
        written=WHEN,
        digest=digest,
    )


def entries(desk: Desk) -> list[Path]:
    """Return the folders of the entries about the holdout."""
    return sorted((desk.settings.workspace / "studies/s/entries").glob("*-holdout"))


def test_a_fourth_question_is_refused_and_each_is_in_the_ledger_before_its_answer(
    shelf: StudyShelf,
) -> None:
    for number, digest in enumerate(("a", "b", "c"), 1):
        counted = count_question(shelf, "s", 2, digest)
        assert (counted.question.number, counted.left) == (number, 3 - number)
        asked = shelf.read("s").only(HoldoutAnswer)[-1]
        assert asked[1].asked and asked[1].question == number
        assert asked[0].receipt in shelf.receipts_in_order()
    with pytest.raises(BadRequest, match="may be asked 3 times and was asked 3"):
        count_question(shelf, "s", 2, "d")
    assert used_questions(shelf.read("s"), shelf) == 3


def test_a_question_without_an_answer_is_asked_again_at_no_cost_and_only_the_same_one(
    shelf: StudyShelf,
) -> None:
    first = count_question(shelf, "s", 2, "these weights").question
    again = count_question(shelf, "s", 2, "these weights")
    assert again.question == first and again.left == 2
    assert count_question(shelf, "s", 2, "other weights").question.number == 2
    assert count_question(shelf, "s", 5, "these weights").question.number == 3
    assert count_question(shelf, "s", 2, "these weights").question.number == 1


def test_a_question_is_answered_once_and_its_answer_is_found_again(shelf: StudyShelf) -> None:
    count_question(shelf, "s", 2, "a")
    entry = enter_answer(shelf, "s", answer(1, "a"))
    # A second job about the same question changes nothing.
    assert enter_answer(shelf, "s", answer(1, "a")) == entry
    found = count_question(shelf, "s", 2, "a")
    assert found.question.answer == entry and found.left == 2
    assert used_questions(shelf.read("s"), shelf) == 1


def test_removing_withdrawing_or_editing_an_entry_gains_no_question(
    desk: Desk, shelf: StudyShelf
) -> None:
    for digest in ("a", "b", "c"):
        count_question(shelf, "s", 2, digest)
    removed, withdrawn, edited = entries(desk)
    shutil.rmtree(removed)
    withdraw(desk.settings.state, withdrawn.relative_to(desk.settings.workspace).as_posix())
    shutil.rmtree(withdrawn)
    record = next(edited.glob("*.json"))
    content = json.loads(record.read_text("utf-8"))
    record.write_text(json.dumps({**content, "test": "layer"}), "utf-8")
    assert used_questions(shelf.read("s"), shelf) == 3
    with pytest.raises(BadRequest, match="3 of them in entries that were removed or edited"):
        count_question(shelf, "s", 2, "d")


def test_questions_of_other_studies_are_known(desk: Desk, shelf: StudyShelf) -> None:
    for name in ("t", "u"):
        desk.study(name)
        count_question(shelf, name, 2, "a")
    count_question(shelf, "t", 2, "b")
    count_question(shelf, "s", 2, "a")
    assert used_in_other_studies("s", shelf) == 3
    assert used_in_other_studies("t", shelf) == 2
    shutil.rmtree(desk.settings.workspace / "studies/t")
    assert used_in_other_studies("s", shelf) == 3


def test_a_study_without_questions_is_told_so(desk: Desk, shelf: StudyShelf) -> None:
    desk.study("none", questions=0)
    with pytest.raises(BadRequest, match="0 times"):
        count_question(shelf, "none", 2, "a")


def test_what_cannot_be_asked_costs_no_question(desk: Desk, store: JobStore) -> None:
    plan = desk.plan()
    with pytest.raises(UnknownName):
        ask(desk.lab, store, "s", 99)
    with pytest.raises(BadRequest, match="not been judged yet"):
        ask(desk.lab, store, "s", plan)
    desk.score("topk")
    desk.score("mine", seeds=(0, 1))
    desk.conclude(plan, mine="inconclusive")
    with pytest.raises(BadRequest, match="mine lacks seed 2"):
        ask(desk.lab, store, "s", plan)
    probing = desk.plan(metric="probing_top5")
    desk.conclude(probing, mine="inconclusive")
    with pytest.raises(BadRequest, match="does not measure probing_top5"):
        ask(desk.lab, store, "s", probing)
    assert not entries(desk) and not store.list().jobs


def test_a_notebook_shows_questions_and_answers(desk: Desk, shelf: StudyShelf) -> None:
    count_question(shelf, "s", 2, "a")
    text = page_of(shelf.read("s")).text()
    assert "question 1) for plan 2: asked" in text
    enter_answer(shelf, "s", answer(1, "a"))
    assert "8,128 tokens, question 1) for plan 2: no claim" in page_of(shelf.read("s")).text()
