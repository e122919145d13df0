"""What was tried already and resembles an idea: by its text, by its code, by its trained weights.

Text: plans, notes, reflections and claims of all studies, and the docstrings of all files that were
scored. Code: the files of all variants that were ever scored, as they lie beside their records, so
also those that were edited or deleted since, and the packaged ones. Weights: see decoders.py. Light
but for the weights.
"""

import ast
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.errors import BadRequest, StorageFailed
from fumehood_tools.kinds import template_folder
from fumehood_tools.plain_files import read_plain
from fumehood_tools.records.scores import Failure, Score
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.sandbox.sources import origin_of
from fumehood_tools.sandbox.variants import packaged_variants
from fumehood_tools.studies.entries import Conclusion, Note, Plan, Reflection
from fumehood_tools.studies.suggesting.answer import Found, Suggestion
from fumehood_tools.studies.suggesting.board import Board
from fumehood_tools.studies.suggesting.code import (
    Usual,
    likeness,
    usual_likeness,
    words_of,
)
from fumehood_tools.studies.suggesting.text_match import matches

LEAST_TEXT, MOST_ROWS = 0.15, 10
_MOST_FILES = 600


class TriedFile(NamedTuple):
    """One version of a variant's file that was run."""

    box: str
    variant: str
    version: str
    source: bytes


class _Said(NamedTuple):
    what: str
    text: str
    call: str = ""


def similar_texts(board: Board, idea: str, files: list[TriedFile]) -> Found:
    """Return what was written about similar ideas, most similar first."""
    said = [*_entries(board), *_docstrings(files)]
    found = matches(idea, [one.text for one in said], LEAST_TEXT)[:MOST_ROWS]
    rows = [
        Suggestion(
            part="similar",
            what=f"text: {said[match.place].what}",
            why=f"Words in common: {', '.join(match.found[:12])}.",
            quote=said[match.place].text,
            value=match.confidence,
            call=said[match.place].call,
        )
        for match in found
    ]
    return Found(rows)


def packaged_files(box: Sandbox) -> Mapping[str, bytes]:
    """Return the baselines of a sandbox's kind; of one with its own interface, those it came with.

    Raises StorageFailed.
    """
    kind = box.spec.kind
    if box.spec.custom is None:
        folder, names = template_folder(kind) / "variants", list(packaged_variants(kind))
    else:
        came = set(origin_of(box.folder).files)
        folder = box.variants
        names = [path.stem for path in folder.glob("*.py") if f"variants/{path.name}" in came]
    return {name: read_plain(folder / f"{name}.py") for name in sorted(names)}


def similar_code(source: bytes, files: list[TriedFile], baselines: Mapping[str, bytes]) -> Found:
    """Return the files whose code is most like this one, out of `files` and the baselines.

    Raises BadRequest for a file that is not Python.
    """
    words = words_of(source)
    if not words:
        raise BadRequest("The file is not valid Python or is empty. Call check_variant.")
    packaged = {name: words_of(one) for name, one in baselines.items()}
    named = {code: [f"the packaged {name}"] for name, code in packaged.items()}
    for file in files:
        code = words_of(file.source)
        name = f"{file.variant} in {file.box} (version {file.version[:8]})"
        if code not in packaged.values():
            named.setdefault(code, []).append(name)
    usual = usual_likeness(frozenset(words_of(one) for one in baselines.values()))
    alike = sorted(((likeness(words, code), names) for code, names in named.items()), reverse=True)
    rows = [
        Suggestion(
            part="similar",
            what=f"code: {names[-1]}{_others(len(names) - 1)}",
            why=_code_in_words(value, usual),
            value=round(value, 3),
        )
        for value, names in alike[:MOST_ROWS]
    ]
    if usual is None:
        return Found(rows)
    said = f"Code: two different packaged variants are {usual.middle:.0%} alike in the middle, "
    return Found(rows, [f"{said}{usual.most:.0%} at most."])


def tried_files(board: Board, sandboxes: Path) -> tuple[list[TriedFile], list[str]]:
    """Return one file per version that was ever run, and what was left out.

    A copy beside a record counts only if it is the file that was signed.
    """
    found: dict[tuple[str, str], TriedFile] = {}
    notes: list[str] = []
    for box, place, record in _runs(board):
        key = record.variant, record.file_version
        if record.control is not None or key in found:
            continue
        if len(found) == _MOST_FILES:
            notes.append(f"Only {_MOST_FILES} files were compared.")
            break
        about = record.provenance if isinstance(record, Score) else record
        try:
            source = read_plain(sandboxes / box / "results" / place / f"{record.variant}.py")
        except StorageFailed as error:
            notes.append(str(error))
            continue
        if hashlib.sha256(source).hexdigest() == about.variant_sha256:
            found[key] = TriedFile(box, record.variant, record.file_version, source)
    return list(found.values()), notes


def docstring_of(source: bytes) -> str:
    """Return the docstring of a file; "" without one or if it is not Python."""
    try:
        return ast.get_docstring(ast.parse(source)) or ""
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""


def source_of(box: Sandbox, variant: str, files: list[TriedFile]) -> bytes:
    """Return a variant's file, or if it is gone, the newest copy beside a record of it.

    Raises UnknownName if there is neither.
    """
    kept = [file for file in files if (file.box, file.variant) == (box.name, variant)]
    if kept and not (box.variants / f"{variant}.py").is_file():
        return kept[-1].source
    return read_plain(box.variant_path(variant))


def _runs(board: Board) -> Iterator[tuple[str, str, Score | Failure]]:
    """Yield every record of every sandbox, oldest first."""
    for box, found in board.boxes.items():
        records: dict[str, Score | Failure] = {**found.scores, **found.failures}
        for place, record in sorted(records.items(), key=lambda item: item[1].finished):
            yield box, place, record


def _entries(board: Board) -> Iterator[_Said]:
    for study, entry, plan in board.all(Plan):
        call = f"read_study(study={study.name!r}, entry={entry.number})"
        names = ", ".join(one.name for one in plan.variants)
        yield _Said(
            f"plan of {names} ({board.at(study, entry)})", f"{plan.title}. {plan.hypothesis}", call
        )
    for study, entry, note in board.all(Note):
        if note.kind != "background":
            call = f"read_study(study={study.name!r}, entry={entry.number})"
            yield _Said(f"{note.kind} ({board.at(study, entry)})", note.text, call)
    for study, entry, said in board.all(Reflection):
        call = f"read_study(study={study.name!r}, entry={entry.number})"
        yield _Said(f"reflection ({board.at(study, entry)})", said.insight, call)
    for study, entry, concluded in board.all(Conclusion):
        call = f"read_study(study={study.name!r}, entry={entry.number})"
        for claim in concluded.claims:
            text = f"{claim.variant.replace('_', ' ')}: {claim.reason}"
            yield _Said(f"{claim.verdict}: {claim.variant} ({board.at(study, entry)})", text, call)


def _docstrings(files: list[TriedFile]) -> Iterator[_Said]:
    for file in files:
        text = docstring_of(file.source)
        if text:
            name = file.variant.replace("_", " ")
            yield _Said(f"the file {file.variant} in {file.box}", f"{name}. {text}")


def _others(count: int) -> str:
    return f" and {count} more with other names or constants" if count else ""


def _code_in_words(value: float, usual: Usual | None) -> str:
    if value == 1:
        return "Identical but for names, layout, comments and values of constants."
    alike = f"{min(value, 0.99):.0%} alike"  # 100 % would say that they are identical
    is_more = usual is not None and value > usual.most
    return f"{alike}, more than any two packaged variants." if is_more else f"{alike}."
