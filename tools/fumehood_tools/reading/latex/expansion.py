"""The tokens of a paper, with its own macros expanded, its conditions decided, its files read in.

Works like TeX's mouth: a stack of tokens from which readers pull. Definitions (`\\newcommand`,
`\\def`, `\\let`, `\\newenvironment`, xparse) are learned and used; commands that the readers know
by meaning can't be redefined. Everything is bounded: MOST_PULLED tokens in all, MOST_EXPANDED of
them made by macros.
"""

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fumehood_tools.reading.latex.tokens import PARAGRAPH, RAW, plain

MOST_PULLED = 6_000_000
MOST_EXPANDED = 1_000_000
_FAR = 4_000
_PER_EXPANSION = 4
END_OF_FILE = "\x04"
_TOO_MUCH = (
    "The paper's macros expand without end or are very many: the rest of them was left unexpanded."
)
_NO_CONDITION_NAMES = (
    "ifblank ifbool ifcsdef ifdef ifdefempty ifdefstring ifempty iff ifnotblank ifnumcomp "
    "ifpackageloaded ifstrempty ifstrequal ifthenelse iftoggle ifundef"
)
_NO_CONDITIONS = {f"\\{name}" for name in _NO_CONDITION_NAMES.split()}
_KEPT_NAMES = (
    "AND And Cref abstract address affiliation and appendix author autoref begin bf bibitem "
    "bibliography bottomrule caption captionof centering chapter cite citep citet cline "
    "cmidrule cref date documentclass email emph end endinput eqref footnote footnotemark "
    "footnotesize footnotetext hline href includegraphics input institute it item keywords "
    "label large maketitle midrule multicolumn multirow newblock nocite normalsize par "
    "paragraph part printbibliography ref rm section small subcaption subparagraph subsection "
    "subsubsection tableofcontents text textbf thanks title toprule tt underline url "
    "usepackage"
)
KEPT = {f"\\{name}" for name in _KEPT_NAMES.split()}


@dataclass(frozen=True)
class Macro:
    """A definition: one delimiter per parameter ('' for an ordinary one), defaults, its body.

    `kinds` has one letter per parameter, as xparse names them: m, o (optional), s (star).
    """

    kinds: str
    defaults: list[list[str]]
    delimiters: list[list[str]]
    before: list[str]
    body: list[str]

    @functools.cached_property
    def fills(self) -> bool:
        """Say whether the body holds places to fill."""
        return any("#" in token for token in self.body)


@dataclass
class State:
    """What all streams of one paper share."""

    files: dict[str, str]
    primitives: "Mapping[str, Callable[[Stream], None]]"
    conditions: "Mapping[str, Callable[[Stream], bool]]"
    macros: dict[str, Macro] = field(default_factory=dict)
    environments: dict[str, tuple[Macro, list[str]]] = field(default_factory=dict)
    flags: dict[str, bool] = field(default_factory=dict)
    theorems: dict[str, tuple[str, str | None, str | None, bool]] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    warnings: dict[str, None] = field(default_factory=dict)
    pulled: int = 0
    expanded: int = 0
    files_read: int = 0
    open_files: list[str] = field(default_factory=list)

    def is_condition(self, token: str) -> bool:
        """Say whether a command begins a condition that `\\fi` ends."""
        return token[:3] == "\\if" and token not in _NO_CONDITIONS

    def warn(self, text: str) -> None:
        """Keep a warning, once."""
        if len(self.warnings) < 50:
            self.warnings[text] = None


class Stream:
    """Tokens to be pulled; expansions and files are pushed in front of the rest."""

    def __init__(self, state: State, tokens: list[str]) -> None:
        self.state = state
        self._stack = tokens[::-1]

    def pull(self) -> str:
        """Return the next token as it stands, '' at the end."""
        state = self.state
        while self._stack:
            state.pulled += 1
            if state.pulled > MOST_PULLED:
                state.warn("The source is very large: only its first part was read.")
                self._stack.clear()
                return ""
            token = self._stack.pop()
            if token != END_OF_FILE:
                return token
            state.open_files.pop()
        return ""

    def push(self, tokens: list[str]) -> None:
        """Put tokens in front."""
        self._stack += tokens[::-1]

    def next(self) -> str:
        """Return the next token that is not a macro, definition or condition; '' at the end."""
        state = self.state
        while token := self.pull():
            if token[0] != "\\":
                return token
            if (macro := state.macros.get(token)) is not None:
                self._use(macro)
            elif (primitive := state.primitives.get(token)) is not None:
                primitive(self)
            elif token.startswith(("\\begin{", "\\end{")) and self._environment(token):
                continue
            elif state.is_condition(token):
                self._condition(token)
            else:
                return token
        return ""

    def skip_blank(self) -> None:
        """Pull blanks."""
        while (token := self.pull()) in (" ", PARAGRAPH):
            pass
        if token:
            self._stack.append(token)

    def starred(self) -> bool:
        """Pull a star, where one comes next."""
        token = self.pull()
        if token[:1] != "*":
            if token:
                self._stack.append(token)
            return False
        if len(token) > 1:
            self._stack.append(token[1:])
        return True

    def argument(self) -> list[str]:
        """Return the next argument: a group's inside, or one token."""
        self.skip_blank()
        token = self.pull()
        if token == "{":
            return self._group()
        if token == "}":
            self._stack.append(token)
            return []
        if token[:1] not in "\\" + RAW and len(token) > 1 and token[0] not in "#\x02":
            self._stack.append(token[1:])
            return [token[0]]
        return [token] if token else []

    def optional(self) -> list[str] | None:
        """Return the argument in brackets, None where there is none."""
        taken: list[str] = []
        while (token := self.pull()) == " ":
            taken.append(token)
        if token != "[":
            self.push([*taken, token] if token else taken)
            return None
        inside: list[str] = []
        depth = 0
        while (token := self.pull()) and len(inside) < _FAR:
            depth += {"{": 1, "}": -1}.get(token, 0)
            if depth < 0 or token == PARAGRAPH:
                break
            if token == "]" and depth == 0:
                return inside
            inside.append(token)
        self.push([*taken, "[", *inside, *([token] if token else [])][1:])
        return None

    def until(self, ends: tuple[str, ...]) -> list[str]:
        """Return tokens as they stand up to one of the ends, which is pulled too."""
        found: list[str] = []
        while (token := self.pull()) and token not in ends:
            found.append(token)
        return found

    def _group(self) -> list[str]:
        inside: list[str] = []
        depth = 0
        while token := self.pull():
            if token == "}":
                if depth == 0:
                    break
                depth -= 1
            elif token == "{":
                depth += 1
            inside.append(token)
        return inside

    def _use(self, macro: Macro) -> None:
        arguments = self._arguments(macro)
        self._push_made(_filled(macro.body, arguments) if macro.fills else macro.body)

    def _push_made(self, made: list[str]) -> None:
        """Push what a macro made; when macros have made too much, none is known any more."""
        state = self.state
        state.expanded += len(made) + _PER_EXPANSION
        if state.expanded <= MOST_EXPANDED:
            self.push(made)
        else:
            state.warn(_TOO_MUCH)
            state.macros.clear()
            state.environments.clear()

    def _arguments(self, macro: Macro) -> list[list[str]]:
        if not macro.kinds and not macro.before:
            return []
        for wanted in macro.before:
            token = self.pull()
            if token != wanted:
                self.push([token] if token else [])
                break
        arguments: list[list[str]] = []
        for kind, default, delimiter in zip(
            macro.kinds, macro.defaults, macro.delimiters, strict=True
        ):
            if kind == "s":
                arguments.append(["*"] if self.starred() else [])
            elif kind == "o":
                given = self.optional()
                arguments.append(default if given is None else given)
            else:
                arguments.append(self._delimited(delimiter) if delimiter else self.argument())
        return arguments

    def _delimited(self, delimiter: list[str]) -> list[str]:
        found: list[str] = []
        while (token := self.pull()) and len(found) < _FAR:
            if len(delimiter) == 1 and token[0] not in "\\{}" and delimiter[0] in token:
                before, _, after = token.partition(delimiter[0])
                self.push([after] if after else [])
                return [*found, before] if before else found
            found.append(token)
            if found[-len(delimiter) :] == delimiter:
                return found[: -len(delimiter)]
        return found

    def _environment(self, token: str) -> bool:
        begins, name = token.startswith("\\begin"), token[token.index("{") + 1 : -1]
        if (known := self.state.environments.get(name)) is not None:
            begin, end = known
            if begins:
                self._use(begin)
            else:
                self._push_made(end)
            return True
        if f"\\end{name}" in self.state.macros and f"\\{name}" in self.state.macros:
            self.push([f"\\{name}" if begins else f"\\end{name}"])
            return True
        return False

    def _condition(self, token: str) -> None:
        decide = self.state.conditions.get(token)
        if token[1:] in self.state.flags:
            holds = self.state.flags[token[1:]]
        else:
            holds = decide is None or decide(self)
        if not holds:
            self.skip_branch(stop_at_else=True)

    def skip_branch(self, stop_at_else: bool = False) -> None:
        """Pull the branch of a condition that is not taken."""
        skipped: list[str] = []
        depth = 0
        while token := self.pull():
            if token == "\\fi":
                if depth == 0:
                    return
                depth -= 1
            elif token == "\\else" and depth == 0 and stop_at_else:
                return
            elif self.state.is_condition(token):
                depth += 1
            skipped.append(token)
        self.state.warn("A condition (\\if) does not end: both of its branches were read.")
        self.push(skipped)

    def end_file(self) -> None:
        """Drop the rest of the file that is being read."""
        while self._stack and self._stack[-1] != END_OF_FILE:
            self._stack.pop()


def _filled(body: list[str], arguments: list[list[str]]) -> list[str]:
    made: list[str] = []
    for token in body:
        if token[0] == "#":
            if token.startswith("##"):
                made.append(token[1:])
            elif token[1:].isdigit() and 0 < int(token[1:]) <= len(arguments):
                made += arguments[int(token[1:]) - 1]
        elif token[0] == RAW and "#" in token:
            made.append(
                re.sub(r"#([1-9])", lambda m: _raw_argument(arguments, int(m.group(1))), token)
            )
        else:
            made.append(token)
    return made


def _raw_argument(arguments: list[list[str]], number: int) -> str:
    return plain(arguments[number - 1]) if number <= len(arguments) else f"#{number}"
