"""Compose blocks from tokens: running text, paragraphs, groups, and what is shown or hidden.

The composer runs over a stream. Commands and environments are passed to handlers by name; commands
without a handler are reported, and their arguments are read as plain text. Arguments are composed
by `inline`, to a limited depth. References to labels and citations are stored as marks in the
text, which `fill_marks` replaces when all numbers are known.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from fumehood_tools.reading.document import Block, HiddenText, Link
from fumehood_tools.reading.latex.counters import Counters
from fumehood_tools.reading.latex.expansion import Stream, is_text
from fumehood_tools.reading.latex.formulas import FORMULA_COMMANDS, readable, with_marks
from fumehood_tools.reading.latex.state import State
from fumehood_tools.reading.latex.symbols import symbols
from fumehood_tools.reading.latex.tokens import (
    APART,
    LISTING,
    PARAGRAPH,
    RAW,
    plain,
    settle,
)
from fumehood_tools.reading.latex.unknown import groups_after, is_size

MOST_DEEP = 40
_LONGEST_REREAD = 400
LINE = "\x05"
"""Begins a line of an address, or of pseudocode: there its depth and a tab follow."""
_MARK, _END_MARK = "\x06", "\x07"
_MARKED = re.compile("\x06([a-zA-Z]+) ([^\x06\x07]*)\x07")
_AROUND = re.compile(rf"[ \t\n{APART}]*{APART}[ \t\n{APART}]*")
_ONLY = (APART, APART * 2, APART * 3)
_LINES = re.compile(rf"{LINE}(?:\d+\t)?")
_CITES = re.compile(r"\\[A-Za-z]*[cC]ite(?!d|ment)[a-z]*")
_PLACE = re.compile(r"[htbpHcrlt!]{0,5}$")
_LIGATURES = re.compile(r"---|--|``|''|,,|`|'|!`|\?`")
_PRINTED = {
    **{"---": "—", "--": "–", "``": "“", "''": "”", ",,": "„", "`": "‘", "'": "’"},
    **{"!`": "¡", "?`": "¿"},
}
_NEW_PART = {
    *("\\section", "\\subsection", "\\subsubsection", "\\chapter", "\\bibliography"),
    *("\\end{document}", "\\appendix"),
}
Handler = Callable[["Composer", Stream], None]
Environment = Callable[["Composer", Stream, str], None]


class Style(NamedTuple):
    """Font settings of the current group that change what the text means."""

    typewriter: bool = False
    white: bool = False


@dataclass
class Target:
    """What a \\label refers to: its kind and printed number, such as 'section' and '3.2'.

    The title is known only after the labels in it have been read, so it may be set later.
    """

    kind: str
    number: str
    title: str = ""


@dataclass
class Float:
    """A figure, table or listing whose body is being read."""

    kind: Literal["figure", "table", "code"]
    items: list[Block] = field(default_factory=list)
    numbered: bool = False
    sub: int = 0
    in_sub: bool = False


@dataclass
class Front:
    """The front matter. Authors stay tokens until the whole paper has been read."""

    title: str = ""
    abstract: str = ""
    keywords: str = ""
    authors: list[list[str]] = field(default_factory=list)


class Composer:
    """Reads token streams and collects the contents of the paper."""

    def __init__(
        self,
        state: State,
        handlers: Mapping[str, Handler],
        environments: Mapping[str, Environment],
    ) -> None:
        self.state = state
        self.counters = Counters(state.macros)
        self.front = Front()
        self.blocks: list[Block] = []
        self.footnotes: list[Block] = []
        self.links: list[Link] = []
        self.hidden: list[HiddenText] = []
        self.labels: dict[str, Target] = {}
        self.cited: dict[str, None] = {}
        self.bibliography: list[str] = []
        self.bibliography_files: list[str] = []
        self.bibliography_style = ""
        self.labels_of: dict[str, str] = {}
        self.titles_of: dict[str, str] = {}
        self.names: dict[str, tuple[str, str]] = {}
        self.missing: dict[str, None] = {}
        self.here = Target("", "")
        self.lists: list[str] = []
        self.float: Float | None = None
        self.extra_columns = 0
        self.indent = 0
        self.in_code = False
        self.depth = 0
        self.started = True
        self.out: list[str] = []
        self.style = Style()
        self._styles: list[Style] = []
        self._handlers = dict(handlers)
        self._environments = environments
        self._unknown: dict[str, int] = {}
        state.knows = self._knows
        state.count = self.counters.value

    # -- running ---------------------------------------------------------------------------------

    def run(self, stream: Stream) -> None:
        """Compose all tokens of a stream."""
        while token := stream.token():
            first = token[0]
            if first == "\\":
                self._command(token, stream)
            elif first == "{":
                self._styles.append(self.style)
            elif first == "}":
                self.style = self._styles.pop() if self._styles else Style()
            elif first == "$":
                self._formula(stream)
            elif first == PARAGRAPH:
                self.end_paragraph()
            elif first == RAW:
                self.out.append(token[1:])
            elif first == LISTING:
                self.add(Block(kind="code", text=token[1:]))
            elif first in "~&":
                self.out.append(" ")
            else:
                self.say(token)

    def _command(self, token: str, stream: Stream) -> None:
        if (handler := self._handlers.get(token)) is not None:
            handler(self, stream)
        elif token.startswith("\\begin{"):
            name = token[7:-1]
            if (environment := self._environments.get(name)) is not None:
                environment(self, stream, name)
            elif name in self.state.theorems:
                self._environments["theorem"](self, stream, name)
            else:
                self._unknown_environment(stream)
        elif token.startswith("\\end{"):
            if (environment := self._environments.get(token[1:-1].replace("{", " "))) is not None:
                environment(self, stream, token[5:-1])
            elif token[5:-1] in self.state.theorems:
                self.end_paragraph()
        elif (printed := symbols().get(token[1:])) is not None:
            self.out.append(printed)
        else:
            self._unknown_command(token, stream)

    def learn(self, command: str, handler: Handler) -> None:
        """Store how to read a command that the paper declares."""
        self._handlers[command] = handler

    def _knows(self, token: str) -> bool:
        """Return whether a command is known here, in text or in formulas."""
        name = token[1:]
        return token in self._handlers or name in symbols() or name in FORMULA_COMMANDS

    def _unknown_command(self, token: str, stream: Stream) -> None:
        """Read the arguments of an unknown command as text, and keep their digits apart."""
        if (cite := self._handlers.get("\\cite")) and _CITES.fullmatch(token):
            cite(self, stream)
            return
        if token[:4] == "\\the" and self.counters.counts(token[4:]):
            self.out.append(self.counters.printed(token[4:]))
            return
        groups = groups_after(stream)
        if "@" not in token and (len(self._unknown) < 500 or token in self._unknown):
            self._unknown[token] = max(len(groups), self._unknown.get(token, 0))
        shown = [group for group in groups if not is_size(group)]
        stream.push([RAW + APART] if groups else [])
        for group in shown[:0:-1]:
            stream.push([RAW + f" {APART}", "{", *group, "}"])
        stream.push(["{", *shown[0], "}"] if shown else [])
        self.out.append(APART)

    def _unknown_environment(self, stream: Stream) -> None:
        """Read the arguments of an unknown environment as text; options such as [a=b] are none."""
        options = stream.optional()
        if options is not None and "=" not in plain(options) and not _PLACE.match(plain(options)):
            stream.push(["[", *options, "]"])
        groups = [group for group in groups_after(stream) if not is_size(group, any_unit=True)]
        self.out.append(" ")
        for group in reversed(groups):
            stream.push(["{", *group, "}", RAW + f" {APART}"])

    def _formula(self, stream: Stream) -> None:
        """Compose `$…$` or `$$…$$`. A dollar sign without a partner is printed as text."""
        first = stream.pull()
        if first == "$":
            inside, _ = self.formula_tokens(stream)
            after = stream.pull()
            stream.push([after] if after and after != "$" else [])
            self.add_equation(inside)
            return
        stream.push([first] if first else [])
        inside, closed = self.formula_tokens(stream)
        if closed or len(inside) > _LONGEST_REREAD:
            self.out.append(with_marks(inside))
        else:
            self.out.append("$")
            stream.push(inside)

    def formula_tokens(self, stream: Stream, end: str = "$") -> tuple[list[str], bool]:
        """Return the tokens of an inline formula, and whether it is closed within its paragraph."""
        inside: list[str] = []
        depth = 0
        closed = False
        self.state.in_formula = True
        while True:
            inside += stream.words()
            if not (token := stream.next()):
                break
            if token == end and depth == 0:
                closed = True
                break
            depth += {"{": 1, "}": -1}.get(token, 0)
            if depth < 0 or token == PARAGRAPH or token in _NEW_PART:
                stream.push([token])
                break
            inside.append(token)
        self.state.in_formula = False
        return inside, closed

    # -- text ------------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Append running text, with ASCII quotes and dashes replaced by those that LaTeX prints."""
        if not self.style.typewriter and (
            "'" in text or "`" in text or "-" in text or ",," in text
        ):
            text = _LIGATURES.sub(lambda match: _PRINTED[match.group()], text)
        self.out.append(text)

    def inline(self, tokens: list[str], style: Style | None = None) -> str:
        """Return tokens as text on one line; any blocks in them become part of the line."""
        return tidy(self.inline_raw(tokens, style))

    def inline_raw(self, tokens: list[str], style: Style | None = None) -> str:
        """Return tokens as text, with the line breaks and marks in it.

        Nested at most MOST_DEEP times; deeper tokens are returned as LaTeX source, with a warning.
        """
        if self.depth >= MOST_DEEP:
            self.state.warn("Commands are nested too deeply; the inner ones are shown as LaTeX.")
            return plain(tokens)
        before = self.out, self.style, self._styles
        self.out, self.style, self._styles = [], style or self.style, []
        if is_text(tokens):
            self.say("".join(tokens))
            text = "".join(self.out)
            self.out, self.style, self._styles = before
            return text
        self.depth += 1
        self.run(Stream(self.state, tokens))
        text = "".join(self.out)
        self.depth -= 1
        self.out, self.style, self._styles = before
        return text

    def end_paragraph(self) -> None:
        """Close the current paragraph as a block, followed by its footnotes."""
        if self.depth:
            self.out.append(f"{LINE}{self.indent}\t" if self.in_code else "\n\n")
            return
        text = tidy("".join(self.out))
        self.out.clear()
        if text and self.started:
            self.blocks.append(Block(kind="list_item" if self.lists else "paragraph", text=text))
        if self.started:
            self.blocks += self.footnotes
            self.footnotes.clear()

    def add(self, block: Block) -> None:
        """Add a block after the current paragraph. Within a line of text, add only its text."""
        if self.depth:
            self.out.append(f" {block.text} ")
        elif self.float is not None and block.kind in ("table", "code"):
            self.float.items.append(block)
        else:
            self.end_paragraph()
            self.blocks.append(block)

    def add_equation(self, tokens: list[str], number: str | None = None) -> None:
        """Add a displayed formula as an equation block, with the number that plain TeX gives it."""
        for mark in ("\\eqno", "\\leqno"):
            if mark in tokens:
                at = tokens.index(mark)
                number = settle(self.inline(tokens[at + 1 :])).strip("() ") or None
                tokens = tokens[:at]
        text = readable(tokens)
        if text:
            latex = " ".join(plain(tokens).split())
            self.add(Block(kind="equation", text=text, latex=latex, number=number))

    def body(self, stream: Stream, name: str) -> list[str]:
        """Return the expanded tokens of an environment, with words in a row left as one token.

        An environment that is not closed stops at a heading.
        """
        begin, end = f"\\begin{{{name}}}", f"\\end{{{name}}}"
        inside: list[str] = []
        depth = 0
        si_options = self.state.si_options
        while True:
            inside += stream.runs()
            if not (token := stream.next()):
                break
            if token == end:
                if depth == 0:
                    self.state.si_options = si_options
                    return inside
                depth -= 1
            elif token == begin:
                depth += 1
            elif token in _NEW_PART:
                stream.push([token])
                break
            inside.append(token)
        self.state.warn(f"The environment {name[:40]} is never closed.")
        return inside

    # -- marks -----------------------------------------------------------------------------------

    def mark(self, kind: str, key: str) -> None:
        """Append a mark for a number that is only known after the whole paper has been read."""
        self.out.append(f"{_MARK}{kind} {key}{_END_MARK}")

    def unknown_commands(self) -> list[str]:
        """Return the commands without a handler, at most 500, in order of first use.

        Those with several arguments come first, as their arguments are most likely misread.
        """
        counts = sorted(self._unknown.items(), key=lambda item: item[1] < 2)
        return [f"{name} ({count} arguments)" if count > 1 else name for name, count in counts]


def has_marks(text: str) -> bool:
    """Return whether `fill_marks` would change a text."""
    return _MARK in text or APART in text


def fill_marks(text: str, fill: Callable[[str, str], str]) -> str:
    """Return a finished text: every mark is replaced by `fill(kind, key)`, and every APART."""
    if _MARK in text:
        text = _MARKED.sub(lambda match: fill(match.group(1), match.group(2)), text)
    return settle(text)


def tidy(text: str) -> str:
    """Return a text on one line, with runs of whitespace collapsed and the ends stripped."""
    if LINE in text:
        text = _LINES.sub(" ", text)
    if APART in text:
        text = _AROUND.sub(lambda found: APART if found.group() in _ONLY else f" {APART}", text)
    text = " ".join(text.split())
    return "" if text == APART else text
