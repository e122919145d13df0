"""Find the links of a PDF: link annotations with their words, then addresses in the text.

Links within the document are skipped. An address in the text counts only if no annotation has the
same or a longer or shorter form of it.
"""

import ctypes
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pypdfium2.raw as raw

from fumehood_tools.reading.document import Box, Link
from fumehood_tools.reading.pdf.frames import Frame
from fumehood_tools.reading.pdf.looks import Bookmark
from fumehood_tools.reading.pdf.symbols import printable
from fumehood_tools.reading.pdf.text import joined
from fumehood_tools.reading.pdf.words import Word, join_words

MOST_LINKS = 5000
_URL = re.compile(r"https?://[^\s<>\"“”‘’`{}|\\^\u2026]+", re.I)
_TAIL = ".,;:!?'\"*"


def links_of(document: Any, page: Any, number: int, words: Sequence[Word]) -> list[Link]:
    """Return the links from a page to web addresses. A link over several lines is one link."""
    frame = Frame.of(page)
    found: list[tuple[str, Box]] = []
    position, link = ctypes.c_int(0), raw.FPDF_LINK()
    while len(found) < MOST_LINKS and raw.FPDFLink_Enumerate(page.raw, position, link):
        url = _address(document, link)
        rect = raw.FS_RECTF()
        if url and raw.FPDFLink_GetAnnotRect(link, rect):
            found.append((url, frame.box(rect.left, rect.bottom, rect.right, rect.top)))
    return list(_joined(found, number, words))


def _address(document: Any, link: Any) -> str | None:
    action = raw.FPDFLink_GetAction(link)
    if not action or raw.FPDFAction_GetType(action) != raw.PDFACTION_URI:
        return None
    length = raw.FPDFAction_GetURIPath(document.raw, action, None, 0)
    if length < 2 or length > 10_000:
        return None
    buffer = ctypes.create_string_buffer(length)
    raw.FPDFAction_GetURIPath(document.raw, action, buffer, length)
    return printable(buffer.value.decode("utf-8", "replace")).strip() or None


def _joined(found: Iterable[tuple[str, Box]], number: int, words: Sequence[Word]) -> Iterator[Link]:
    pieces: list[tuple[str, list[Box]]] = []
    for url, box in found:
        # A link that continues on the next line begins further left, or in the next column.
        if pieces and pieces[-1][0] == url and _goes_on(pieces[-1][1][-1], box):
            pieces[-1][1].append(box)
        else:
            pieces.append((url, [box]))
    for url, boxes in pieces:
        text = joined([_under(box, words) for box in boxes])
        yield Link(url=url, text=text, page=number, box=boxes[0], origin="annotation")


def _goes_on(before: Box, box: Box) -> bool:
    height = before[3] - before[1]
    below = 0 < box[1] - before[1] < 4 * height and box[0] < before[2]
    beside = abs(box[1] - before[1]) < 0.5 * height and 0 <= box[0] - before[2] < height
    return below or beside or box[1] < before[1] - 10 * height


def _under(box: Box, words: Sequence[Word]) -> str:
    left, top, right, bottom = box
    found = [
        word
        for word in words
        if left - 1 <= (word.x0 + word.x1) / 2 <= right + 1 and top - 1 <= word.middle <= bottom + 1
    ]
    text = join_words(found)
    return text.rstrip(".,;:") if found and found[-1].x1 > right + 0.5 else text


def text_links(texts: Iterable[tuple[str, int | None]], known: Sequence[Link]) -> list[Link]:
    """Return the addresses in texts, given as (text, page), that no known link covers."""
    covered = [_key(link.url) for link in known]
    found: dict[str, Link] = {}
    for text, page in texts:
        for match in _URL.finditer(text):
            url = _trimmed(match[0])
            key = _key(url)
            if len(key) < 5 or key in found:
                continue
            if any(it.startswith(key) or key.startswith(it) for it in covered):
                continue
            found[key] = Link(url=url, text=url, page=page, origin="text")
    return list(found.values())


def _trimmed(url: str) -> str:
    url = url.rstrip(_TAIL)
    while url[-1:] in ")]" and url.count(url[-1]) > url.count("(["[")]".index(url[-1])]):
        url = url[:-1].rstrip(_TAIL)
    return url


def _key(url: str) -> str:
    return re.sub(r"^https?://(www\.)?", "", url.casefold()).rstrip("/#")


def bookmarks_of(document: Any) -> list[Bookmark]:
    """Return the outline stored in the PDF, at most 2000 entries, with levels counted from 1."""
    found: list[Bookmark] = []
    for item in document.get_toc(max_depth=6):
        destination = item.get_dest()
        page = destination.get_index() if destination else None
        if page is not None:
            found.append(Bookmark(item.level + 1, item.get_title().strip(), page + 1))
        if len(found) >= 2000:
            break
    roots = [it for it in found if it.level == 1]
    if len(roots) == 1 and len(found) > 2:
        # A single top-level entry is the title of the paper, so the others move up a level.
        return [it._replace(level=it.level - 1) for it in found if it.level > 1]
    return found
