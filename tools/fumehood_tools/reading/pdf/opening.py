"""Open a PDF and read all of it. Runs in the child process; other code calls `read_pdf`."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from fumehood_tools.errors import Unreadable
from fumehood_tools.installing import install_command
from fumehood_tools.reading.document import Document, HiddenText, Link
from fumehood_tools.reading.pdf.blocks import blocks_of
from fumehood_tools.reading.pdf.floats import Float, take_floats
from fumehood_tools.reading.pdf.flow import Flow, Piece, elements_of, take_contents
from fumehood_tools.reading.pdf.footnotes import take_footnotes
from fumehood_tools.reading.pdf.front import Front, front_of, with_later_abstract
from fumehood_tools.reading.pdf.furniture import take_furniture
from fumehood_tools.reading.pdf.headings import find_heads
from fumehood_tools.reading.pdf.lines import TextLine, in_reading_order, lines_of_pages, set_columns
from fumehood_tools.reading.pdf.links import bookmarks_of, links_of, text_links
from fumehood_tools.reading.pdf.looks import Bookmark, Head, Style
from fumehood_tools.reading.pdf.pages import Page, page_of
from fumehood_tools.reading.pdf.references import references_of, split_bibliography
from fumehood_tools.reading.pdf.text import Spelling, text_of

MOST_PAGES = 2000
_LEAST_WORDS = 15
_CATALOG = re.compile(rb"\b(\d{1,9}) \d{1,5} obj\s{0,10}<<[^>]{0,200}/Type\s{0,5}/Catalog")
OnPage = Callable[[int, int], None]


class Parts(NamedTuple):
    """A paper split into its pages, page furniture, front and the pieces of its text."""

    pages: list[Page]
    furniture: list[list[TextLine]]
    front: Front
    pieces: list[Piece]
    spelling: Spelling


@contextmanager
def opened(path: Path, name: str, password: str | None, max_pages: int) -> Iterator[Any]:
    """Open a PDF as a pypdfium2 document, and close it afterward. Raises Unreadable."""
    document = _open(path, name, password)
    try:
        pages = len(document)
        if not pages:
            raise Unreadable(f"{name} is damaged: it has no readable page. Fetch it again.")
        if pages > max_pages:
            raise Unreadable(
                f"{name} has {pages} pages, over the limit of {max_pages}. Split it, then read "
                "the parts."
            )
        yield document
    finally:
        document.close()


def _open(path: Path, name: str, password: str | None) -> Any:
    """Open a PDF. A truncated file is repaired by adding a new trailer. Raises Unreadable."""
    try:
        return pdfium.PdfDocument(path, password=password)
    except pdfium.PdfiumError as error:
        if error.err_code != raw.FPDF_ERR_FORMAT:
            raise _why_closed(error, name, password) from error
        torn = error
    data = path.read_bytes()
    catalogs = _CATALOG.findall(data)
    if not catalogs:
        raise _why_closed(torn, name, password) from torn
    trailer = b"\ntrailer\n<< /Root %s 0 R >>\nstartxref\n0\n%%%%EOF\n" % catalogs[-1]
    try:
        return pdfium.PdfDocument(data + trailer, password=password)
    except pdfium.PdfiumError as error:
        raise _why_closed(error, name, password) from error


def _why_closed(error: pdfium.PdfiumError, name: str, password: str | None) -> Unreadable:
    if error.err_code == raw.FPDF_ERR_PASSWORD:
        if password:
            return Unreadable(
                f"The password does not open {name}. Pass the correct one as password."
            )
        return Unreadable(f"{name} is encrypted and needs a password. Pass it as password.")
    if error.err_code == raw.FPDF_ERR_SECURITY:
        return Unreadable(
            f"{name} is encrypted in an unsupported way. Save a copy without protection and "
            "read that."
        )
    return Unreadable(f"{name} is damaged beyond repair or not a PDF. Fetch it again.")


def read_document(
    path: Path, *, name: str, password: str | None, max_pages: int, on_page: OnPage
) -> Document:
    """Return a PDF as a document.

    on_page: called with the pages done and the total number of pages. Raises Unreadable.
    """
    with opened(path, name, password, max_pages) as pdf:
        pages, links, warnings = _pages(pdf, range(len(pdf)), on_page)
        bookmarks = bookmarks_of(pdf)
        total = len(pdf)
    _check_text(pages, name, total, warnings)
    parts = take_apart(pages, bookmarks)
    return _document(parts, links, warnings, total)


def pages_of(path: Path, password: str | None) -> tuple[list[Page], list[Bookmark]]:
    """Return the contents of the pages of a PDF, and its bookmarks. Raises Unreadable."""
    with opened(path, path.name, password, MOST_PAGES) as pdf:
        pages, _, _ = _pages(pdf, range(len(pdf)), lambda done, total: None)
        return pages, bookmarks_of(pdf)


def _pages(
    pdf: Any, numbers: Iterable[int], on_page: OnPage
) -> tuple[list[Page], list[Link], list[str]]:
    pages: list[Page] = []
    links: list[Link] = []
    failed: list[int] = []
    total = len(pdf)
    for index in numbers:
        try:
            pdf_page = pdf[index]
        except pdfium.PdfiumError:
            failed.append(index + 1)
            continue
        try:
            page = page_of(pdf_page, index + 1)
            links += links_of(pdf, pdf_page, index + 1, page.words)
            pages.append(page)
        except pdfium.PdfiumError:
            failed.append(index + 1)
        finally:
            pdf_page.close()
        on_page(index + 1, total)
    warnings = [f"Pages that could not be read: {_listed(failed)}."] if failed else []
    return pages, links, warnings


def _check_text(pages: Sequence[Page], name: str, total: int, warnings: list[str]) -> None:
    """Add warnings about pages without text. Raises Unreadable if there is no text at all."""
    if not pages:
        raise Unreadable(
            f"{name} is damaged: none of its {total} pages can be read. Fetch it again."
        )
    bare = [page.number for page in pages if len(page.words) < 3 and page.images]
    if sum(len(page.words) for page in pages) < _LEAST_WORDS:
        if len(bare) > len(pages) / 2:
            raise Unreadable(
                f"{name} is a scan: its {total} pages are pictures without text. Reading it needs "
                f"OCR: install marker ({install_command('pdf')}), then pass source='marker'."
            )
        if not any(page.words for page in pages):
            raise Unreadable(
                f"{name} has {total} pages and no text. Read another source of this paper."
            )
    if bare:
        warnings.append(f"Pages that are pictures without text: {_listed(bare)}.")
    if ocr := [page.number for page in pages if page.recognised]:
        warnings.append(f"OCR text of scanned pages: {_listed(ocr)}.")


def _listed(numbers: Sequence[int]) -> str:
    some = ", ".join(map(str, numbers[:20]))
    return f"{some} and {len(numbers) - 20} more" if len(numbers) > 20 else some


def take_apart(pages: list[Page], bookmarks: Sequence[Bookmark]) -> Parts:
    """Split a paper into its parts, from the contents of its pages."""
    sheets = list(zip(pages, lines_of_pages(pages), strict=True))
    furniture = take_furniture(sheets)
    set_columns(sheets)
    style = Style.of([line for _, lines in sheets for line in lines])
    floats: list[list[Float]] = []
    footnotes: list[list[Piece]] = []
    for _, lines in sheets:
        lines[:] = in_reading_order(lines)
        take_contents(lines)
    spelling = Spelling(chain.from_iterable(lines for _, lines in sheets))
    for page, lines in sheets:
        footnotes.append(take_footnotes(lines, page.rules, style))
        floats.append(take_floats(page, lines, style.size, spelling))
    every = list(chain.from_iterable(lines for _, lines in sheets))
    heads = find_heads(every, style, bookmarks)
    first = pages[0].number
    front = front_of([line for line in every if line.page == first], heads, style)
    front = with_later_abstract(front, every, heads)
    heads, kept = _without_front(heads, front, every)
    flow = Flow(style, heads, justified=_is_justified(kept))
    elements: list[TextLine | Float] = []
    notes: list[Piece] = []
    for (_, lines), some, found in zip(sheets, floats, footnotes, strict=True):
        elements += [
            it for it in elements_of(lines, some) if isinstance(it, Float) or id(it) in kept
        ]
        notes += found
    pieces = _with_notes(list(_bibliographies_apart(flow.pieces(elements))), notes)
    return Parts(pages, furniture, front, pieces, spelling)


def _bibliographies_apart(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Yield the pieces, with text that follows a bibliography as a paragraph of its own."""
    for piece in pieces:
        rest: list[TextLine] = []
        if piece.kind == "reference":
            piece.lines, rest = split_bibliography(piece.lines)
        yield piece
        if rest:
            yield Piece("paragraph", rest)


def _without_front(
    heads: list[Head], front: Front, lines: Sequence[TextLine]
) -> tuple[list[Head], dict[int, TextLine]]:
    gone = set(map(id, front.lines))
    bases = {(line.page, line.base, line.column) for line in front.abstract}
    kept = {
        id(line): line
        for line in lines
        if id(line) not in gone and (line.page, line.base, line.column) not in bases
    }
    return [head for head in heads if id(head.lines[0]) in kept], kept


def _is_justified(lines: dict[int, TextLine]) -> bool:
    long = [line for line in lines.values() if len(line.words) > 5]
    return sum(abs(line.short) < 0.3 for line in long) > 0.4 * len(long)


def _with_notes(pieces: list[Piece], notes: Sequence[Piece]) -> list[Piece]:
    """Insert footnotes after the last piece that begins on their page."""
    merged: list[Piece] = []
    waiting = list(notes)
    for piece in pieces:
        page = piece.lines[0].page if piece.lines else 0
        while waiting and page and waiting[0].lines[0].page < page:
            merged.append(waiting.pop(0))
        merged.append(piece)
    return merged + waiting


def _document(parts: Parts, links: list[Link], warnings: list[str], total: int) -> Document:
    references = [
        entry
        for piece in parts.pieces
        if piece.kind == "reference"
        for entry in references_of(piece.lines, parts.spelling, links)
    ]
    blocks = blocks_of(parts.pieces, parts.spelling)
    abstract = text_of(parts.front.abstract, parts.spelling)
    texts = [(abstract, 1), *((block.text, block.page) for block in blocks)]
    texts += [(entry.text, None) for entry in references]
    hidden: list[HiddenText] = [it for page in parts.pages for it in page.hidden]
    return Document(
        source="pdftext",
        title=parts.front.title,
        authors=parts.front.authors,
        abstract=abstract,
        blocks=blocks,
        references=references,
        links=[*links, *text_links(texts, links)],
        hidden=hidden,
        pages=total,
        warnings=warnings,
    )
