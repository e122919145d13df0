"""What failed and why: failed runs, claims that were not supported, ideas noted as failed. Light.

A claim counts as failed if the newest word about it is refuted, inert or lost on transfer. An
inconclusive one has not failed: next experiments name what would decide it. Failed runs
of one cause are one row. Messages of runs were written by strangers' code as well, so they are
quoted.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fumehood_tools.records.labelling import label_of
from fumehood_tools.records.scores import Failure
from fumehood_tools.records.seed_lists import short_seeds
from fumehood_tools.studies.entries import Note, Verdict
from fumehood_tools.studies.suggesting.answer import Found, Suggestion
from fumehood_tools.studies.suggesting.board import Board
from fumehood_tools.studies.suggesting.text_match import matches
from fumehood_tools.studies.told import claim_in_words

FAILED: tuple[Verdict, ...] = ("refuted", "inert", "lost on transfer")


class _Failed(NamedTuple):
    written: str
    row: Suggestion


def failures(board: Board, search: str | None = None) -> Found:
    """Return what failed, newest first; with a search, those that have its words, best first."""
    found = [*_runs(board), *_claims(board), *_notes(board)]
    found.sort(key=lambda one: one.written, reverse=True)
    rows = [one.row for one in found]
    if search and search.strip():
        texts = [f"{row.what} {row.why} {row.quote}" for row in rows]
        rows = [rows[match.place] for match in matches(search, texts)]
    return Found(rows, board.problems)


def _runs(board: Board) -> Iterator[_Failed]:
    """Yield one row per variant and cause."""
    for box, found in board.boxes.items():
        packaged = board.packaged(box)
        scored = {
            (label_of(score, packaged), score.file_version)
            for score in found.scores.values()
            if score.control is None
        }
        groups: dict[tuple[str, ...], list[Failure]] = defaultdict(list)
        for failure in found.failures.values():
            # A control that is refused has done what it is for.
            if failure.control is None:
                name = label_of(failure, packaged)
                cause = failure.check or failure.limit or failure.code
                key = name, failure.file_version, failure.stage, cause, failure.message[:200]
                groups[key].append(failure)
        for (name, version, stage, cause, _), some in groups.items():
            last = max(some, key=lambda one: one.finished)
            yield _Failed(
                last.finished,
                _run_row(box, name, stage, cause, some, last, (name, version) in scored),
            )


def _run_row(
    box: str,
    name: str,
    stage: str,
    cause: str,
    some: Sequence[Failure],
    last: Failure,
    was_scored: bool,
) -> Suggestion:
    seeds = short_seeds({one.seed for one in some})
    kind = "check" if last.check else "limit" if last.limit else "error"
    why = f"Stage {stage}, {kind} {cause}, seed {', '.join(map(str, seeds))}; {last.finished}."
    if was_scored:
        why += " Other seeds of the same file have a score."
    if last.limit:
        why += " A limit depends on the machine too, so the idea itself may be sound."
    return Suggestion(
        part="failures",
        what=f"{name} in {box} failed",
        why=why,
        quote=last.message,
        call=f"check_variant(sandbox={box!r}, variant={last.variant!r})",
    )


def _claims(board: Board) -> Iterator[_Failed]:
    for one in board.judged():
        if one.claim.verdict in FAILED:
            yield _Failed(
                one.written,
                Suggestion(
                    part="failures",
                    what=f"{one.claim.variant}: {one.claim.verdict} (plan {one.plan}, "
                    f"{board.at(one.study, one.entry)})",
                    why=claim_in_words(one.claim),
                    call=f"read_study(study={one.study.name!r}, entry={one.entry.number})",
                ),
            )


def _notes(board: Board) -> Iterator[_Failed]:
    for study, entry, note in board.all(Note):
        if note.kind == "failed idea":
            about = f", about {', '.join(note.about)}" if note.about else ""
            yield _Failed(
                note.written,
                Suggestion(
                    part="failures",
                    what=f"an idea noted as failed ({board.at(study, entry)}{about})",
                    quote=note.text,
                    call=f"read_study(study={study.name!r}, entry={entry.number})",
                ),
            )
