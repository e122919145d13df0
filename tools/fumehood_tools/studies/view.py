"""One page of a study for the agent, and the whole notebook as Markdown for people.

A page has at most 20,000 characters, however long the study is: the summary shows the newest
entries of each kind, the full form pages through all of them, and a search lists those that have
all of its words.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field

from fumehood_tools.cursors import cursor_of, offset_of
from fumehood_tools.errors import BadRequest
from fumehood_tools.files import write_text
from fumehood_tools.quoting import one_line
from fumehood_tools.studies.entries import Conclusion, HoldoutAnswer, Note, Plan, Reflection
from fumehood_tools.studies.following import next_call, open_plans
from fumehood_tools.studies.notebook import Entry, Study
from fumehood_tools.studies.told import budget_in_words, line_of, text_of

Detail = Literal["summary", "full"]
MOST_TEXT = 16_000
NEWEST = 8
NOTEBOOK_FILE = "notebook.md"
_CURSOR = "study"


class EntryRow(BaseModel, frozen=True):
    """One entry of a study."""

    entry: int
    kind: str
    written: str = Field(description="ISO 8601, UTC")
    text: str


class StudyPage(BaseModel, frozen=True):
    """A study, or a part of it."""

    study: str
    question: str
    budget: str = Field(description="in words")
    spent: str = Field("", description="in words")
    counts: dict[str, int] = Field(description="kind -> number of entries")
    open_plans: list[int] = Field(description="not run, not judged, or a run is missing")
    entries: list[EntryRow]
    total: int = Field(description="entries that fit the request")
    problems: list[str] = Field(description="entries that were edited or are gone")
    next_cursor: str | None = None
    next: str

    def text(self) -> str:
        """Return the page as text."""
        counts = ", ".join(f"{count} {kind}" for kind, count in self.counts.items())
        lines = [
            f"Study {self.study}: {self.question}",
            f"Budget: {self.budget}. {self.spent}".rstrip(),
            f"Entries: {counts}.",
            *(f"! {problem}" for problem in self.problems),
            *([f"Open plans: {', '.join(map(str, self.open_plans))}."] * bool(self.open_plans)),
            "",
            *(f"[{row.entry}] {row.kind}, {row.written}: {row.text}" for row in self.entries),
            "",
        ]
        lines += [f"More: cursor={self.next_cursor!r}."] * bool(self.next_cursor)
        return "\n".join([*lines, f"Next: {self.next}"])


def page_of(
    study: Study,
    detail: Detail = "summary",
    search: str | None = None,
    entry: int | None = None,
    cursor: str | None = None,
    spent: str = "",
) -> StudyPage:
    """Return a page of a study. spent: what it has spent, in words.

    entry: only this one, whole. search: entries with all of these words, newest first. Raises
    BadRequest for a number that no entry has.
    """
    chosen, whole = _chosen(study, detail, search, entry)
    start = offset_of(cursor, _CURSOR)
    rows, end = _fitting([_row(one, whole) for one in chosen], start)
    counts: dict[str, int] = {}
    for one in study.entries:
        counts[one.kind] = counts.get(one.kind, 0) + 1
    return StudyPage(
        study=study.name,
        question=study.opened.question,
        budget=budget_in_words(study.opened.budget),
        spent=spent,
        counts=counts,
        open_plans=open_plans(study)[-20:],
        entries=rows,
        total=len(chosen),
        problems=[one_line(problem)[:500] for problem in study.problems[:10]],
        next_cursor=cursor_of(_CURSOR, end) if end < len(chosen) else None,
        next=next_call(study),
    )


def write_notebook(study: Study, hunts: str = "") -> None:
    """Write the study as Markdown for people, beside its entries. Raises StorageFailed.

    hunts: those in its sandboxes, in words.
    """
    write_text(study.folder / NOTEBOOK_FILE, notebook_text(study, hunts))


def notebook_text(study: Study, hunts: str = "") -> str:
    """Return the whole study as Markdown for people."""
    lines = [
        f"# {study.name}",
        "",
        "Made from the signed entries in `entries/`; changes in this file have no effect.",
        *(f"\n> {problem}" for problem in study.problems),
    ]
    for one in study.entries:
        if one.content is not None:
            lines += ["", f"## {one.number}. {one.kind} ({one.content.written})", ""]
            lines.append(text_of(one.content))
    lines += ["", "## Hunts", "", hunts] if hunts else []
    return "\n".join(lines) + "\n"


def _chosen(
    study: Study, detail: Detail, search: str | None, entry: int | None
) -> tuple[Sequence[Entry], bool]:
    """Return the entries that fit a request, and whether they are shown whole."""
    sound = [one for one in study.entries if one.content is not None]
    if entry is not None:
        found = [one for one in sound if one.number == entry]
        if not found:
            raise BadRequest(
                f"The study {study.name} has no readable entry {entry}. Its entries go from 1 to "
                f"{study.entries[-1].number}; call read_study(study={study.name!r}, detail='full')."
            )
        return found, True
    if search is not None and search.split():
        words = search.casefold().split()
        hits = [one for one in sound if _has(one, words)]
        return hits[::-1], True
    return (sound, True) if detail == "full" else (_newest(sound), False)


def _has(one: Entry, words: Sequence[str]) -> bool:
    text = text_of(one.content).casefold() if one.content is not None else ""
    return all(word in text for word in words)


def _newest(sound: Sequence[Entry]) -> list[Entry]:
    """Return the first entry, and the newest ones of each kind that says something."""
    groups: dict[str, list[Entry]] = {}
    for one in sound:
        kind = one.content.kind if isinstance(one.content, Note) else one.kind
        if isinstance(one.content, (Plan, Conclusion, Reflection, HoldoutAnswer, Note)):
            groups.setdefault(kind, []).append(one)
    kept = [one for some in groups.values() for one in some[-NEWEST:]]
    return sorted(kept, key=lambda one: one.number)


def _row(one: Entry, whole: bool) -> EntryRow:
    content = one.content
    assert content is not None  # only sound entries are chosen
    kind = content.kind if isinstance(content, Note) else one.kind
    text = text_of(content) if whole else line_of(content)
    return EntryRow(entry=one.number, kind=kind, written=content.written, text=text)


def _fitting(rows: Sequence[EntryRow], start: int) -> tuple[list[EntryRow], int]:
    """Return the rows from `start` that fit on a page, and the position after them."""
    kept: list[EntryRow] = []
    room = MOST_TEXT
    for row in rows[start:]:
        if kept and len(row.text) + 60 > room:
            break
        cut = row.text[: MOST_TEXT - 200]
        if cut != row.text:
            row = row.model_copy(update={"text": f"{cut} … (cut; the entry's file has all of it)"})
        kept.append(row)
        room -= len(row.text) + 60
    return kept, start + len(kept)
