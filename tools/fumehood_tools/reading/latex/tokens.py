"""Split LaTeX text into tokens in one pass, with all braces closed.

A token is a string whose first character tells its type. `\\name`, `\\begin{x}` and `\\end{x}` are
commands; `{ } [ ] $ & ~ ^ _` are single-character tokens; `#1` is a parameter; " " is a space, and
"\\n" a paragraph break. RAW marks text that TeX reads verbatim (addresses, `\\verb`), and LISTING
a program listing. Comments are collected separately. Tokenizing never fails, and its cost is
linear in the length of the text.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from fumehood_tools.reading.latex.listings import LISTINGS, ListingKind, split_listing

RAW, LISTING = "\x01", "\x02"
APART = "\x03"
"""Marks a place where the digits on its two sides must not be read as one number (see `settle`)."""
PARAGRAPH = "\n"
_NO_RUN = "\\" + RAW + LISTING
_SET_ASIDE = {"comment"}
LISTING_OPTIONS = "\\listing options"
"""Comes before a listing whose options have a caption, label or title, with two groups."""
_TELLING = re.compile(r"\b(?:caption|label|title|name)\s*=")
_NEVER_SHOWN = {"filecontents", "filecontents*"}


_NAMED = r"\s*\{\s*[A-Za-z@:\-][\w@:\-]{0,40}\*?\s*\}"
_SPACE_AFTER = r"[ \t]*(?:\n(?![ \t]*\n)[ \t]*)?"


def _pattern(letters: str) -> re.Pattern[str]:
    """Return what finds the next token. A command of letters takes the space after it along."""
    control = rf"\\(?:[{letters}]+(?:(?<=[A-Za-z]){_SPACE_AFTER})?|[\s\S]|$)"
    word = r"[^\\{}\[\]$&~^_#%\s]+"
    return re.compile(
        rf"{word}+(?:[ \n]{word}+)*+|\\(?:begin|end){_NAMED}|{control}|[{{}}\[\]$&~^_]|#+\d?|\s+"
        r"|%[^\n]*\n?[ \t]*"
    )


_TOKEN, _TOKEN_AT = _pattern("A-Za-z"), _pattern("A-Za-z@")
_AFTER_WORD = re.compile(_SPACE_AFTER)
_LANGUAGE = re.compile(_NAMED)
_OPTIONS = re.compile(r"\s*\[[^\]\n]{0,400}\]")
_VERB_IN_BRACES = re.compile(r"\*?(\{)([^\n{}]{0,2000})\{")
_VERB = re.compile(r"\*?([^\sA-Za-z*{])([^\n]{0,2000}?)\1")
_GROUP_OPEN = re.compile(r"\s*\{")
_BRACES = re.compile(r"\\[\s\S]|[{}]")
_ADDRESSED = {"\\url", "\\href", "\\path", "\\nolinkurl", "\\burl", "\\doi", "\\urlstyle"}
_VERBS = {"\\verb", "\\lstinline", "\\Verb", "\\mintinline"}
_READ_ON = {"\\makeatletter", "\\makeatother", *_ADDRESSED, *_VERBS}
"""Commands after which the text is not split at once as elsewhere."""
_LONGEST_RAW = 4_000
_CONTROL = dict.fromkeys(range(9))
_GLUED = re.compile(rf"(?<=[\d.,]) *{APART}[ {APART}]*(?=[.,]?\d)")
_ENDS_SHORT, _BEGINS_GROUP = re.compile(r"(?:^|[^\d.])\d{1,3}$"), re.compile(r"\d{3}(?!\d)")


class Tokens(NamedTuple):
    """The tokens of one file, its comments, and whether its braces were balanced in the file."""

    tokens: list[str]
    comments: list[str]
    balanced: bool


def tokenize(
    text: str, at_is_letter: bool = False, listings: Mapping[str, ListingKind] = LISTINGS
) -> Tokens:
    """Return the tokens of a text.

    at_is_letter: @ is a letter, as in style files. listings: the environments read verbatim.
    """
    read = tokenize_runs(text, at_is_letter, listings)
    return read._replace(tokens=split_runs(read.tokens))


def tokenize_runs(
    text: str, at_is_letter: bool = False, listings: Mapping[str, ListingKind] = LISTINGS
) -> Tokens:
    """Return the tokens of a text as `tokenize`, but with words in a row left as one token."""
    reader = _Reader(text.replace("\r\n", "\n").replace("\r", "\n"), at_is_letter, listings)
    reader.read()
    tokens, balanced = _balance(reader.tokens)
    return Tokens(tokens, _joined(reader.comments), balanced)


def is_run(token: str) -> bool:
    """Return whether a token is several words in a row, with a space between each two."""
    return " " in token and len(token) > 1 and token[0] not in _NO_RUN


def split_runs(tokens: list[str]) -> list[str]:
    """Return tokens with every run of words split into its words and the spaces between them."""
    split: list[str] = []
    for token in tokens:
        if " " in token and len(token) > 1 and token[0] not in _NO_RUN:
            split += token.replace(" ", "\0 \0").split("\0")
        else:
            split.append(token)
    return split


def plain(tokens: list[str]) -> str:
    """Return tokens as LaTeX source."""
    parts: list[str] = []
    for index, token in enumerate(tokens):
        if token[0] in RAW + LISTING:
            parts.append(token[1:].replace(APART, ""))
        elif token == PARAGRAPH:
            parts.append("\n\n")
        else:
            parts.append(token)
            follower = tokens[index + 1] if index + 1 < len(tokens) else ""
            if token[0] == "\\" and token[-1].isalpha() and follower[:1].isalpha():
                parts.append(" ")
    return "".join(parts)


def settle(text: str) -> str:
    """Return a text with each APART replaced: by a space between digits, elsewhere by nothing.

    Two spaces are used where one would read as a separator of thousands: 12 345 is one number.
    """
    if APART not in text:
        return text
    return _GLUED.sub(_gap, text).replace(APART, "").rstrip(" ")


def _gap(match: re.Match[str]) -> str:
    before = match.string[max(0, match.start() - 5) : match.start()]
    after = match.string[match.end() : match.end() + 4]
    one_number = _ENDS_SHORT.search(before) and _BEGINS_GROUP.match(after)
    return "  " if one_number else " "


class _Reader:
    """Scans a text once and collects its tokens and comments."""

    def __init__(self, text: str, at_is_letter: bool, listings: Mapping[str, ListingKind]) -> None:
        self._listings = listings
        self._verbatim = {f"\\begin{{{name}}}" for name in (*listings, *_SET_ASIDE)}
        has_control = any(chr(sign) in text for sign in _CONTROL)
        self.text = text.translate(_CONTROL) if has_control else text
        self.tokens: list[str] = []
        self._commands: dict[str, str] = {}
        self.comments: list[tuple[int, str]] = []
        self._pattern = _TOKEN_AT if at_is_letter else _TOKEN
        self._endless: set[str] = set()
        self._after_comment = False

    def read(self) -> None:
        """Read the text to its end.

        All of it is split at once, which is fast. Behind a command after which TeX reads verbatim,
        tokens are found one by one, up to where both ways of splitting meet again.
        """
        usual, end = self._pattern, len(self.text)
        pieces = usual.findall(self.text)
        index = start = 0
        while index < len(pieces):
            index, start = self._take(pieces, index, start)
            if index == len(pieces):
                return
            at = self._read_on(pieces[index], start)
            while at < end and (start != at or self._pattern is not usual):
                if start < at:
                    start, index = start + len(pieces[index]), index + 1
                else:
                    piece = self._pattern.match(self.text, at)[0]  # type: ignore[index]
                    taken, at = self._take([piece], 0, at)
                    at = at if taken else self._read_on(piece, at)
            if at >= end:
                return

    def _take(self, pieces: list[str], index: int, at: int) -> tuple[int, int]:
        """Take pieces up to one after which the text is split in another way.

        at: where the piece of this index begins. Returns the index and the place of the first piece
        that was not taken.
        """
        since, append, commands = index, self.tokens.append, self._commands
        while index < len(pieces):
            piece = pieces[index]
            first = piece[0]
            if first == "\\":
                if (command := commands.get(piece)) is None:
                    if (command := self._command(piece)) is None:
                        break
                    commands[piece] = command
                append(command)
            elif first == "%":
                at, since = at + sum(map(len, pieces[since:index])), index
                self._comment(piece, at)
                index += 1
                continue
            elif piece == " ":
                append(piece)
            elif first.isspace():
                blank = piece.count("\n") >= (1 if self._after_comment else 2)
                append(PARAGRAPH if blank else " ")
            else:
                append(piece.replace("\n", " ") if "\n" in piece else piece)
            self._after_comment = False
            index += 1
        return index, at + sum(map(len, pieces[since:index]))

    def _command(self, piece: str) -> str | None:
        """Return the token of a piece that is a command; None if what follows is read verbatim."""
        command = piece.rstrip(" \t\n")
        if len(command) < 3:
            if not command.isascii():
                return None
            return "\\ " if command[1:].isspace() or command == "\\" else command
        if command[-1] == "}":
            command = "".join(command.split())
            return None if command in self._verbatim else command
        return None if command in _READ_ON else command

    def _comment(self, piece: str, at: int) -> None:
        self.comments.append((at, piece.strip("% \t\n")))
        self._after_comment = piece.rstrip(" \t").endswith("\n")

    def _read_on(self, piece: str, at: int) -> int:
        """Read a command that begins at a place, and what TeX reads verbatim behind it."""
        self._after_comment = False
        command = piece.rstrip(" \t\n")
        if command[-1] == "}":
            return self._environment("".join(command.split())[7:-1], at + len(piece))
        at += len(command)
        if command in _VERBS:
            return self._verb(command, at)
        if command in ("\\makeatletter", "\\makeatother"):
            self._pattern = _TOKEN_AT if command == "\\makeatletter" else _TOKEN
        self.tokens.append("\\ " if command[1:].isspace() else command)
        if command[-1].isalpha():
            at = _AFTER_WORD.match(self.text, at).end()  # type: ignore[union-attr]
        return self._raw_group(at) if command in _ADDRESSED else at

    def _environment(self, name: str, at: int) -> int:
        """Read an environment verbatim. One that does not end is read as any other."""
        end = -1 if name in self._endless else self.text.find(f"\\end{{{name}}}", at)
        if end >= 0:
            self._listing(name, self.text[at:end])
            return end + len(name) + 6
        self._endless.add(name)
        self.tokens.append(f"\\begin{{{name}}}")
        return at

    def _listing(self, name: str, text: str) -> None:
        if name in _SET_ASIDE:
            self.comments.append((-2, " ".join(text.split())))
        elif name not in _NEVER_SHOWN:
            kind = self._listings[name]
            options, code = split_listing(text, kind)
            if _TELLING.search(options):
                shown = "label" if kind.visible_label else "caption"
                inner = tokenize(options).tokens
                self.tokens += [LISTING_OPTIONS, "{", shown, "}", "{", *inner, "}"]
            self.tokens.append(LISTING + code)

    def _verb(self, token: str, at: int) -> int:
        if options := _OPTIONS.match(self.text, at):
            at = options.end()
        if token == "\\mintinline" and (named := _LANGUAGE.match(self.text, at)):
            at = named.end()
        # \verb takes any sign twice, also a brace, but \verb{name} is meant as a group.
        same_brace = token == "\\verb" and _VERB_IN_BRACES.match(self.text, at)
        if match := same_brace or _VERB.match(self.text, at):
            self.tokens.append(RAW + match.group(2))
            return match.end()
        return self._raw_group(at)

    def _raw_group(self, at: int) -> int:
        """Read a group verbatim, because % and # are part of an address."""
        if (options := _OPTIONS.match(self.text, at)) is not None:
            at = options.end()
        opened = _GROUP_OPEN.match(self.text, at)
        if opened is None:
            return at
        depth = 1
        for match in _BRACES.finditer(self.text, opened.end(), opened.end() + _LONGEST_RAW):
            depth += {"{": 1, "}": -1}.get(match.group(), 0)
            if depth == 0:
                inside = self.text[opened.end() : match.start()]
                self.tokens += ["{", RAW + re.sub(r"%?\n\s*", "", inside), "}"]
                return match.end()
        return at


def _balance(tokens: list[str]) -> tuple[list[str], bool]:
    """Close open groups at the end of their environment; drop unmatched closing braces.

    Groups that are still open at the end are closed at the end of their paragraph.
    """
    if _is_balanced(tokens):
        return tokens, True
    closed: list[str] = []
    open_marks: list[tuple[str, int]] = []
    balanced = True
    for token in tokens:
        if token[0] not in "{}\\":
            closed.append(token)
            continue
        if token == "{" or token.startswith("\\begin{"):
            open_marks.append((token, len(closed)))
        elif token == "}":
            depth = len(open_marks) - 1
            while depth >= 0 and open_marks[depth][0] != "{":
                depth -= 1
            if depth < 0:
                balanced = False
                continue
            del open_marks[depth:]
        elif token.startswith("\\end{"):
            unclosed = _unclosed_inside(open_marks, "\\begin" + token[4:])
            if unclosed is not None:
                balanced = balanced and unclosed == 0
                closed += ["}"] * unclosed
                del open_marks[len(open_marks) - unclosed - 1 :]
        closed.append(token)
    return _close_rest(closed, [at for mark, at in open_marks if mark == "{"], balanced)


def _is_balanced(tokens: list[str]) -> bool:
    """Whether every group and environment ends within the one around it, as in most papers."""
    opened: list[str] = []
    for token in tokens:
        if token == "{":
            opened.append(token)
        elif token == "}":
            if not opened or opened.pop() != "{":
                return False
        elif token[-1] == "}" and token[0] == "\\":
            if token.startswith("\\begin{"):
                opened.append(token)
            elif token.startswith("\\end{") and (
                not opened or opened.pop() != f"\\begin{token[4:]}"
            ):
                return False
    return not opened


def _unclosed_inside(open_marks: list[tuple[str, int]], begin: str) -> int | None:
    """Return how many groups are open inside the innermost environment.

    None if that environment does not begin with `begin`.
    """
    count = 0
    for mark, _ in reversed(open_marks):
        if mark == "{":
            count += 1
        else:
            return count if mark == begin else None
    return None


def _close_rest(tokens: list[str], opened: list[int], balanced: bool) -> tuple[list[str], bool]:
    if not opened:
        return tokens, balanced
    starts = set(opened)
    whole: list[str] = []
    waiting = 0
    for index, token in enumerate(tokens):
        if token == PARAGRAPH and waiting:
            whole += ["}"] * waiting
            waiting = 0
        waiting += index in starts
        whole.append(token)
    return whole + ["}"] * waiting, False


def _joined(comments: list[tuple[int, str]]) -> list[str]:
    """Return the comments, with those on consecutive lines joined into one."""
    joined: list[str] = []
    before = -10
    for start, text in comments:
        near = 0 <= start - before < 8
        if near and joined and text:
            joined[-1] += f" {text}"
        elif text:
            joined.append(text)
        before = start + len(text) + 2 if start >= 0 else -10
    return joined
