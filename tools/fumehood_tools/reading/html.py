"""Read a paper from HTML: LaTeXML output (arXiv's HTML), or any page with an article.

Headings, paragraphs, lists, tables, equations (with their LaTeX), figures, listings, footnotes,
links and references are recognized by LaTeXML's class names. A page without these classes is read
by its tags, and a warning says so. Nothing is fetched and no script runs.
"""

import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import Literal

from lxml import etree, html

from fumehood_tools.errors import Unreadable
from fumehood_tools.papers.encodings import decoded
from fumehood_tools.reading.document import Block, Document, Link
from fumehood_tools.reading.html_blocks import INLINE, holds_blocks, inside_note, is_block
from fumehood_tools.reading.html_displays import (
    captions_of,
    code_of,
    equations_of,
    names_table,
    own_parts,
    own_tables,
    rows_of,
)
from fumehood_tools.reading.html_distill import (
    Front,
    distill_body,
    is_distill,
    rewrite_distill,
    rewrite_formulas,
)
from fumehood_tools.reading.html_text import NOT_TEXT, Element, Text, classes
from fumehood_tools.reading.latex.authors import names_in
from fumehood_tools.reading.latex.bibliography import reference
from fumehood_tools.reading.latex.composing import LINE
from fumehood_tools.reading.running_links import links_in_text

LARGEST = 40_000_000
MOST_DEEP = 150
MOST_NAMED = 5
# Marks a line break inside an author list. It is a private-use character because lxml
# rejects control characters.
_LINE_END = "\ue005"
_LEVELS = {
    **{"part": 1, "chapter": 1, "section": 1, "appendix": 1, "acknowledgements": 1},
    **{"subsection": 2, "subsubsection": 3, "paragraph": 4, "subparagraph": 5},
}
_SKIPPED = {
    *(
        "ltx_page_footer",
        "ltx_page_header",
        "ltx_TOC",
        "ltx_authors",
        "ltx_dates",
        "ltx_page_navbar",
    ),
    *("ltx_title_bibliography", "ltx_title_abstract", "ltx_role_newpage", "ltx_pagination"),
}
_NUMBERED = re.compile(r"(\d{1,2}(?:\.\d{1,2})*|[A-Z](?:\.\d{1,2})+)\.?\s+(?=[^\W\d_])")
_PAGE_PARTS = {"nav", "header", "footer", "aside"}


def read_html(page: bytes) -> Document:
    """Read a paper from a page. Raises Unreadable if the page is too large or has no text."""
    if len(page) > LARGEST:
        raise Unreadable(
            f"The page is larger than {LARGEST:,} bytes. Read another source of this paper."
        )
    root = _parse(page)
    documents = root.xpath("//*[contains(concat(' ', @class, ' '), ' ltx_document ')]")
    if documents:
        return _Page().document(documents[0], [])
    rewrite_formulas(root)
    if is_distill(root):
        document = _Page(rewrite_distill(root)).document(distill_body(root), [])
    else:
        warning = (
            "LaTeXML did not make this page, so it was read by its tags; numbers may be missing."
        )
        document = _Page().document(_article(root), [warning])
    if not document.blocks and not document.abstract:
        raise Unreadable("The page contains no text to read. Read another source of this paper.")
    return document


def _parse(page: bytes) -> Element:
    text, _ = decoded(page)
    # lxml trees cannot hold control characters.
    text = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]|&#(?:x0*[0-8bcef]|0*[0-8]);", "", text)
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        return html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.LxmlError, ValueError, AssertionError) as error:
        raise Unreadable(
            f"The page could not be parsed as HTML ({type(error).__name__}). "
            "Read another source of this paper."
        ) from error


def _article(root: Element) -> Element:
    for path in ("//article", "//main", "//*[@role='main']", "//body"):
        if found := root.xpath(path):
            return max(found, key=lambda element: len("".join(element.itertext())))
    return root


class _Page:
    """Walks over a page in reading order and collects its blocks, references and links.

    front: what is known of a page before its text is read.
    """

    def __init__(self, front: Front | None = None) -> None:
        front = front or Front("", [], [], [])
        self._text = Text()
        self._title = ""
        self._known_title = front.title
        self._abstract: list[str] = []
        self._authors = dict.fromkeys(front.authors)
        self._blocks: list[Block] = []
        self._references = list(front.references)
        self._warnings = list(front.warnings)
        self._without_rows: list[str] = []
        self._top = 2
        self._opening = ""
        self._in_item = False
        self._book = False

    def document(self, root: Element, warnings: list[str]) -> Document:
        """Return a document with everything found under `root`."""
        self._book = bool(root.xpath(".//*[contains(@class, 'ltx_chapter')]"))
        # Where a page has more headings of the highest rank than its title, they are sections.
        self._top = 1 if len(root.xpath(".//h1")) > 1 else 2
        for creator in _with_class(root, "ltx_personname"):
            self._author(creator)
        self._walk(root, 0)
        self._blocks += self._text.notes
        texts = [*self._abstract, *(block.text for block in self._blocks if block.kind != "code")]
        texts += [cell for block in self._blocks for row in block.rows for cell in row]
        texts += [entry.text for entry in self._references]
        unique: dict[str, Link] = {}
        for link in [*self._text.links, *links_in_text(texts)]:
            unique.setdefault(link.url, link)
        return Document(
            source="html",
            title=self._title or self._known_title,
            authors=list(self._authors),
            abstract="\n\n".join(self._abstract),
            blocks=self._blocks,
            references=self._references,
            links=list(unique.values()),
            hidden=self._text.hidden,
            warnings=[*warnings, *self._warnings, *self._losses(root)],
        )

    def _losses(self, root: Element) -> Iterator[str]:
        """Yield what a reader should know to be missing or broken in this page."""
        if self._without_rows:
            yield (
                f"No rows were found for {_some(self._without_rows)}: the page may show a picture. "
                "Read the PDF to have them."
            )
        if errors := _with_class(root, "ltx_ERROR"):
            names = ["".join(error.itertext()).strip() for error in errors]
            yield (
                f"LaTeXML could not convert {len(errors)} commands of this paper, so the text and "
                f"the numbers next to them may be wrong: {_some(names)}."
            )

    def _author(self, element: Element) -> None:
        for line_end in element.iter("br"):
            line_end.tail = f"{_LINE_END}{line_end.tail or ''}"
        said = self._text.raw(element).replace(_LINE_END, LINE)
        self._authors.update(dict.fromkeys(names_in(said)))

    def _add(self, block: Block) -> None:
        self._blocks.append(block)
        self._blocks += self._text.notes
        self._text.notes.clear()

    def _prose(self, text: str) -> None:
        if text:
            said = f"{self._opening} {text}".strip()
            self._opening = ""
            self._add(Block(kind="list_item" if self._in_item else "paragraph", text=said))

    def _walk(self, element: Element, depth: int) -> None:
        """Read the children of an element as blocks, and the text between them as paragraphs."""
        if depth > MOST_DEEP:
            self._prose(self._text.of(element))
            return
        loose = [element.text or ""]
        for child in element:
            if not isinstance(child.tag, str):
                loose.append(child.tail or "")
                continue
            if child.tag in INLINE and not is_block(child):
                loose += [self._text.whole(child), child.tail or ""]
                continue
            self._prose(" ".join("".join(loose).split()))
            self._block(child, depth)
            loose = [child.tail or ""]
        self._prose(" ".join("".join(loose).split()))

    def _block(self, element: Element, depth: int) -> None:
        named = classes(element)
        tag = element.tag
        if tag in NOT_TEXT or named & _SKIPPED or self._text.unseen(element):
            return
        if "ltx_note" in named:
            self._text.note(element)
        elif "ltx_abstract" in named or "abstract" in named:
            self._take_abstract(element)
        elif "ltx_bibliography" in named:
            self._bibliography(element)
        elif "ltx_title" in named or re.fullmatch(r"h[1-6]", tag):
            self._heading(element, named)
        elif "ltx_equation" in named or "ltx_equationgroup" in named or tag == "math":
            for equation in equations_of(element):
                self._add(equation)
        elif named & {"ltx_figure", "ltx_table", "ltx_float"} or tag == "figure":
            self._figure(element, named, depth)
        elif "ltx_tabular" in named or tag == "table":
            self._table(element)
        elif "ltx_listing" in named or "ltx_verbatim" in named or tag == "pre":
            self._add(Block(kind="code", text=code_of(self._text, element)))
        elif tag == "li" or "ltx_item" in named or tag == "dd":
            self._item(element, depth)
        elif tag == "p" or "ltx_p" in named:
            self._paragraph(element, depth)
        elif tag not in _PAGE_PARTS:
            self._walk(element, depth + 1)

    def _paragraph(self, element: Element, depth: int) -> None:
        if holds_blocks(element):
            self._walk(element, depth + 1)
        else:
            self._prose(self._text.of(element))

    def _item(self, element: Element, depth: int) -> None:
        outer, self._in_item = self._in_item, True
        for tag in _with_class(element, "ltx_tag_item")[:1]:
            label = self._text.of(tag)
            # A label with letters is the term of a description list and is kept; a bullet or a
            # number is only decoration.
            self._opening = label if re.search(r"[^\W\d_]{2}", label) else ""
            tag.drop_tree()
        self._walk(element, depth + 1)
        self._in_item = outer

    def _heading(self, element: Element, named: set[str]) -> None:
        tags = [tag for tag in _with_class(element, "ltx_tag") if not inside_note(tag, element)]
        number = self._text.of(tags[0]) if tags else ""
        if "ltx_title_document" in named or (element.tag == "h1" and not self._title):
            self._title = self._title or self._text.of(element, ("ltx_tag", "ltx_subtitle"))
            return
        kinds = [name[10:] for name in named if name.startswith("ltx_title_")]
        if any(kind.startswith(("theorem", "proof")) for kind in kinds) or _in_theorem(element):
            self._opening = self._text.of(element).rstrip(".") + "."
            return
        text = self._text.of(element, ("ltx_tag",))
        level = next((_LEVELS[kind] for kind in kinds if kind in _LEVELS), None)
        if level is not None:
            level += self._book and not named & {"ltx_title_chapter", "ltx_title_part"}
        elif re.fullmatch(r"h[1-6]", element.tag):
            level = max(1, int(element.tag[1]) - self._top + 1)
        if text:
            if not tags and (led := _NUMBERED.match(text)):
                number, text = led.group(1), text[led.end() :]
            printed = re.sub(r"^(?:Appendix|Chapter|Part)\s+", "", number).strip(" .)") or None
            self._add(Block(kind="heading", text=text, level=level or 4, number=printed))

    def _take_abstract(self, element: Element) -> None:
        paragraphs = [part for part in element.iter("p") if not inside_note(part, element)]
        texts = [self._text.of(part) for part in paragraphs]
        if not texts:
            texts = [self._text.of(element, ("ltx_title",))]
        self._abstract += [text for text in texts if text]

    def _bibliography(self, element: Element) -> None:
        for item in _with_class(element, "ltx_bibitem"):
            before = len(self._text.links)
            printed = ("ltx_tag_bibitem", "ltx_role_refnum")
            tags = [tag for name in printed for tag in _with_class(item, name)]
            label = self._text.of(tags[0]) if tags else f"[{len(self._references) + 1}]"
            text = self._text.of(item, (*printed, "ltx_bib_cited"))
            if tags and "ltx_bib_author-year" in classes(tags[0]):
                text = f"{label}. {text}"
            links = [link.url for link in self._text.links[before:]]
            if text:
                self._references.append(reference(label, text, links))

    def _table(self, element: Element) -> None:
        rows = rows_of(self._text, element)
        captions = captions_of(self._text, element)
        if rows or captions:
            number, text = captions[0] if captions else (None, "")
            self._add_table(number, text, rows)

    def _add_table(self, number: str | None, text: str, rows: list[list[str]]) -> None:
        self._add(Block(kind="table", text=text, number=number, rows=rows))

    def _figure(self, element: Element, named: set[str], depth: int) -> None:
        """Read a float, and give its captions to its tables, its figure or its algorithm."""
        captions = captions_of(self._text, element)
        before = len(self._blocks)
        for part in own_parts(element, "figure"):
            self._block(part, depth + 1)
        inner = own_tables(element)
        tables = [rows for rows in (rows_of(self._text, part) for part in inner) if rows]
        listings = list(_with_class(element, "ltx_listing"))[:1]
        if "ltx_table" in named or (tables and names_table(self._text, element)):
            self._tables(captions, tables, listings)
        else:
            kind: Literal["figure", "code"] = "code" if listings else "figure"
            for number, text in captions:
                self._captioned(kind, number, text, listings)
            if listings and not captions:
                self._captioned("code", None, "", listings)
            for rows in tables:
                self._add_table(None, "", rows)
        for aside in own_parts(element, "p"):
            self._prose(self._text.of(aside, ("ltx_tabular",)))
        added = self._blocks[before:]
        if added and all(block.kind == "table" and not block.rows for block in added):
            label = f"Table {added[0].number}" if added[0].number else f"{added[0].text[:40]!r}"
            self._without_rows.append(label)

    def _tables(
        self,
        captions: list[tuple[str | None, str]],
        tables: list[list[list[str]]],
        listings: list[Element],
    ) -> None:
        for caption, rows in zip_longest(captions, tables):
            number, text = caption or (None, "")
            self._add_table(number, text, rows or [])
        if listings:
            self._captioned("code", None, "", listings)

    def _captioned(self, kind: str, number: str | None, text: str, listings: list[Element]) -> None:
        if kind == "figure":
            self._add(Block(kind="figure", text=text, number=number))
            return
        head = f"Algorithm {number}: {text}" if number else text
        code = code_of(self._text, listings[0])
        self._add(Block(kind="code", text="\n".join(filter(None, (head, code)))))


def _some(names: list[str]) -> str:
    """Return the first few of these names, and how many more there are."""
    distinct = list(dict.fromkeys(name for name in names if name))
    more = len(distinct) - MOST_NAMED
    return ", ".join(distinct[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _in_theorem(element: Element) -> bool:
    around = element.getparent()
    return bool(around is not None and "ltx_theorem" in classes(around))


def _with_class(element: Element, name: str) -> list[Element]:
    path = f".//*[contains(concat(' ', normalize-space(@class), ' '), ' {name} ')]"
    found: list[Element] = element.xpath(path)
    return found
