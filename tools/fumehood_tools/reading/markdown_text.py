"""Read a paper or notes from Markdown: CommonMark's blocks, with tables, footnotes and formulas.

markdown-it-py parses the text: headings, paragraphs, lists, code, pipe tables, images, footnotes,
formulas (`$…$`, `$$…$$`, `\\(…\\)`, `\\[…\\]`) and a YAML head (title, author, abstract).
Everything that `to_markdown` writes is read again. Tables, superscripts and subscripts in HTML are
read, other HTML tags are dropped, and HTML comments become hidden text. Reading never fails.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.front_matter import front_matter_plugin
from mdit_py_plugins.texmath import texmath_plugin

from fumehood_tools.errors import Unreadable
from fumehood_tools.reading.document import Block, Document, HiddenText, Link, Reference
from fumehood_tools.reading.html import read_html
from fumehood_tools.reading.latex.bibliography import reference
from fumehood_tools.reading.latex.encodings import decode
from fumehood_tools.reading.latex.formulas import readable, script_in_text
from fumehood_tools.reading.latex.tokens import tokenize
from fumehood_tools.reading.outline import BIBLIOGRAPHY
from fumehood_tools.reading.running_links import links_in_text

_COMMENT = re.compile(r"<!--(.*?)(?:-->|\Z)", re.S)
_CAPTION = re.compile(r"\*?(?:(Table|Figure)\s+([\w.]+)\s*[:.]\s*|(?:Table)?:\s+)(.+?)\*?$", re.S)
_NUMBER = re.compile(r"(\d+(?:\.\d+)*|[A-Z](?:\.\d+)+)\.?[ \t]+(?=\S)")
_ABSTRACT = re.compile(r"\*{0,2}abstract\s*[.:]?\*{0,2}\s*[.:—–]?\s*", re.I)
# Attributes of Pandoc behind a heading or an image, as in "# Method {#sec:method}".
_ATTRIBUTES = re.compile(r"[ \t]*\{[#.][^{}]*\}[ \t]*$")
_TAG = re.compile(r"</?(?!su[bp]>)[A-Za-z][^<>]*>")
_TABLE = re.compile(r"<table[\s>]", re.I)
# Stand for the tags of scripts until the words between them are known.
_RAISED, _LOWERED, _LEVEL = "\x11", "\x12", "\x13"
_SCRIPT_TAGS = {"<sup>": _RAISED, "<sub>": _LOWERED, "</sup>": _LEVEL, "</sub>": _LEVEL}
_SCRIPT = re.compile("([\x11\x12])([^\x11-\x13]*)\x13")
_NO_TAGS = {ord(mark): None for mark in (_RAISED, _LOWERED, _LEVEL)}
_SPACES = frozenset({"softbreak", "hardbreak"})
_FORMULAS = frozenset({"math_inline", "math_inline_double"})
# The plugin for \\(…\\) looks for every missing end in the whole rest of the text.
MOST_OPEN_FORMULAS = 1_000


def read_markdown(data: bytes) -> Document:
    """Read a paper from Markdown."""
    text = decode({"": data})[""].replace("\r\n", "\n").replace("\r", "\n")
    page = _Page()
    page.read(_parser(text).parse(text, page.env))
    return page.document()


def _parser(text: str) -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    parser.use(front_matter_plugin).use(footnote_plugin)
    parser.use(dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True)
    if text.count("\\(") - text.count("\\)") < MOST_OPEN_FORMULAS:
        parser.use(texmath_plugin, delimiters="brackets")
    # Footnotes stay where they are written, and those that nothing refers to are kept.
    return parser.disable("footnote_tail")


class _Page:
    """Collects the parts of a document from the tokens of the parser."""

    def __init__(self) -> None:
        self.env: dict[str, Any] = {}
        self.fields: dict[str, str] = {}
        self.blocks: list[Block] = []
        self.links: list[Link] = []
        self.hidden: list[HiddenText] = []
        # Whether each open list item already has text, and the labels of open footnotes.
        self.items: list[bool] = []
        self.notes: list[str] = []
        self.rows: list[list[str]] = []

    def document(self) -> Document:
        self._inline_notes()
        title, abstract, blocks = _front(_with_captions(self.blocks), self.fields)
        blocks, references = _references(blocks)
        texts = [abstract, *(block.text for block in blocks if block.kind != "code")]
        known = {link.url for link in self.links}
        self.links += [link for link in links_in_text(texts) if link.url not in known]
        return Document(
            source="markdown",
            title=title,
            authors=_authors(self.fields.get("author") or self.fields.get("authors", "")),
            abstract=abstract,
            blocks=blocks,
            references=references,
            links=list({link.url: link for link in self.links}.values()),
            hidden=self.hidden[:50],
        )

    # -- blocks ----------------------------------------------------------------------------------

    def read(self, tokens: Sequence[Token]) -> None:
        """Collect the blocks of these tokens."""
        for before, token in zip([None, *tokens], tokens, strict=False):
            if token.type == "front_matter":
                self.fields = {
                    name: self._text_of(value) for name, value in _fields(token.content).items()
                }
            elif token.type == "inline":
                self._text(before.type if before else "", before.tag if before else "", token)
            elif token.type in ("fence", "code_block"):
                self.blocks.append(Block(kind="code", text=token.content.rstrip("\n")))
            elif token.type == "html_block":
                self._html(token.content)
            elif token.type.startswith("math_block"):
                self._formula(token)
            else:
                self._nesting(token)

    def _nesting(self, token: Token) -> None:
        match token.type:
            case "list_item_open":
                self.items.append(False)
            case "list_item_close":
                self.items.pop()
            case "footnote_reference_open":
                self.notes.append(str(token.meta.get("label", "")))
            case "footnote_reference_close":
                self.notes.pop()
            case "tr_open":
                self.rows.append([])
            case "table_close":
                rows, self.rows = self.rows, []
                self.blocks.append(Block(kind="table", text="", rows=rows))

    def _text(self, opened: str, tag: str, token: Token) -> None:
        """Add the block in which a line of text stands."""
        if opened in ("th_open", "td_open"):
            self.rows[-1].append(self._inline(token.children))
            return
        said = self._inline(token.children)
        if opened == "heading_open":
            said = _ATTRIBUTES.sub("", said)
            number = _NUMBER.match(said)
            title = said[number.end() :] if number else said
            if title:
                self.blocks.append(
                    Block(
                        kind="heading",
                        text=title,
                        level=int(tag[1:]),
                        number=number[1] if number else None,
                    )
                )
        elif (figure := self._figure(token, said)) is not None:
            self.blocks.append(figure)
        elif not said:
            return
        elif self.notes:
            self.blocks.append(Block(kind="footnote", text=f"{self.notes[-1]} {said}"))
        elif self.items and not self.items[-1]:
            self.items[-1] = True
            self.blocks.append(Block(kind="list_item", text=re.sub(r"^\[[ xX]\]\s+", "", said)))
        else:
            self.blocks.append(Block(kind="paragraph", text=said))

    def _figure(self, token: Token, said: str) -> Block | None:
        """Return the figure of a paragraph that is an image or a caption in italics."""
        children = [
            one for one in token.children or [] if one.type != "text" or one.content.strip()
        ]
        images = [one for one in children if one.type == "image"]
        others = [one for one in children if one.type != "image"]
        attributes_only = all(_ATTRIBUTES.fullmatch(one.content) for one in others)
        if len(images) == 1 and attributes_only:
            caption = self._inline(images[0].children)
            found = _CAPTION.fullmatch(caption)
            text, number = (found[3], found[2]) if found else (caption, None)
            return Block(kind="figure", text=text, number=number)
        found = _CAPTION.fullmatch(said) if token.content.startswith("*Figure") else None
        return Block(kind="figure", text=found[3], number=found[2]) if found else None

    def _formula(self, token: Token) -> None:
        latex = " ".join(token.content.split())
        tag = re.search(r"\\tag\*?\{([^{}]*)\}", latex)
        latex = re.sub(r"\s*\\(?:tag\*?|label)\{[^{}]*\}", "", latex)
        number = tag[1].strip("()") if tag else None
        text = readable(tokenize(latex).tokens)
        self.blocks.append(Block(kind="equation", text=text, latex=latex, number=number))

    def _html(self, content: str) -> None:
        """Keep the text of an HTML block; comments become hidden text."""
        self._hide(content)
        if _TABLE.search(content):
            self._html_page(content)
            return
        text = _TAG.sub(" ", _COMMENT.sub("", content))
        children = MarkdownIt("commonmark").parseInline(text)[0].children if text.strip() else None
        if said := self._inline(children):
            self.blocks.append(Block(kind="paragraph", text=said))

    def _html_page(self, content: str) -> None:
        """Read HTML with a table in it as a page of its own, with the rows and the caption."""
        try:
            page = read_html(f"<html><body><main>{content}</main></body></html>".encode())
        except Unreadable:
            return
        self.blocks += page.blocks
        self.links += page.links
        self.hidden += page.hidden

    def _hide(self, content: str) -> None:
        comments = (" ".join(one.split())[:1_000] for one in _COMMENT.findall(content))
        self.hidden += [HiddenText(text=one, why="comment") for one in comments if one]

    def _inline_notes(self) -> None:
        """Add the footnotes that are written inside a line, as in ^[A note]."""
        listed = self.env.get("footnotes", {}).get("list", {})
        for number, note in listed.items():
            if "tokens" in note:
                text = f"{number + 1} {self._inline(note['tokens'])}"
                self.blocks.append(Block(kind="footnote", text=text))

    # -- text ------------------------------------------------------------------------------------

    def _text_of(self, written: str) -> str:
        return self._inline(MarkdownIt("commonmark").parseInline(written)[0].children)

    def _inline(self, children: Sequence[Token] | None) -> str:
        return _one_line(self._shown(children or ()))

    def _shown(self, children: Sequence[Token]) -> Iterator[str]:
        """Yield what the pieces of a line display, and store its links."""
        opened: list[tuple[str, list[str]]] = []
        for token in children:
            shown = self._piece(token)
            for _, words in opened:
                words.append(shown)
            yield shown
            if token.type == "link_open":
                opened.append((str(token.attrs.get("href", "")), []))
            elif token.type == "link_close" and opened:
                url, words = opened.pop()
                if url.startswith(("http://", "https://")):
                    text = _one_line(words)
                    self.links.append(Link(url=url, text=text, origin="markup"))

    def _piece(self, token: Token) -> str:
        if token.type in _SPACES:
            return " "
        if token.type in _FORMULAS:
            return readable(tokenize(token.content).tokens)
        if token.type == "image":
            return "".join(self._shown(token.children or ()))
        if token.type == "footnote_ref":
            return f"[{token.meta.get('label', token.meta.get('id', 0) + 1)}]"
        if token.type == "html_inline":
            self._hide(token.content)
            tag = token.content.lower()
            return " " if tag.startswith("<br") else _SCRIPT_TAGS.get(tag, "")
        return token.content


def _one_line(pieces: Iterable[str]) -> str:
    """Return pieces of text as one line, with superscripts and subscripts in it."""
    text = "".join(pieces)
    if _RAISED in text or _LOWERED in text:
        text = _SCRIPT.sub(
            lambda found: script_in_text("^" if found[1] == _RAISED else "_", found[2]), text
        )
        text = text.translate(_NO_TAGS)
    return " ".join(text.split())


def _with_captions(blocks: list[Block]) -> list[Block]:
    """Give each table the caption in the paragraph before or after it."""
    kept: list[Block] = []
    rest = list(reversed(blocks))
    while rest:
        block = rest.pop()
        if block.kind == "table":
            before = kept[-1] if kept and kept[-1].kind == "paragraph" else None
            after = rest[-1] if rest and rest[-1].kind == "paragraph" else None
            if before and (found := _CAPTION.fullmatch(before.text)):
                kept.pop()
            elif after and (found := _CAPTION.fullmatch(after.text)):
                rest.pop()
            else:
                found = None
            if found is not None:
                block = block.model_copy(update={"text": found[3], "number": found[2]})
        kept.append(block)
    return kept


def _fields(head: str) -> dict[str, str]:
    """Return the fields of a YAML head as text. Lists are joined by semicolons."""
    try:
        content = yaml.safe_load(head)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    fields = content.items() if isinstance(content, dict) else ()
    return {str(name).lower(): " ".join(_field(value).split()) for name, value in fields}


def _field(value: object) -> str:
    """Return a text, a list of texts, or a list of records with a name, as one text."""
    if isinstance(value, list):
        named = [one.get("name", "") if isinstance(one, dict) else one for one in value[:1_000]]
        return "; ".join(str(one) for one in named if isinstance(one, str | int | float))
    return str(value) if isinstance(value, str | int | float) else ""


def _authors(text: str) -> list[str]:
    parts = re.split(r"\s*;\s*|\s*,\s*(?:and\s+)?|\s+and\s+", text)
    return [part.strip(" \"'") for part in parts if part.strip(" \"'")]


def _front(blocks: list[Block], fields: dict[str, str]) -> tuple[str, str, list[Block]]:
    """Return title, abstract and the other blocks. A single first heading of level 1 is a title."""
    title, abstract = fields.get("title", ""), fields.get("abstract", "")
    tops = [block for block in blocks if block.kind == "heading" and block.level == 1]
    if not title and len(tops) == 1 and blocks and tops[0] in blocks[:2] and not tops[0].number:
        title = tops[0].text
        blocks = [block for block in blocks if block is not tops[0]]
    headings = [block.level or 1 for block in blocks if block.kind == "heading"]
    up = min(headings, default=1) - 1
    blocks = [
        it.model_copy(update={"level": (it.level or 1) - up}) if it.kind == "heading" else it
        for it in blocks
    ]
    for at, block in enumerate(blocks[:6]):
        following = blocks[at + 1] if at + 1 < len(blocks) else None
        if block.kind == "heading" and _ABSTRACT.fullmatch(block.text):
            if not abstract and following is not None and following.kind == "paragraph":
                return title, following.text, blocks[:at] + blocks[at + 2 :]
        elif block.kind == "paragraph" and (called := _ABSTRACT.match(block.text)) and not abstract:
            return title, block.text[called.end() :], blocks[:at] + blocks[at + 1 :]
    return title, abstract, blocks


def _references(blocks: list[Block]) -> tuple[list[Block], list[Reference]]:
    """Return the blocks without the entries below the heading References, and these entries."""
    kept: list[Block] = []
    entries: list[Reference] = []
    inside = False
    for block in blocks:
        if block.kind == "heading":
            inside = BIBLIOGRAPHY.fullmatch(block.text) is not None
        if inside and block.kind in ("list_item", "paragraph"):
            label = re.match(r"(\[[^\]]{1,40}\])\s*", block.text)
            text = block.text[label.end() :] if label else block.text
            entries.append(reference(label[1] if label else f"[{len(entries) + 1}]", text, []))
        else:
            kept.append(block)
    return kept, entries
