"""Extract the visible text of an HTML element, with formulas readable and hidden text kept apart.

Inline text is gathered with an explicit stack instead of recursion, so deeply nested markup cannot
overflow Python's stack. Text that a style, `hidden` or `aria-hidden` conceals from readers goes to
`hidden`, never into the text. Footnotes are collected in `notes`.
"""

import re
from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import urljoin

from fumehood_tools.reading.document import Block, HiddenText, Link
from fumehood_tools.reading.latex.formulas import readable, script_in_text
from fumehood_tools.reading.latex.tokens import tokenize

Element = Any
MOST_HIDDEN = 50
NOT_TEXT = {
    *(
        "script",
        "style",
        "template",
        "svg",
        "noscript",
        "button",
        "iframe",
        "object",
        "head",
        "img",
    ),
    *("nav", "form", "input", "select", "textarea", "canvas", "video", "audio", "annotation"),
}
_BREAKS = {"br", "p", "div", "li", "tr", "td", "th", "dt", "dd", "h1", "h2", "h3", "h4", "h5", "h6"}
# What LaTeXML makes a block of also where it has to make it of spans, as in the cells of a table.
_BREAK_CLASSES = {"ltx_td", "ltx_tr", "ltx_p", "ltx_para", "ltx_item"}
_SCRIPTS = {"sup": "^", "sub": "_"}
_WHITE = re.compile(
    r"(?<![-\w])color\s*:\s*(?:white|#fff(?:fff)?\b|rgb\(\s*255\s*,\s*255\s*,\s*255)", re.I
)
_TINY = re.compile(r"font-size\s*:\s*(?:0*\.?0+\d?|0)\s*(?:px|pt|em|rem|%)?\s*(?:;|!|$)", re.I)
_INVISIBLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|(?<![-\w])opacity\s*:\s*0*\.?0+\s*(?:;|!|$)",
    re.I,
)


def classes(element: Element) -> set[str]:
    """Return the CSS classes of an element."""
    return set((element.get("class") or "").split())


class Text:
    """Gathers text and, as a side effect, the links, footnotes and hidden text found in it."""

    def __init__(self, base: str = "") -> None:
        self.links: list[Link] = []
        self.notes: list[Block] = []
        self.hidden: list[HiddenText] = []
        self._base = base

    def of(self, element: Element, leave_out: tuple[str, ...] = ()) -> str:
        """Return the text of an element on one line, without elements of the given classes."""
        return " ".join("".join(self._parts(element, leave_out)).split())

    def whole(self, element: Element) -> str:
        """Return the text of an element that may itself be hidden, a note or a formula."""
        own = self._own(element, ())
        return "".join(self._parts(element, ())) if own is None else own

    def raw(self, element: Element) -> str:
        """Return the text of an element with its line breaks, as needed for code."""
        return "".join(self._parts(element, ("ltx_tag_listingline", "ltx_listing_data")))

    def unseen(self, element: Element) -> bool:
        """Return whether an element is hidden; if so, record its text in `hidden`."""
        why = _hidden_by(element)
        if why is None:
            return False
        said = " ".join("".join(element.itertext()).split())
        if said and len(self.hidden) < MOST_HIDDEN:
            self.hidden.append(HiddenText(text=said[:2_000], why=why))
        return True

    def _parts(self, top: Element, leave_out: tuple[str, ...]) -> Iterator[str]:
        stack: list[Element | str] = [top]
        while stack:
            piece = stack.pop()
            if isinstance(piece, str):
                yield piece
                continue
            if not isinstance(piece.tag, str):
                continue
            shown = self._own(piece, leave_out) if piece is not top else None
            if shown is not None:
                yield shown
                continue
            if piece is not top and (piece.tag in _BREAKS or classes(piece) & _BREAK_CLASSES):
                yield " "
            if piece.tag == "a":
                self._link(piece)
            for child in reversed(piece):
                stack.append(child.tail or "")
                stack.append(child)
            stack.append(piece.text or "")

    def _own(self, element: Element, leave_out: tuple[str, ...]) -> str | None:
        """Return the text that replaces an element, or None if its children are to be read."""
        named = classes(element)
        if element.tag in NOT_TEXT or named.intersection(leave_out):
            return ""
        if element.tag == "math":
            return formula(element)
        if "ltx_note" in named or "footnote" in named:
            self.note(element)
            return ""
        if self.unseen(element):
            return ""
        mark = _SCRIPTS.get(element.tag)
        if mark is None or next(element.iterancestors(*_SCRIPTS), None) is not None:
            return None
        return script_in_text(mark, "".join(self._parts(element, leave_out)).strip())

    def note(self, element: Element) -> None:
        """Store a footnote until the paragraph around it is complete."""
        text = self.of(element, ("ltx_note_mark", "ltx_tag_note", "ltx_note_type"))
        if text:
            self.notes.append(Block(kind="footnote", text=text))

    def _link(self, element: Element) -> None:
        href = (element.get("href") or "").strip()
        if self._base and href and not href.startswith("#"):
            try:
                href = urljoin(self._base, href)
            except ValueError:
                return
        if re.match(r"(?:https?|ftp|mailto):", href, re.I) and len(self.links) < 5_000:
            words = " ".join("".join(element.itertext()).split())[:500]
            self.links.append(Link(url=href, text=words, origin="markup"))


def latex_of(element: Element) -> str:
    """Return the LaTeX source attached to a formula, or '' if there is none."""
    said = element.get("alttext") or ""
    if not said:
        notes = element.xpath(".//annotation[contains(@encoding, 'tex')]")
        said = notes[0].text or "" if notes else ""
    return re.sub(r"\\displaystyle\s*|%\n", "", said).strip()


def formula(element: Element) -> str:
    """Return a formula as readable text."""
    latex = latex_of(element)
    if latex:
        return readable(tokenize(latex).tokens)
    return " ".join("".join(element.itertext()).split())


def _hidden_by(element: Element) -> Literal["white", "tiny", "invisible"] | None:
    if element.get("hidden") is not None or element.get("aria-hidden") == "true":
        return "invisible"
    style = element.get("style")
    if not style:
        return None
    if _INVISIBLE.search(style):
        return "invisible"
    if _TINY.search(style):
        return "tiny"
    in_table = (
        element.tag in ("td", "th") or next(element.iterancestors("td", "th"), None) is not None
    )
    return "white" if _WHITE.search(style) and "background" not in style and not in_table else None
