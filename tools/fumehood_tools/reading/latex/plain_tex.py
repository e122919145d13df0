"""Handlers for plain TeX, and for what papers of the nineties print instead of marking it up.

`printed_front` finds the title and the abstract of a paper without \\title or an abstract
environment: the title is what stands in the largest letters before the first section.
"""

import re
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from fumehood_tools.reading.document import Block
from fumehood_tools.reading.latex.composing import Composer, Handler
from fumehood_tools.reading.latex.expansion import Stream
from fumehood_tools.reading.latex.kept_names import KEPT
from fumehood_tools.reading.latex.macros import Macro
from fumehood_tools.reading.latex.project import inner_document
from fumehood_tools.reading.latex.tokens import PARAGRAPH, RAW, tokenize

_MOST_TOKENS = 4_000
_BODY_BEGINS = 400
"""Letters in the size of the text after which the front matter is over."""
_POINTS = {
    **{"\\large": 12.0, "\\Large": 14.4, "\\LARGE": 17.3, "\\huge": 20.7, "\\Huge": 24.9},
    **{"\\small": 9.0, "\\footnotesize": 8.0, "\\normalsize": 10.0, "\\tiny": 5.0},
}
_BOLD = ("\\bf", "\\bfseries", "\\textbf")
_ENDS = {
    *("\\section", "\\chapter", "\\begin{abstract}", "\\abstract", "\\beginsection", "\\part"),
    *("\\begin{thebibliography}", "\\bibliography", "\\begin{figure}", "\\begin{table}"),
}
_ASIDE = {"\\footnote", "\\thanks", "\\footnotetext", "\\label", "\\hspace"}
_LINE_ENDS = {
    *(PARAGRAPH, "\\par", "\\vskip", "\\vspace", "\\bigskip", "\\medskip", "\\smallskip"),
    *("\\newline", "\\newpage", "\\clearpage", "\\vfill"),
}
_ABSTRACT = re.compile(r"abstract\b\s*[.:—–-]*\s*", re.I)
_HEADING = re.compile(r"(\d{1,2}(?:\.\d{1,2})*|[IVX]+)\.?\s+([^\W\d_][^.!?=]{2,70})")
_MOST_BLOCKS = 12


class _Letters(NamedTuple):
    """How the letters of a group are set: their size, bold or not, centered or not."""

    points: float = 10.0
    bold: bool = False
    centered: bool = False

    @property
    def weight(self) -> float:
        """Return how much these letters look like a title; 0 for those of the text."""
        if self.points > 10:
            return self.points + (0.3 if self.bold else 0)
        return 0.2 * self.centered + 0.3 * (self.bold and self.centered)


def printed_front(composer: Composer, text: str) -> None:
    """Set a missing title and abstract from what is printed. text: that of the main file."""
    blocks = composer.blocks
    if not composer.front.title and (title := _largest(composer, text)):
        composer.front.title = title
        for at, block in enumerate(blocks[:_MOST_BLOCKS]):
            if block.kind == "paragraph" and block.text.startswith(title):
                rest = block.text.removeprefix(title).strip()
                blocks[at : at + 1] = [block.model_copy(update={"text": rest})] if rest else []
                break
    if not composer.front.abstract:
        _take_printed_abstract(composer)


def with_headings(blocks: list[Block]) -> list[Block]:
    """Return the blocks of a plain TeX paper, where a short numbered line is a heading."""
    found: list[Block] = []
    for block in blocks:
        match = _HEADING.fullmatch(block.text) if block.kind == "paragraph" else None
        if match is None:
            found.append(block)
        else:
            level = match[1].count(".") + 1
            found.append(Block(kind="heading", text=match[2], level=min(level, 6), number=match[1]))
    return found


def _take_printed_abstract(composer: Composer) -> None:
    """Move a paragraph that is called Abstract, or follows that word, to the front matter."""
    blocks = composer.blocks
    for at, block in enumerate(blocks[:_MOST_BLOCKS]):
        if block.kind == "heading":
            return
        if block.kind == "paragraph" and (called := _ABSTRACT.match(block.text)):
            text = block.text[called.end() :]
            end = at + 1
            if not text and end < len(blocks) and blocks[end].kind == "paragraph":
                text, end = blocks[end].text, end + 1
            if len(text) > 60 and text[0].isupper():
                composer.front.abstract = text
                del blocks[at:end]
            return


def _largest(composer: Composer, text: str) -> str:
    """Return what stands in the largest letters before the first section."""
    best, heaviest = "", 0.0
    # The text is expanded a second time here, which must count and report nothing.
    state = composer.state
    composer.state = replace(
        state, comments=[], warnings={}, missing={}, open_files=[], folders=[], files_read=0
    )
    runs = _runs(composer, text)
    composer.state = state
    for run in runs:
        if run.letters.weight > heaviest and run.begins_line and run.ends_line:
            said = composer.inline(run.tokens)
            if sum(map(str.isalpha, said)) >= 4 and len(said) < 400:
                best, heaviest = said, run.letters.weight
    return best


@dataclass
class _Run:
    """A piece of text in the same letters, and whether it stands on lines of its own."""

    letters: _Letters
    begins_line: bool
    tokens: list[str] = field(default_factory=list)
    ends_line: bool = False


class _Runs:
    """Finds the pieces of a text that are set larger than the rest."""

    def __init__(self) -> None:
        self.found: list[_Run] = []
        self.now = _Letters()
        self.in_body = 0
        self._fresh = True
        self._open: _Run | None = None
        self._around: list[tuple[_Letters, bool]] = []

    def begin(self, token: str) -> None:
        """Begin a group or an environment."""
        kept = self._open is not None and token == "{"
        self._around.append((self.now, kept))
        if kept:
            self._keep(token)
        elif token != "{":
            self.end_line()
            self.now = self.now._replace(centered=self.now.centered or "center" in token)

    def end(self, token: str) -> None:
        """End a group or an environment."""
        self.now, kept = self._around.pop() if self._around else (_Letters(), False)
        if kept:
            self._keep(token)
        elif token != "}":
            self.end_line()

    def set(self, points: float | None, bold: bool) -> None:
        """Change the letters of the current group."""
        self.now = self.now._replace(points=points or self.now.points, bold=self.now.bold or bold)

    def end_line(self) -> None:
        """Note that the line ends here."""
        if self._open is not None:
            self._open.ends_line = True
        self._open, self._fresh = None, True

    def add(self, token: str) -> None:
        """Add a token in the current letters."""
        if self._open is not None and self._open.letters != self.now and token != " ":
            self._open = None
        if self.now.weight and self._open is None and token != " ":
            self._open = _Run(self.now, self._fresh)
            self.found.append(self._open)
        if self.now.weight:
            self._keep(token)
        elif token[0] not in "\\" + RAW:
            self.in_body += len(token)
        self._fresh = self._fresh and token == " "

    def _keep(self, token: str) -> None:
        if self._open is not None:
            self._open.tokens.append(token)


def _runs(composer: Composer, text: str) -> list[_Run]:
    """Return the pieces of text before the first section that are set larger than the rest."""
    stream = Stream(composer.state, inner_document(tokenize(text).tokens)[:_MOST_TOKENS])
    runs = _Runs()
    while (token := stream.next()) and token not in _ENDS and runs.in_body < _BODY_BEGINS:
        if token == "{" or token.startswith("\\begin{"):
            runs.begin(token)
        elif token == "}" or token.startswith("\\end{"):
            runs.end(token)
        elif token in _POINTS or token in _BOLD:
            runs.set(_POINTS.get(token), token in _BOLD)
        elif token == "\\centerline":
            stream.push(["\\begin{center}", *stream.argument(), "\\end{center}"])
        elif token in _ASIDE:
            stream.argument()
        elif token in _ASSIGNING:
            _ASSIGNING[token](composer, stream)
        elif token in _LINE_ENDS or (token == "\\\\" and _ends_title(stream)):
            runs.end_line()
        else:
            runs.add(token)
    return runs.found


def _ends_title(stream: Stream) -> bool:
    """Whether a line break leads to other letters, or out of the group, and not on in the title."""
    stream.optional()
    stream.skip_blank()
    following = stream.pull()
    stream.push([following] if following else [])
    return following[:1] in ("{", "}", "\\", "")


def _assignment(composer: Composer, stream: Stream) -> None:
    """Skip a value, as in `\\magnification=1200` or `\\magnification=\\magstep1`."""
    stream.skip_blank()
    token = stream.pull()
    if token == "=":
        token = stream.pull()
    if token.lstrip("=") == "\\magstep" or token == "\\magstep":
        stream.argument()


def _font(composer: Composer, stream: Stream) -> None:
    """Handle `\\font\\big=cmbx10 scaled \\magstep2`: the font becomes one of LaTeX's sizes."""
    stream.skip_blank()
    name = stream.pull()
    said = _words(stream)
    found = re.search(
        r"=?\s*[A-Za-z]+?(\d+)?\s*(?:at\s*(\d+)|scaled\s*(?:magstep(\w+)|(\d+)))?$", said
    )
    points = 10.0
    if found is not None:
        points = float(found[2] or found[1] or 10)
        step = {"half": 0.5}.get(found[3] or "0") or float(found[3]) if found[3] else 0.0
        points *= 1.2**step * (float(found[4]) / 1000 if found[4] else 1)
    size = ["\\Large"] if points >= 14 else ["\\large"] if points >= 12 else []
    bold = ["\\bf"] if "bx" in said else []
    if name[:1] == "\\" and name not in KEPT:
        composer.state.macros[name] = Macro("", [], [], [], [*bold, *size])


def _words(stream: Stream) -> str:
    """Return the name and the size of a font, as words without backslashes."""
    said = ""
    while token := stream.pull():
        if token in (" ", PARAGRAPH):
            following = stream.pull()
            if not following.startswith(("scaled", "at")) and not said.endswith(("scaled", "at")):
                stream.push([following] if following else [])
                break
            token = f" {following}"
        said += token.replace("\\", "")
        if re.search(r"magstep(?:\d|half)$|scaled\s*\d+$|at\s*[\d.]+\s*(?:true)?pt$", said):
            break
    return said


def _begin_section(composer: Composer, stream: Stream) -> None:
    """Handle `\\beginsection 2. Results`, whose title ends with its paragraph."""
    title = composer.inline(stream.until((PARAGRAPH, "\\par")))
    number, text = "", title
    if found := re.match(r"(\d+(?:\.\d+)*|[IVX]+)[.\s]+(?=\S)", title):
        number, text = found[1], title[found.end() :]
    if text:
        composer.add(Block(kind="heading", text=text, level=1, number=number or None))


def _break(composer: Composer, stream: Stream) -> None:
    composer.end_paragraph()


def _bye(composer: Composer, stream: Stream) -> None:
    composer.end_paragraph()
    while stream.pull():
        pass


def _center_line(composer: Composer, stream: Stream) -> None:
    """Handle `\\centerline{…}`, a line of its own."""
    composer.end_paragraph()
    stream.push([*stream.argument(), "\\par"])


_ASSIGNING: dict[str, Handler] = {
    **dict.fromkeys(("\\magnification", "\\mag"), _assignment),
    "\\font": _font,
}
PLAIN_HANDLERS: dict[str, Handler] = {
    **_ASSIGNING,
    "\\centerline": _center_line,
    "\\beginsection": _begin_section,
    "\\proclaim": _break,
    "\\bye": _bye,
}
PLAIN_BREAKS: dict[str, Handler] = dict.fromkeys(
    ("\\bigskip", "\\medskip", "\\smallskip", "\\bigbreak", "\\medbreak", "\\smallbreak"), _break
)
"""Commands that end a paragraph in plain TeX, and not in LaTeX."""
