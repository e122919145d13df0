"""Find headings by their look, their numbers, the bookmarks of the PDF and well-known names.

The evidence, strongest first: bookmarks that match text on their page; numbers that form a
consistent outline; well-known section names; lines that look like headings found in these ways. A
heading that shares its line with the text after it (a run-in heading) is recognized too.
"""

from collections import Counter
from collections.abc import Sequence

from fumehood_tools.reading.pdf.candidates import KNOWN, Candidate, candidates_of, whole_of
from fumehood_tools.reading.pdf.false_numbers import without_false_numbers
from fumehood_tools.reading.pdf.lines import TextLine
from fumehood_tools.reading.pdf.looks import Bookmark, Head, Look, Style, look_of
from fumehood_tools.reading.pdf.numbering import NumberedOutline, squeezed, without_number
from fumehood_tools.reading.pdf.run_ins import RUN_IN_LEVEL, run_in_heads


def find_heads(
    lines: Sequence[TextLine], style: Style, bookmarks: Sequence[Bookmark]
) -> list[Head]:
    """Return the headings among the lines of a paper, in order.

    Numbered candidates are decided first: their looks then give levels to unnumbered headings.
    """
    # A bookmark may point to the page before or after its heading.
    marked = {(squeezed(without_number(it.title)), page): it.level for it in bookmarks for page in
              (it.page - 1, it.page, it.page + 1)}  # fmt: skip
    titles = {squeezed(it.title) for it in bookmarks}
    candidates = without_false_numbers(list(candidates_of(lines, style, marked)), lines, titles)
    outline = NumberedOutline()
    heads: dict[int, Head] = {}
    levels: dict[Look, int] = {}
    for it in candidates:
        level = outline.level(it.number) if it.number and _is_titled(it, style) else None
        if level:
            heads[it.at] = _head(it, level)
            levels.setdefault(it.look, level)
    if not levels and not marked:
        levels |= _families(candidates)
    for it in candidates:
        if it.at in heads:
            continue
        level = marked.get((squeezed(it.title), it.lines[0].page)) or _unnumbered_level(
            it, style, levels
        )
        if level:
            heads[it.at] = _head(it, level)
    heads.update(run_in_heads(lines, style, list(heads.values()), set(marked)))
    if not levels and not marked:
        _rank([heads[it.at] for it in candidates if it.at in heads])
    return [heads[at] for at in sorted(heads)]


def _families(candidates: Sequence[Candidate]) -> dict[Look, int]:
    """Return levels for looks that several short, separate lines share, if nothing is numbered.

    Lines in capitals at text size are level 1, and italics below them level 2, as is common in
    psychology journals.
    """
    shared = Counter(
        it.look
        for it in candidates
        if it.apart and not it.number and len(it.title.split()) <= 8 and it.title[-1] not in ".,;:"
    )
    caps = [look for look, count in shared.items() if look.caps and count >= 3]
    italics = [
        look for look, count in shared.items() if look.italic and count >= 2 and not look.caps
    ]
    return dict.fromkeys(caps, 1) | dict.fromkeys(italics if caps else [], 2)


def _rank(heads: Sequence[Head]) -> None:
    """Set the levels of headings without numbers by size. A single largest one is the title."""
    sizes = Counter(look_of(head.lines[-1]).size for head in heads)
    order = sorted(sizes, reverse=True)
    if len(order) > 1 and sizes[order[0]] == 1:
        order = order[1:]
    for head in heads:
        size = look_of(head.lines[-1]).size
        head.level = min(RUN_IN_LEVEL, order.index(size) + 1) if size in order else 1


def _head(it: Candidate, level: int) -> Head:
    number = it.number.printed if it.number else None
    return Head(level, number, it.title if number else whole_of(it.lines), it.lines)


def _is_titled(it: Candidate, style: Style) -> bool:
    """Return whether a numbered candidate looks like a heading rather than a list item."""
    first = it.title.lstrip("\"“‘'(")[:1]
    program = len(it.lines[0].words) > 1 and it.lines[0].words[1].face.mono
    if (first.islower() and not program) or it.title[-1:] in ",;" or len(it.title.split()) > 22:
        return False
    if it.look.italic and not it.look.bold and it.number and it.number.mark == ")":
        return False
    ends = it.title[-1:] == "." and len(it.title.split()) > 12
    return not ends


def _unnumbered_level(it: Candidate, style: Style, levels: dict[Look, int]) -> int | None:
    """Return the level of a candidate by its name or its look, or None if it is not a heading."""
    words = it.title.split()
    whole = whole_of(it.lines)
    first = whole.lstrip("\"“‘'(")[:1]
    if KNOWN.fullmatch(whole.strip(" .:")):
        return levels.get(it.look, 1) if it.apart or it.look.bold else None
    if it.number and it.number.schemes == ("arabic",):
        return None
    if len(words) > 14 or first.islower() or not it.apart or whole[-1:] in ".,;":
        return None
    if "=" in whole and any(line.share("math") > 0.15 for line in it.lines):
        return None
    if it.look in levels:
        return levels[it.look]
    if it.look.italic and not it.look.bold and it.look.size < 1.06 * style.size:
        return None
    if it.look.caps and not (it.look.bold or it.look.size > 1.06 * style.size) and levels:
        return None
    bigger = [level for look, level in levels.items() if look.size >= it.look.size]
    if not levels:
        return 1 if it.look.size > 1.06 * style.size or it.look.bold else None
    return min(RUN_IN_LEVEL, max(bigger, default=0) + (0 if not bigger else 1)) or 1
