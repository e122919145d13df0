"""Choose what one page of a survey shows: which rows, in which order, and the notes beside them."""

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

from fumehood_tools.cursors import cursor_of, offset_of
from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.quoting import one_line
from fumehood_tools.surveys.mentions import why
from fumehood_tools.surveys.models import ApiObject, Changes, Counts, Survey
from fumehood_tools.surveys.surveying import Request, Surveys, Taken, Tell
from fumehood_tools.surveys.view import (
    ChangeRow,
    Facts,
    FileRow,
    ObjectDetail,
    ObjectRow,
    Part,
    SnippetRow,
    SurveyPage,
)

LONGEST_ROW, LONGEST_SNIPPET = 300, 800
MOST_LISTED = 20
Row = TypeVar("Row")


class Asked(NamedTuple):
    """What a caller wants to see of a package."""

    request: Request
    part: Part = "overview"
    name: str = ""
    against: str = ""
    query: str = ""
    limit: int = 20
    cursor: str | None = None


def page_of(surveys: Surveys, asked: Asked, tell: Tell = lambda text: None) -> SurveyPage:
    """Return the page that was asked for. Raises what `Surveys.survey` raises."""
    if asked.part == "changes":
        return _changes_page(surveys, asked, tell)
    if asked.against:
        raise BadRequest("against is for part='changes'. Omit it, or pass that part.")
    taken, survey = surveys.survey(asked.request, tell)
    if asked.name:
        return _named_page(surveys, taken, survey, asked, tell)
    if asked.part == "snippets":
        wanted = [it for it in survey.snippets if _fits(asked.query, it.code, it.file)]
        wanted.sort(key=lambda it: (it.verifies == "no", it.form == "docstring"))
        rows = [
            SnippetRow(**it.model_dump(exclude={"code"}), code=it.code[:LONGEST_SNIPPET])
            for it in wanted
        ]
        shown, total, cursor = _cut(rows, asked)
        return _page(taken, survey, asked).model_copy(
            update={
                "snippets": shown,
                "total": total,
                "next_cursor": cursor,
                "limits": _nothing(asked, total),
            }
        )
    if asked.part == "files":
        found = [it for it in survey.files if _fits(asked.query, it.path, it.kind)]
        shown_files, total, cursor = _cut([FileRow(**it.model_dump()) for it in found], asked)
        return _page(taken, survey, asked).model_copy(
            update={"files": shown_files, "total": total, "next_cursor": cursor}
        )
    return _api_page(taken, survey, asked)


def _page(taken: Taken, survey: Survey, asked: Asked) -> SurveyPage:
    return SurveyPage(
        package=survey.distribution,
        version=survey.version or "of unknown version",
        part=asked.part,
        taken=list(taken.said),
        total=0,
        next_cursor=None,
    )


def _api_page(taken: Taken, survey: Survey, asked: Asked) -> SurveyPage:
    """Return the objects of all modules, those of classes only where a query asks for them."""
    wanted = [
        it
        for it in survey.objects
        if (asked.query or not it.owner) and _fits(asked.query, it.path, it.doc[:500])
    ]
    shown, total, cursor = _cut([_row(it) for it in wanted], asked)
    update = {"objects": shown, "total": total, "next_cursor": cursor}
    update["limits"] = [
        *_nothing(asked, total),
        *limits_of(survey.counts),
        *(f"not read: {it}" for it in survey.problems[:5]),
    ]
    if asked.part == "overview":
        update["facts"] = _facts(survey)
    return _page(taken, survey, asked).model_copy(update=update)


def _nothing(asked: Asked, total: int) -> list[str]:
    """Return why a page is empty, and what to ask instead; nothing if it is not."""
    if total:
        return []
    if asked.query:
        return ["Nothing has all words of query. Use fewer words, or other ones."]
    if asked.part == "snippets" and not asked.request.published:
        return ["The installed files have none. The index's often have docs: published=true."]
    return ["There is nothing here: no Python that can be read."]


def _named_page(
    surveys: Surveys, taken: Taken, survey: Survey, asked: Asked, tell: Tell
) -> SurveyPage:
    """Return one object with its members, or the objects of a module."""
    if survey.counts.not_read and not _knows(survey, asked.name):
        again = asked.request._replace(first=asked.name.rpartition(".")[0] or asked.name)
        taken, survey = surveys.survey(again, tell)
    if asked.name in survey.modules:
        members = [
            it
            for it in survey.objects
            if not it.owner
            and any(path.rpartition(".")[0] == asked.name for path in (it.path, *it.also))
        ]
        shown, total, cursor = _cut([_row(it) for it in members], asked)
        update: dict[str, object] = {"objects": shown, "total": total, "next_cursor": cursor}
        return _page(taken, survey, asked).model_copy(update={**update, "part": "api"})
    found = _find(survey, asked.name)
    members = [it for it in survey.objects if it.owner == found.path]
    members = [it for it in members if _fits(asked.query, it.path, it.doc[:500])]
    members.sort(key=lambda it: (bool(it.deprecated), not it.doc, it.line or 0))
    shown, total, cursor = _cut([_row(it) for it in members], asked)
    fields = set(ObjectDetail.model_fields) - {"why"}
    detail = ObjectDetail(**found.model_dump(mode="json", include=fields), why=why(found))
    update = {"object": detail, "objects": shown, "total": total, "next_cursor": cursor}
    return _page(taken, survey, asked).model_copy(update={**update, "part": "api"})


def _knows(survey: Survey, name: str) -> bool:
    return name in survey.modules or any(name in (it.path, *it.also) for it in survey.objects)


def _find(survey: Survey, name: str) -> ApiObject:
    """Return the object with a public path, or the only one that ends with it."""
    for entry in survey.objects:
        if name == entry.path or name in entry.also:
            return entry
    ends = [it for it in survey.objects if f".{it.path}".endswith(f".{name}")]
    outer = [it for it in ends if not it.owner] or ends
    if len(outer) == 1 or (outer and outer[0].score > outer[1].score):
        return outer[0]
    home = name.rpartition(".")[0]
    inside = [it.path for it in survey.objects if home and f".{it.owner}".endswith(f".{home}")]
    known = [it.path for it in outer] or inside or [it.path for it in survey.objects]
    by_end = {path.rpartition(".")[2]: path for path in reversed(known)}
    close = difflib.get_close_matches(name.rpartition(".")[2], by_end, n=3)
    hint = f"Perhaps {', '.join(by_end[it] for it in close)}. " if close and not outer else ""
    raise UnknownName(
        "single public object",
        one_line(name)[:200],
        known,
        f"{hint}Pass one of these paths, or part='api' with query to search.",
    )


def _changes_page(surveys: Surveys, asked: Asked, tell: Tell) -> SurveyPage:
    old, new, changes = surveys.changes(asked.request, asked.against, tell)
    wanted = [
        it
        for it in changes.changes
        if _fits(asked.query, it.name, it.what, it.kind) and _is_about(asked.name, it.name)
    ]
    fields = set(ChangeRow.model_fields)
    shown, total, cursor = _cut(
        [ChangeRow(**it.model_dump(include=fields)) for it in wanted], asked
    )
    return SurveyPage(
        package=changes.distribution,
        version=new.version,
        against=old.version,
        part="changes",
        taken=[*new.said, *(it for it in old.said if it not in new.said)],
        limits=_limits_of_changes(changes),
        changes=shown,
        total=total,
        next_cursor=cursor,
    )


def _limits_of_changes(changes: Changes) -> list[str]:
    kinds = Counter(it.kind for it in changes.changes)
    counted = ", ".join(f"{number:,} {kind}" for kind, number in sorted(kinds.items()))
    notes = [f"{counted or 'No name changed'}; names that code makes at run time are not seen."]
    if changes.not_compared:
        notes.append(f"{changes.not_compared:,} objects could not be compared.")
    return notes


def _is_about(name: str, changed: str) -> bool:
    return not name or f".{changed}.".replace("(", ".").find(f".{name.rpartition('.')[2]}.") >= 0


def limits_of(counts: Counts) -> list[str]:
    """Return in sentences what was not read or cannot be seen, with numbers."""
    said = (
        (counts.compiled_unknown, "compiled modules have no stubs: their names are missing"),
        (counts.lazy, "public modules have a __getattr__: names that it makes are missing"),
        (counts.at_run_time, "names in __all__ are made at run time: listed as unknown"),
        (counts.unresolved, "re-exports come from other packages: listed as import"),
        (counts.broken, "module files cannot be parsed"),
        (counts.too_large, "module files are too large and were not read"),
        (counts.not_read, "modules are beyond the limits: pass name=<module> to read one first"),
        (counts.odd_names, "module files have names that cannot be imported"),
    )
    return [f"{number:,} {text}." for number, text in said if number]


def _facts(survey: Survey) -> Facts:
    outer = [it for it in survey.objects if not it.owner]
    kinds = Counter(it.kind for it in survey.files)
    callables = [it for it in outer if it.kind in ("function", "class")]
    return Facts(
        summary=one_line(survey.summary),
        requires_python=survey.requires_python,
        requires=list(survey.requires[:MOST_LISTED]),
        imports=list(survey.imports),
        entry_points=[
            f"{it.group}: {it.name} = {it.target}" for it in survey.entry_points[:MOST_LISTED]
        ],
        public_modules=len(survey.modules),
        public_objects=len(outer),
        documented=sum(bool(it.doc) for it in callables),
        verifying_snippets=sum(it.verifies != "no" for it in survey.snippets),
        snippets=len(survey.snippets),
        files=dict(kinds.most_common()),
    )


def _row(entry: ApiObject) -> ObjectRow:
    doc = next((it for it in entry.doc.split("\n") if it.strip()), "")
    return ObjectRow(
        path=entry.path,
        kind=entry.kind,
        signature=one_line(entry.signature or entry.value)[:LONGEST_ROW],
        doc=one_line(doc)[:LONGEST_ROW],
        file=entry.file,
        line=entry.line,
        deprecated=entry.deprecated,
        why=why(entry),
    )


def _fits(query: str, *texts: str) -> bool:
    """Return whether every word of a query is in one of the texts, whatever its case."""
    whole = "\n".join(texts).lower()
    return all(word in whole for word in re.split(r"\s+", query.lower().strip()))


def _cut(rows: Sequence[Row] | Iterable[Row], asked: Asked) -> tuple[list[Row], int, str | None]:
    """Return (rows of the page, rows in all, cursor of the next page)."""
    listed = list(rows)
    kind = f"survey {asked.part} {asked.name}"
    start = offset_of(asked.cursor, kind)
    end = start + asked.limit
    return listed[start:end], len(listed), cursor_of(kind, end) if end < len(listed) else None
