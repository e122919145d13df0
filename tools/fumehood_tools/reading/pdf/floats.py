"""Take captions, tables, listings and drawings out of the flow of a page's lines.

A table is recognized by its rules, or by aligned rows of cells next to a table caption or with
numbers in them. A drawing is recognized by its strokes and pictures. The text inside a drawing is
not prose and is dropped; its caption is kept.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from fumehood_tools.reading.document import Box
from fumehood_tools.reading.pdf.lines import TextLine
from fumehood_tools.reading.pdf.pages import Page, TurnedLetter
from fumehood_tools.reading.pdf.programs import goes_on_counting, is_program
from fumehood_tools.reading.pdf.regions import (
    Rule,
    drawing_at,
    drawings_of,
    frames_of,
    is_same_width,
    labels_in,
    rules_of,
)
from fumehood_tools.reading.pdf.tables import rows_of
from fumehood_tools.reading.pdf.text import Spelling
from fumehood_tools.reading.pdf.turned import turned_heads

FloatKind = Literal["figure", "table", "code"]
CAPTION = re.compile(
    r"(?P<label>Figure|Fig\.|Fig|Table|Tab\.|Algorithm|Listing|Scheme)\s*"
    r"(?P<number>(?:[A-Z]\.?)?\d{1,3}(?:\.\d{1,3})?[a-z]?|[IVXL]{1,6})"
    r"(?P<mark>\s*[:.|\u2013\u2014]|\s*$|(?=\s))\s*",
    re.I,
)
_NEXT = 25.0
_KINDS: dict[str, FloatKind] = {"fig": "figure", "sch": "figure", "tab": "table"}


@dataclass(slots=True)
class Float:
    """A caption and the lines that belong to it.

    at: index of the line before which it was printed. skip: number of characters in the label at
    the start of the caption.
    """

    kind: FloatKind
    number: str | None
    caption: list[TextLine]
    at: int
    skip: int = 0
    rows: list[list[str]] = field(default_factory=list)
    body: list[TextLine] = field(default_factory=list)

    @property
    def lines(self) -> list[TextLine]:
        """All lines of the float, beginning with the caption."""
        return [*self.caption, *self.body]


def take_floats(page: Page, lines: list[TextLine], body: float, spelling: Spelling) -> list[Float]:
    """Remove captions, tables, listings and drawings from `lines`, and return them in order.

    body: font size of the running text, in points.
    """
    rules = rules_of(page)
    floats = list(_captions(lines, body, rules))
    taken = {id(line) for it in floats for line in it.caption}
    _ruled_programs(lines, floats, taken, rules)
    _framed_tables(lines, floats, taken, rules, spelling, page.turned)
    _open_tables(lines, floats, taken, spelling)
    _loose_tables(lines, floats, taken, spelling)
    _open_programs(lines, floats, taken)
    _drop_drawings(page, lines, floats, taken, body)
    floats.sort(key=lambda it: it.at)
    kept: list[TextLine] = []
    places: dict[int, int] = {}
    for at, line in enumerate(lines):
        places[at] = len(kept)
        if id(line) not in taken:
            kept.append(line)
    for it in floats:
        it.at = places.get(it.at, len(kept))
    lines[:] = kept
    return floats


def _captions(lines: Sequence[TextLine], body: float, rules: Sequence[Rule]) -> Iterable[Float]:
    used = -1
    for at, line in enumerate(lines):
        match = CAPTION.match(line.text) if at > used else None
        if not match or not _is_caption(lines, at, match, body):
            continue
        end = _caption_end(lines, at, rules, alone=match.end() == len(line.text))
        kind = _KINDS.get(match["label"][:3].lower(), "code")
        used = end - 1
        yield Float(kind, match["number"], list(lines[at:end]), at, skip=match.end())


def _is_caption(lines: Sequence[TextLine], at: int, match: re.Match[str], body: float) -> bool:
    line = lines[at]
    mark = match["mark"].strip()
    label_bold = line.words[0].face.bold and not line.words[-1].face.bold
    if not mark and match.end() != len(line.text) and not label_bold:
        return False
    if mark == ":" or label_bold or abs(line.size - body) > 0.4:
        return True
    before = lines[at - 1] if at else None
    if before is None or before.column != line.column or before.page != line.page:
        return True
    follows = 0 < line.base - before.base < 1.4 * line.size and before.short < 2
    ended = before.text[-1:] in ".!?:"
    return not (follows and not ended and len(before.words) > 3)


def _caption_end(lines: Sequence[TextLine], at: int, rules: Sequence[Rule], *, alone: bool) -> int:
    """Return the index after the last line of the caption that begins at `at`.

    A caption ends at a larger step between lines, a change of size, a rule, a line in another
    column or with several cells, or after a short last line. alone: the first line has only the
    label.
    """
    end, pitch = at + 1, 1.42 * lines[at].size
    if alone and end < len(lines) and 0 < lines[end].base - lines[at].base < 2 * lines[at].size:
        end, pitch = end + 1, 1.42 * lines[end].size
    while end < len(lines):
        before, line = lines[end - 1], lines[end]
        step = line.base - before.base
        # TeX sets lines apart where a script of one would touch the other.
        room = 1.2 if any(word.script for word in (*before.words, *line.words)) else 1.0
        if not (0.3 * line.size < step <= room * pitch) or abs(line.size - before.size) > 0.3:
            break
        if _is_ruled(before, line, rules):
            break
        if line.x0 > before.x1 or line.x1 < before.x0 or len(line.cells(1.4)) > 2:
            break
        if before.short > 6 and before.x0 < before.left + 2 * before.size and line.indent > -1:
            # A line that ends early is the last one, unless the caption is narrow or centered.
            middle = (line.x0 + line.x1) / 2, (before.x0 + before.x1) / 2
            if abs(middle[0] - middle[1]) > 3 and line.x1 > before.x1 + line.size:
                break
        pitch = min(pitch, 1.15 * step)
        end += 1
    return end


def _is_ruled(before: TextLine, line: TextLine, rules: Sequence[Rule]) -> bool:
    """Return whether a rule runs between two lines."""
    return any(
        before.base < rule.y < line.base - 0.4 * line.size
        and rule.x1 - rule.x0 > 40
        and rule.x0 < line.x1
        and rule.x1 > line.x0
        for rule in rules
    )


def _framed_tables(
    lines: Sequence[TextLine],
    floats: list[Float],
    taken: set[int],
    rules: Sequence[Rule],
    spelling: Spelling,
    turned: Sequence[TurnedLetter],
) -> None:
    """Take tables that are enclosed by rules of equal width, as booktabs draws them."""
    for frame in frames_of(rules):
        for part in _frame_parts(frame, lines, taken):
            inside = _between(lines, part[0], part[-1], taken)
            within = [
                rule
                for rule in rules
                if part[0].y <= rule.y <= part[-1].y
                and rule.x0 > part[0].x0 - 5
                and rule.x1 < part[0].x1 + 5
            ]
            if is_program(inside):
                at = next(index for index, line in enumerate(lines) if line is inside[0])
                floats.append(Float("code", None, [], at, body=inside))
                taken.update(map(id, inside))
                continue
            words = [word for line in inside for word in line.words]
            words += turned_heads(turned, part, words)
            rows = rows_of(words, within, spelling) if words else []
            if len(rows) < 2 or not _is_tabular(rows):
                continue
            # Turned heads make the top of a table higher than its upright lines.
            _put_table(lines, floats, taken, inside, rows, part)


def _frame_parts(
    frame: Sequence[Rule], lines: Sequence[TextLine], taken: set[int]
) -> Iterable[list[Rule]]:
    """Yield runs of rules that have only table rows between them."""
    run = [frame[0]]
    for before, rule in pairwise(frame):
        inside = _between(lines, before, rule, taken)
        if _is_crossed(lines, before, rule, taken) or _is_prose(inside, rule.x1 - rule.x0):
            if len(run) > 1:
                yield run
            run = []
        run.append(rule)
    if len(run) > 1:
        yield run


def _between(lines: Sequence[TextLine], top: Rule, bottom: Rule, taken: set[int]) -> list[TextLine]:
    return [
        line
        for line in lines
        if id(line) not in taken
        and top.y < line.base - 0.2 * line.size < bottom.y
        and top.x0 - 6 <= line.x0
        and line.x1 <= top.x1 + 6
    ]


def _is_crossed(lines: Sequence[TextLine], top: Rule, bottom: Rule, taken: set[int]) -> bool:
    """Return whether a caption, or text wider than the frame, is between two rules."""
    return any(
        (id(line) in taken or line.x0 < top.x0 - 12 or line.x1 > top.x1 + 12)
        and top.y < line.base - 0.2 * line.size < bottom.y
        and line.x0 < top.x1
        and line.x1 > top.x0
        for line in lines
    )


def _is_prose(lines: Sequence[TextLine], width: float) -> bool:
    full = sum(len(line.cells()) == 1 and line.x1 - line.x0 > 0.85 * width for line in lines)
    return full > 2 and full > 0.5 * len(lines)


def _is_tabular(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether most rows have at least two filled cells."""
    return sum(sum(map(bool, row)) >= 2 for row in rows) > 0.5 * len(rows)


def _put_table(
    lines: Sequence[TextLine],
    floats: list[Float],
    taken: set[int],
    inside: Sequence[TextLine],
    rows: list[list[str]],
    frame: Sequence[Rule] = (),
) -> None:
    """Give rows to the closest table caption without rows, or to a new table without a caption."""
    at = next(index for index, line in enumerate(lines) if line is inside[0])
    left, top, right, bottom = _box(inside)
    box = (left, min([top, *(rule.y for rule in frame)]), right, bottom)
    bare = [it for it in floats if it.kind == "table" and not it.rows]
    free = [it for it in bare if _beside(it, box)]
    free = free or [it for it in bare if _distance(it, box) < _NEXT]
    it = min(free, key=lambda it: _distance(it, box), default=None)
    if it is None:
        it = Float("table", None, [], at)
        floats.append(it)
    it.rows, it.body = rows, list(inside)
    taken.update(map(id, inside))


def _box(lines: Iterable[TextLine]) -> Box:
    some = list(lines)
    return (
        min(line.x0 for line in some),
        min(line.top for line in some),
        max(line.x1 for line in some),
        max(line.bottom for line in some),
    )


def _beside(it: Float, box: Box) -> bool:
    left, _, right, _ = _box(it.caption)
    return left < box[2] and right > box[0] and _distance(it, box) < 60


def _distance(it: Float, box: Box) -> float:
    _, top, _, bottom = _box(it.caption)
    return max(top - box[3], box[1] - bottom, 0)


def _open_tables(
    lines: Sequence[TextLine], floats: Sequence[Float], taken: set[int], spelling: Spelling
) -> None:
    """Take tables without rules: runs of lines that look like rows, below or above a caption."""
    where = {id(line): at for at, line in enumerate(lines)}
    for it in floats:
        if it.kind != "table" or it.rows:
            continue
        below = _run(lines, range(where[id(it.caption[-1])] + 1, len(lines)), taken)
        above = _run(lines, range(where[id(it.caption[0])] - 1, -1, -1), taken)[::-1]
        for run in sorted((below, above), key=len, reverse=True):
            words = [word for line in run for word in line.words]
            rows = rows_of(words, (), spelling) if len(run) > 1 else []
            if len(rows) > 1 and _is_tabular(rows):
                it.rows, it.body = rows, run
                taken.update(map(id, run))
                break


def _loose_tables(
    lines: Sequence[TextLine], floats: list[Float], taken: set[int], spelling: Spelling
) -> None:
    """Take tables without rules or caption: at least three lines with equally many cells.

    All but one of the lines must contain digits.
    """
    run: list[TextLine] = []
    for line in [*lines, None]:
        cells = line.cells(0.9) if line and id(line) not in taken else []
        if line and len(cells) > 2 and line.share("math") < 0.3:
            near = not run or 0 < line.base - run[-1].base < 2.2 * line.size
            if near and (not run or len(run[-1].cells(0.9)) == len(cells)):
                run.append(line)
                continue
        digits = sum(any(map(str.isdigit, it.text)) for it in run)
        if len(run) > 2 and digits >= len(run) - 1:
            rows = rows_of([word for it in run for word in it.words], (), spelling)
            if len(rows) > 2 and _is_tabular(rows):
                _put_table(lines, floats, taken, run, rows)
        run = [line] if line and len(cells) > 2 else []


def _run(lines: Sequence[TextLine], order: Iterable[int], taken: set[int]) -> list[TextLine]:
    """Return the lines that look like table rows, up to the first one that does not."""
    found: list[TextLine] = []
    for at in order:
        line = lines[at]
        single = len(line.cells(0.9)) == 1
        if id(line) in taken or (single and (len(line.words) > 6 or line.short < 1)):
            break
        if found and abs(line.base - found[-1].base) > 3 * line.size:
            break
        found.append(line)
    while found and len(found[-1].cells(0.9)) == 1 and len(found[-1].words) > 2:
        found.pop()
    return found


def _ruled_programs(
    lines: Sequence[TextLine], floats: Sequence[Float], taken: set[int], rules: Sequence[Rule]
) -> None:
    """Take the lines of algorithms and listings between the rule below the caption and the next
    one of the same width. Two of them can stand side by side.
    """
    for it in floats:
        if it.kind != "code":
            continue
        left, top, right, bottom = _box(it.caption)
        under = [
            rule for rule in rules if rule.y > bottom - 2 and rule.x0 < right and rule.x1 > left
        ]
        if not under or under[0].y > bottom + 15:
            continue
        ends = [rule for rule in under[1:] if is_same_width(rule, under[0])]
        if not ends:
            continue
        inside = _between(lines, under[0], ends[0], taken)
        if _is_prose(inside, under[0].x1 - under[0].x0) and not is_program(inside):
            continue
        it.body += inside
        taken.update(map(id, inside))


def _open_programs(lines: Sequence[TextLine], floats: Sequence[Float], taken: set[int]) -> None:
    """Take the lines of listings without rules: monospaced ones, or ones that are numbered."""
    where = {id(line): at for at, line in enumerate(lines)}
    for it in floats:
        if it.kind != "code" or it.body or not it.caption:
            continue
        for line in lines[where[id(it.caption[-1])] + 1 :]:
            counted = goes_on_counting(it.body, line)
            inside = line.base > it.caption[0].base and (line.share("mono") > 0.5 or counted)
            if id(line) in taken or not inside:
                break
            it.body.append(line)
            taken.add(id(line))


def _drop_drawings(
    page: Page, lines: Sequence[TextLine], floats: Sequence[Float], taken: set[int], body: float
) -> None:
    """Drop the text inside drawings that have a caption next to them."""
    free = [line for line in lines if id(line) not in taken]
    drawings = drawings_of(page, free)
    for it in floats:
        if it.kind == "figure" and (box := drawing_at(_box(it.caption), drawings)):
            taken.update(map(id, labels_in(box, free, body)))
