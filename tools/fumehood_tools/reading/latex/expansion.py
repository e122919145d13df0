"""Expand the macros of a paper, evaluate its conditions, and read in its files.

This works like the expansion stage of TeX (chapter 20 of The TeXbook): readers pull tokens from a
stack, and the expansion of a macro is pushed back onto it. Definitions (`\\newcommand`, `\\def`,
`\\let`, `\\newenvironment`, xparse) are stored and applied; commands that the readers know by
meaning cannot be redefined. The work is bounded: at most MOST_PULLED tokens in all, and at most
MOST_EXPANDED tokens made by macros.
"""

from fumehood_tools.reading.latex.macros import (
    END_OF_FILE,
    WHOLE,
    Macro,
    cut,
    filled,
    without_braces,
)
from fumehood_tools.reading.latex.state import State
from fumehood_tools.reading.latex.tokens import LISTING, PARAGRAPH, RAW, is_run, split_runs

MOST_PULLED = 6_000_000
MOST_EXPANDED = 1_000_000
_FAR = 4_000
_PER_EXPANSION = 4
_SIGNS = frozenset("{}$&~\n")
_ACTIVE = frozenset("\\{}$&~\n" + RAW + LISTING + END_OF_FILE)
_NO_OPTION = frozenset("{}$\\\n")
"""What a token begins with that cannot begin an optional argument or a star."""
_TOO_MUCH = (
    "The paper's macros expand too far or are too many; the remaining ones were not expanded."
)


def is_text(tokens: list[str]) -> bool:
    """Return whether tokens are words and signs only, of which none may need expansion."""
    return _ACTIVE.isdisjoint(token[0] for token in tokens)


class Stream:
    """A stack of tokens to pull from. Expansions and files are pushed on top of it."""

    def __init__(self, state: State, tokens: list[str]) -> None:
        self.state = state
        self._stack = tokens[::-1]

    def pull(self) -> str:
        """Return the next token without expanding it, or '' at the end."""
        state, stack = self.state, self._stack
        while stack:
            state.pulled += 1
            if state.pulled > MOST_PULLED:
                state.warn("The source is very large: only its first part was read.")
                stack.clear()
                return ""
            token = stack.pop()
            if " " in token and is_run(token):
                word, _, rest = token.partition(" ")
                stack += (rest, " ")
                return word
            if token != END_OF_FILE:
                return token
            state.open_files.pop()
            state.folders.pop()
        return ""

    def push(self, tokens: list[str]) -> None:
        """Put tokens in front of the remaining ones."""
        self._stack += tokens[::-1]

    def words(self) -> list[str]:
        """Return the words and signs that come next, up to the first that may need expansion.

        Only for speed: `next` would return the same tokens one by one.
        """
        return split_runs(self.runs())

    def runs(self) -> list[str]:
        """Return the same tokens as `words`, but with words in a row left as one token."""
        stack = self._stack
        if not stack or stack[-1][0] in _ACTIVE:
            return []
        return self._up_to_active()

    def token(self) -> str:
        """Return the next token, as `next`, but the same tokens as `words` as one text."""
        stack = self._stack
        if stack and stack[-1][0] not in _ACTIVE:
            if len(stack) > 1 and stack[-2][0] in _ACTIVE:
                self.state.pulled += 1
                return stack.pop()
            return "".join(self._up_to_active())
        return self.next()

    def _up_to_active(self) -> list[str]:
        stack = self._stack
        at = len(stack) - 1
        while at and stack[at - 1][0] not in _ACTIVE:
            at -= 1
        taken = stack[: at - 1 if at else None : -1]
        del stack[at:]
        self.state.pulled += len(taken)
        return taken

    def next(self) -> str:
        """Return the next token after expanding macros and conditions; '' at the end."""
        state, stack = self.state, self._stack
        while stack:
            # Most tokens expand to nothing else, and are taken here without the call of `pull`.
            first = stack[-1][0]
            if first in _SIGNS:
                state.pulled += 1
                return stack.pop()
            if first != "\\" or state.pulled >= MOST_PULLED:
                token = self.pull()
                if token[:1] != "\\":
                    return token
            else:
                state.pulled += 1
                token = stack.pop()
            if (macro := state.macros.get(token)) is not None:
                self._use(macro)
            elif (primitive := state.primitives.get(token)) is not None:
                primitive(self)
            elif token[-1] == "}" and self._environment(token):
                continue
            elif token[:3] == "\\if" and state.is_condition(token):
                self.condition(token)
            else:
                return token
        return ""

    def expand(self, token: str) -> bool:
        """Expand a command that was pulled; return False if there is nothing to expand."""
        state = self.state
        if (macro := state.macros.get(token)) is not None:
            self._use(macro)
        elif (primitive := state.primitives.get(token)) is not None:
            primitive(self)
        elif state.is_condition(token):
            self.condition(token)
        else:
            return False
        return True

    def letter(self) -> str:
        """Return the next token as TeX counts them: a command, a sign or a single letter."""
        token = self.pull()
        if len(token) > 1 and token[0] not in WHOLE:
            self._stack.append(token[1:])
            return token[0]
        return token

    def skip_blank(self) -> None:
        """Skip spaces and paragraph breaks."""
        while (token := self.pull()) in (" ", PARAGRAPH):
            pass
        if token:
            self._stack.append(token)

    def starred(self) -> bool:
        """Return whether a star comes next; if so, remove it."""
        if self._stack and self._stack[-1][0] in _NO_OPTION:
            return False
        token = self.pull()
        if token[:1] != "*":
            if token:
                self._stack.append(token)
            return False
        if len(token) > 1:
            self._stack.append(token[1:])
        return True

    def argument(self) -> list[str]:
        """Return the next argument: the contents of a group, or a single token or letter."""
        return split_runs(self.passage())

    def passage(self) -> list[str]:
        """Return the next argument, as `argument`, but with words in a row left as one token."""
        stack = self._stack
        if not (stack and stack[-1] == "{"):
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
        """Return the contents of an argument in brackets, or None if no bracket comes next."""
        taken: list[str] = []
        if self._stack and self._stack[-1][0] in _NO_OPTION:
            return None
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
        """Return the unexpanded tokens before the first of `ends`, which is removed too."""
        found = self.runs()
        while (token := self.pull()) and token not in ends:
            found.append(token)
            found += self.runs()
        return found

    def _group(self) -> list[str]:
        inside: list[str] = []
        depth = 0
        while True:
            inside += self.runs()
            if not (token := self.pull()):
                break
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
        self._push_made(filled(macro.body, arguments) if macro.fills else macro.body)

    def _push_made(self, made: list[str]) -> None:
        """Push the result of a macro, and forget all macros once they have made too many tokens.

        Without macros, nothing expands any more, so the rest of the paper is read in bounded time.
        """
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
        self._follows(macro.before)
        arguments: list[list[str]] = []
        for kind, default, delimiter in zip(
            macro.kinds, macro.defaults, macro.delimiters, strict=True
        ):
            if kind == "s":
                arguments.append(["*"] if self.starred() else [])
            elif kind in "od":
                given = self.optional() if kind == "o" else self._between(*delimiter)
                arguments.append(default if given is None else given)
            elif kind == "t":
                arguments.append(["*"] if self._follows(delimiter) else [])
            else:
                arguments.append(self._delimited(delimiter) if delimiter else self.argument())
        return arguments

    def _follows(self, wanted: list[str]) -> bool:
        """Remove the wanted letters and commands if they come next; else leave all as it is."""
        taken: list[str] = []
        for one in wanted:
            taken.append(self.letter())
            if taken[-1] != one:
                self.push([token for token in taken if token])
                return False
        return True

    def _between(self, opening: str, closing: str) -> list[str] | None:
        """Return the tokens between two signs; None if the first does not come next."""
        return self._delimited([closing]) if self._follows([opening]) else None

    def _delimited(self, delimiter: list[str]) -> list[str]:
        """Return the tokens before a delimiter, as TeX reads them for `\\def\\x#1.{…}`.

        If the delimiter is missing, nothing is taken.
        """
        found: list[str] = []
        depth = 0
        while (token := self.pull()) and len(found) < _FAR:
            if depth == 0 and (halves := cut(token, delimiter[0])) is not None:
                before, after = halves
                self.push([delimiter[0], after] if after else [delimiter[0]])
                found += [before] if before else []
                if self._follows(delimiter):
                    self.push(["{"] if delimiter[-1] == "{" else [])
                    return without_braces(found)
                found.append(self.letter())
                continue
            depth += {"{": 1, "}": -1}.get(token, 0)
            if depth < 0:
                break
            found.append(token)
        self.push([*found, token] if token else found)
        return []

    def _environment(self, token: str) -> bool:
        """Expand the begin or end of an environment that the paper defines.

        Returns False if the paper does not define it.
        """
        if not token.startswith(("\\begin{", "\\end{")):
            return False
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

    def condition(self, token: str, unless: bool = False) -> None:
        """Evaluate a condition; if it is false, skip to its `\\else` or `\\fi`.

        unless: the answer is turned around, as by `\\unless`.
        """
        decide = self.state.conditions.get(token)
        if token[1:] in self.state.flags:
            holds = self.state.flags[token[1:]]
        else:
            holds = decide is None or decide(self)
        if holds == unless:
            self.skip_branch(("\\else",))

    def skip_branch(self, stops: tuple[str, ...] = ()) -> str:
        """Skip a branch that is not taken, to its `\\fi` or one of `stops`; return which."""
        skipped: list[str] = []
        depth = 0
        while token := self.pull():
            if token == "\\fi":
                if depth == 0:
                    return token
                depth -= 1
            elif depth == 0 and token in stops:
                return token
            elif self.state.is_condition(token):
                depth += 1
            skipped.append(token)
        self.state.warn("A conditional (\\if) has no end, so both of its branches were read.")
        self.push(skipped)
        return ""

    def end_file(self) -> None:
        """Drop the rest of the current file."""
        while self._stack and self._stack[-1] != END_OF_FILE:
            self._stack.pop()
