"""Count the questions to a study's holdout, and enter their answers.

A question is entered in the notebook, and so in the ledger of receipts, before anything about its
answer is computed. A job that is killed leaves a question without an answer, and the same question
(the same plan, files and weights) can be asked again at no cost; any other is a new one. Entries
that were removed, withdrawn or edited count as questions, so that deleting one gains nothing.
"""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.locking import exclusive
from fumehood_tools.studies.entries import HOLDOUT, HoldoutAnswer
from fumehood_tools.studies.notebook import (
    ENTRIES,
    STUDIES,
    Study,
    StudyShelf,
    append,
)
from fumehood_tools.timestamps import now

LOCK = "holdout.{study}.lock"
"""Held while entries about the holdout or a re-test are counted and written."""
_ENDING = f"-{HOLDOUT}"


class Question(NamedTuple):
    """One question. answer: the number of the entry that answers it; None: not answered."""

    number: int
    plan: int
    digest: str
    answer: int | None


class Counted(NamedTuple):
    """A question that may be asked: new, begun before, or answered before."""

    question: Question
    left: int
    """How many other questions may still be asked after it."""


def questions_of(study: Study) -> list[Question]:
    """Return the questions of a study that its sound entries tell of, by number."""
    found: dict[int, Question] = {}
    for entry, content in study.only(HoldoutAnswer):
        if content.test != "holdout":
            continue
        answer = None if content.asked else entry.number
        known = found.get(content.question)
        if known is None or answer is not None:
            found[content.question] = Question(
                content.question, content.plan, content.digest, answer
            )
    return [found[number] for number in sorted(found)]


def used_questions(study: Study, shelf: StudyShelf) -> int:
    """Return how many questions were used up: those that are known, and unreadable entries."""
    return len(questions_of(study)) + len(_unreadable(study, shelf))


def used_in_other_studies(study: str, shelf: StudyShelf) -> int:
    """Return how many questions all other studies of the workspace have used up.

    Whoever opens study after study gets new questions, but they count together. In a study that
    cannot be read, or whose folder is gone, every entry about the holdout in the ledger counts.
    """
    places = shelf.book(STUDIES).standing
    total = 0
    for name in {place.split("/")[1] for place in places} - {study}:
        try:
            total += used_questions(shelf.read(name), shelf)
        except (BadRequest, UnknownName):
            under = f"{STUDIES}/{name}/"
            total += sum(one.startswith(under) and one.endswith(_ENDING) for one in places)
    return total


def is_known(study: Study, plan: int, digest: str) -> bool:
    """Return whether this question was begun or answered before."""
    return any((one.plan, one.digest) == (plan, digest) for one in questions_of(study))


def count_question(
    shelf: StudyShelf, study: str, plan: int, digest: str, minutes: float = 0.0
) -> Counted:
    """Enter a question, unless the same one was begun or answered before; return it.

    digest: of the weights that it is about. minutes: that its answer will probably take. Raises
    BadRequest if no question is left, UnknownName, StorageFailed.
    """
    with _alone(shelf.workspace, study):
        found = shelf.read(study)
        known, used = questions_of(found), used_questions(found, shelf)
        most = found.opened.holdout_questions
        for question in known:
            if (question.plan, question.digest) == (plan, digest):
                return Counted(question, max(0, most - used))
        if used >= most:
            raise BadRequest(_spent(found, used))
        number = max([used, *(one.number for one in known)]) + 1
        content = HoldoutAnswer(
            plan=plan,
            test="holdout",
            where="documents that the study never saw",
            question=number,
            claims=[],
            written=now(),
            asked=True,
            digest=digest,
            minutes=round(minutes, 2),
        )
        append(shelf.workspace, study, content)
        return Counted(Question(number, plan, digest, None), most - used - 1)


def enter_answer(shelf: StudyShelf, study: str, content: HoldoutAnswer) -> int:
    """Append the answer to a question; return the number of its entry.

    If another job has answered the question in the meantime, its entry stays the answer.
    """
    with _alone(shelf.workspace, study):
        for question in questions_of(shelf.read(study)):
            if question.number == content.question and question.answer is not None:
                return question.answer
        return append(shelf.workspace, study, content).number


def _alone(workspace: Path, study: str) -> AbstractContextManager[None]:
    return exclusive(workspace / ".fumehood" / LOCK.format(study=study))


def _unreadable(study: Study, shelf: StudyShelf) -> list[str]:
    """Return the places of entries about the holdout that are gone, withdrawn or edited."""
    under = f"{STUDIES}/{study.name}/{ENTRIES}"
    sound = {entry.place for entry in study.entries if entry.content is not None}
    known = {*shelf.book(under).standing, *(entry.place for entry in study.entries)}
    return sorted(place for place in known - sound if place.endswith(_ENDING))


def _spent(study: Study, used: int) -> str:
    most = study.opened.holdout_questions
    gone = used - len(questions_of(study))
    lost = f" ({gone} of them in entries that were removed or edited)" if gone else ""
    return (
        f"The holdout of the study {study.name} may be asked {most} time{'' if most == 1 else 's'} "
        f"and was asked {used}{lost}. Nothing is left to ask: write_report states what was found, "
        f"promote_variant tests a winner elsewhere, and a new question needs a new study."
    )
