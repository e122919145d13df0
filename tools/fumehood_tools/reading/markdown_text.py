"""Read a paper or notes from Markdown: CommonMark's blocks, with tables, footnotes and formulas.

Headings, paragraphs, lists, fenced and indented code, pipe tables, images, `$$` formulas, footnotes
and a YAML head (title, author, abstract) are recognized, as is everything that `to_markdown`
writes. HTML tags are dropped, and HTML comments become hidden text. Reading never fails.
"""

import re
from collections.abc import Iterator

from fumehood_tools.reading.document import Block, Document, HiddenText, Link, Reference
from fumehood_tools.reading.latex.bibliography import reference
from fumehood_tools.reading.latex.encodings import decode
from fumehood_tools.reading.latex.formulas import readable
from fumehood_tools.reading.latex.tokens import tokenize
from fumehood_tools.reading.outline import BIBLIOGRAPHY
from fumehood_tools.reading.running_links import links_in_text

_COMMENT = re.compile(r"<!--(.*?)(?:-->|\Z)", re.S)
_HEAD = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*\n", re.S)
_FIELD = re.compile(r"^(\w+)[ \t]*:[ \t]*(.*(?:\n(?:[ \t]+\S.*|-[ \t].*))*)", re.M)
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*(?:\{[#.][^}]*\})?[ \t]*$")
_SETEXT = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
_FENCE = re.compile(r"( {0,3})(`{3,}|~{3,})[^`]*$")
_RULE = re.compile(r" {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$")
_ITEM = re.compile(r"(\s*)(?:[-*+]|\d{1,9}[.)])(?:[ \t]+|$)")
_DIVIDER = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$")
_NOTE = re.compile(r"\[\^([^\]\s]+)\]:[ \t]*(.*)")
_TARGET = re.compile(r" {0,3}\[([^\]^][^\]]*)\]:[ \t]*<?(\S+?)>?(?:[ \t]+[\"'(].*)?$")
_CAPTION = re.compile(r"\*?(?:(Table|Figure)\s+([\w.]+)\s*[:.]\s*|(?:Table)?:\s+)(.+?)\*?$", re.S)
_NUMBER = re.compile(r"(\d+(?:\.\d+)*|[A-Z](?:\.\d+)+)\.?[ \t]+(?=\S)")
_ABSTRACT = re.compile(r"\*{0,2}abstract\s*[.:]?\*{0,2}\s*[.:—–]?\s*", re.I)
_IMAGE = re.compile(r"!\[([^\]]*)\]\(([^()\s]*(?:\([^()]*\)[^()\s]*)*)[^)]*\)(?:\{[^}]*\})?")
_INLINE = re.compile(
    r"(?P<escape>\\[!-/:-@\[-`{-~])"
    r"|(?P<ticks>`{1,9})(?!`)(?P<code>.{1,2000}?)(?<!`)(?P=ticks)(?!`)"
    r"|\$(?P<math>[^\s$](?:[^$]{0,2000}[^\s$\\])?)\$(?!\d)"
    r"|\\\((?P<paren>.{1,2000}?)\\\)"
    r"|!?\[(?P<text>(?:[^\[\]]|\[[^\[\]]{0,200}\]){0,1000})\]"
    r"\(\s*<?(?P<url>[^()\s>]{0,2000}(?:\([^()\s]{0,200}\)[^()\s>]{0,500}){0,3})>?[^()]{0,500}\)"
    r"|\[(?P<named>[^\[\]^]{1,300})\]\[(?P<target>[^\[\]]{0,100})\]"
    r"|<(?P<auto>https?://[^<>\s]+)>"
    r"|\[\^(?P<note>[^\]\s]+)\]"
    r"|(?P<tag></?[A-Za-z][^<>]{0,300}>)"
    r"|(?P<strong>\*\*|__(?=\S)|(?<=\S)__)|(?P<star>\*(?=\S)|(?<=\S)\*)"
    r"|(?P<under>(?<!\w)_(?=\S)|(?<=\S)_(?!\w))|(?P<struck>~~)",
    re.S,
)


def read_markdown(data: bytes) -> Document:
    """Read a paper from Markdown."""
    text = decode({"": data})[""].replace("\r\n", "\n").replace("\r", "\n")
    return _Page(text).document()


class _Page:
    """Reads a text once and collects its parts."""

    def __init__(self, text: str) -> None:
        comments = [" ".join(it.split()) for it in _COMMENT.findall(text)]
        self.hidden = [HiddenText(text=it[:1_000], why="comment") for it in comments if it][:50]
        text = _COMMENT.sub("", text).expandtabs(4)
        head = _HEAD.match(text)
        self.fields = _fields(head[1]) if head is not None else {}
        self.lines = text[head.end() if head else 0 :].split("\n")
        self.targets = {
            match[1].lower(): match[2] for match in map(_TARGET.match, self.lines) if match
        }
        self.lines = [line for line in self.lines if not _TARGET.match(line)]
        self.blocks: list[Block] = []
        self.links: list[Link] = []
        self.at = 0

    def document(self) -> Document:
        while self.at < len(self.lines):
            self._block()
        title, abstract, blocks = _front(self.blocks, self.fields)
        blocks, references = _references(blocks)
        texts = [abstract, *(block.text for block in blocks if block.kind != "code")]
        known = {link.url for link in self.links}
        self.links += [link for link in links_in_text(texts) if link.url not in known]
        return Document(
            source="markdown",
            title=self._inline(title),
            authors=_authors(self.fields.get("author") or self.fields.get("authors", "")),
            abstract=abstract,
            blocks=blocks,
            references=references,
            links=list({link.url: link for link in self.links}.values()),
            hidden=self.hidden,
        )

    # -- blocks ----------------------------------------------------------------------------------

    def _block(self) -> None:
        line = self.lines[self.at]
        if not line.strip():
            self.at += 1
        elif (fence := _FENCE.match(line)) is not None:
            self._fenced(fence[2], len(fence[1]))
        elif (found := _ATX.match(line)) is not None:
            self.at += 1
            self._heading(len(found[1]), found[2] or "")
        elif _RULE.match(line):
            self.at += 1
        elif line.strip().startswith(("$$", "\\[")):
            self._formula(line.strip()[:2])
        elif line.startswith("    ") and not (self.blocks and self.blocks[-1].kind == "list_item"):
            self._indented()
        elif (note := _NOTE.match(line)) is not None:
            self.at += 1
            text = " ".join([note[2], *self._paragraph_lines()])
            self.blocks.append(Block(kind="footnote", text=self._inline(f"{note[1]} {text}")))
        elif "|" in line and self.at + 1 < len(self.lines) and self._is_divider(self.at + 1):
            self._table()
        elif _ITEM.match(line):
            self._item()
        else:
            self._paragraph()

    def _is_divider(self, at: int) -> bool:
        return "-" in self.lines[at] and _DIVIDER.match(self.lines[at]) is not None

    def _heading(self, level: int, text: str) -> None:
        number = _NUMBER.match(text)
        title = self._inline(text[number.end() :] if number else text)
        if title:
            self.blocks.append(
                Block(kind="heading", text=title, level=level, number=number[1] if number else None)
            )

    def _fenced(self, fence: str, indent: int) -> None:
        inside: list[str] = []
        self.at += 1
        while self.at < len(self.lines):
            line = self.lines[self.at]
            self.at += 1
            if line.strip().startswith(fence) and not line.strip().strip(fence[0]):
                break
            inside.append(line[min(indent, len(line) - len(line.lstrip())) :])
        self.blocks.append(Block(kind="code", text="\n".join(inside)))

    def _indented(self) -> None:
        inside: list[str] = []
        while self.at < len(self.lines) and (
            self.lines[self.at].startswith("    ") or not self.lines[self.at].strip()
        ):
            inside.append(self.lines[self.at][4:])
            self.at += 1
        self.blocks.append(Block(kind="code", text="\n".join(inside).strip("\n")))

    def _formula(self, opened: str) -> None:
        closed = "$$" if opened == "$$" else "\\]"
        rest = self.lines[self.at].strip()[2:]
        inside: list[str] = []
        self.at += 1
        while closed not in rest and self.at < len(self.lines):
            inside.append(rest)
            rest = self.lines[self.at]
            self.at += 1
        inside.append(rest.partition(closed)[0])
        latex = " ".join(" ".join(inside).split())
        tag = re.search(r"\\tag\*?\{([^{}]*)\}", latex)
        latex = re.sub(r"\s*\\(?:tag\*?|label)\{[^{}]*\}", "", latex)
        number = tag[1].strip("()") if tag else None
        text = readable(tokenize(latex).tokens)
        self.blocks.append(Block(kind="equation", text=text, latex=latex, number=number))

    def _table(self) -> None:
        rows = [self._cells(self.lines[self.at])]
        self.at += 2
        while self.at < len(self.lines) and "|" in self.lines[self.at]:
            rows.append(self._cells(self.lines[self.at]))
            self.at += 1
        width = max(map(len, rows))
        rows = [row + [""] * (width - len(row)) for row in rows]
        before = self.blocks[-1] if self.blocks else None
        found = _CAPTION.fullmatch(before.text) if before and before.kind == "paragraph" else None
        if found is None and self.at + 1 < len(self.lines):
            following = next((it for it in self.lines[self.at : self.at + 2] if it.strip()), "")
            if (found := _CAPTION.fullmatch(following.strip())) is not None:
                self.at = self.lines.index(following, self.at) + 1
        elif found is not None:
            self.blocks.pop()
        caption, number = (self._inline(found[3]), found[2]) if found else ("", None)
        self.blocks.append(Block(kind="table", text=caption, number=number, rows=rows))

    def _cells(self, line: str) -> list[str]:
        line = line.strip().removeprefix("|")
        line = line[:-1] if line.endswith("|") and not line.endswith("\\|") else line
        cells = re.split(r"(?<!\\)\|", line)
        return [self._inline(cell.replace("\\|", "|")) for cell in cells]

    def _item(self) -> None:
        found = _ITEM.match(self.lines[self.at])
        first = self.lines[self.at][found.end() if found else 0 :]
        self.at += 1
        text = self._inline(" ".join([first, *self._paragraph_lines()]))
        if text:
            self.blocks.append(Block(kind="list_item", text=re.sub(r"^\[[ xX]\]\s+", "", text)))

    def _paragraph(self) -> None:
        first = self.lines[self.at]
        self.at += 1
        lines = [first, *self._paragraph_lines()]
        if self.at < len(self.lines) and (under := _SETEXT.match(self.lines[self.at])):
            self.at += 1
            self._heading(1 if under[1][0] == "=" else 2, " ".join(it.strip() for it in lines))
            return
        text = " ".join(re.sub(r"^\s*(?:>\s?)+", "", line).strip() for line in lines)
        image = _IMAGE.fullmatch(text.strip())
        if image is not None:
            found = _CAPTION.fullmatch(image[1])
            caption, number = (found[3], found[2]) if found else (image[1], None)
            self.blocks.append(Block(kind="figure", text=self._inline(caption), number=number))
        elif said := self._inline(text):
            figure = _CAPTION.fullmatch(said) if text.startswith("*Figure") else None
            if figure is not None:
                self.blocks.append(Block(kind="figure", text=figure[3], number=figure[2]))
            else:
                self.blocks.append(Block(kind="paragraph", text=said))

    def _paragraph_lines(self) -> Iterator[str]:
        """Yield the following lines of a paragraph or of a list item."""
        while self.at < len(self.lines):
            line = self.lines[self.at]
            begins = _ATX.match(line) or _FENCE.match(line) or _ITEM.match(line)
            ends = _SETEXT.match(line) or _RULE.match(line) or line.strip().startswith("$$")
            if not line.strip() or begins or ends or _NOTE.match(line):
                return
            if "|" in line and self.at + 1 < len(self.lines) and self._is_divider(self.at + 1):
                return
            self.at += 1
            yield re.sub(r"^\s*(?:>\s?)+", "", line).strip()

    # -- text ------------------------------------------------------------------------------------

    def _inline(self, text: str) -> str:
        return " ".join(_INLINE.sub(self._shown, text).split())

    def _shown(self, match: re.Match[str]) -> str:
        """Return what a piece of markup displays, and store links."""
        kind = match.lastgroup or ""
        if match["escape"]:
            return match["escape"][1:]
        if match["ticks"]:
            return match["code"].strip()
        if latex := match["math"] or match["paren"]:
            return readable(tokenize(latex).tokens)
        if match["url"] is not None:
            return self._linked(match["text"], match["url"], is_image=match[0][0] == "!")
        if match["named"]:
            url = self.targets.get((match["target"] or match["named"]).lower())
            return match[0] if url is None else self._linked(match["named"], url, is_image=False)
        if match["auto"]:
            return self._linked(match["auto"], match["auto"], is_image=False)
        if match["note"]:
            return f"[{match['note']}]"
        return " " if kind == "tag" and match[0].lower().startswith("<br") else ""

    def _linked(self, words: str, url: str, is_image: bool) -> str:
        text = words if words == url else self._inline(words)
        if not is_image and url.startswith(("http://", "https://")):
            self.links.append(Link(url=url, text=text, origin="markup"))
        return text


def _fields(head: str) -> dict[str, str]:
    """Return the fields of a YAML head as text. Lists are joined by semicolons."""
    fields: dict[str, str] = {}
    for name, value in _FIELD.findall(head):
        value = re.sub(r"\n\s*-\s+(?:name:\s*)?", "; ", value)
        value = re.sub(r"^\s*[|>][-+]?\s*", "", " ".join(value.split()))
        fields[name.lower()] = value.strip(" ;\"'[]")
    return fields


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
