"""Divide the text of a cell into logical lines, some of which only IPython understands.

A logical line is what Python calls so: a statement up to its end, over strings, brackets and
backslashes. This module looks at characters instead of Python's tokens, because those of Python
3.11 and 3.12 differ for text that is not Python, such as `!echo it's`. It never fails: what it
takes wrongly is found when the cell is compiled.
"""

import re
from typing import NamedTuple

# The characters that only IPython understands at the start of a line.
ESCAPES = "%!?/,;"
# Characters that are not printable, and common: a tab, and the joiners of scripts and emoji.
KEPT = "\t\u200b\u200c\u200d"
ASSIGNED = re.compile(r"[ \t]*(?:!|%[ \t]*[A-Za-z_])")


class LogicalLine(NamedTuple):
    """Lines start to end (not included) of a cell, counted from 0.

    escape: where the part begins that is not Python, as a column of the first line: 0 if the whole
    line is such. None for Python. help: it asks for help, as `name?` does.
    """

    start: int
    end: int
    escape: int | None = None
    help: bool = False


class Scan:
    """The logical lines of a text, and which physical lines begin inside a string."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        # The column where the question marks begin with which a line ends, if it does.
        self.ends = [len(line.rstrip("? \t;")) for line in self.lines]
        self.inside_string: set[int] = set()
        self.logical: list[LogicalLine] = []
        at = 0
        while at < len(self.lines):
            one = self._command(at) or self._statement(at)
            self.logical.append(one)
            at = one.end

    def _command(self, at: int) -> LogicalLine | None:
        stripped = self.lines[at].lstrip(" \t\f")
        if not stripped or stripped[0] not in ESCAPES:
            return None
        return LogicalLine(at, self._continued(at), 0)

    def _continued(self, at: int) -> int:
        """Return the end of a command that backslashes continue."""
        end = at + 1
        while end < len(self.lines) and self.lines[end - 1].endswith("\\"):
            end += 1
        return end

    def _statement(self, start: int) -> LogicalLine:
        """Read one statement; of several on a line, all."""
        at, column, depth, assigned = start, 0, 0, False
        while at < len(self.lines):
            line = self.lines[at]
            if column >= len(line):
                if depth == 0:
                    break
                at, column = at + 1, 0
                continue
            char = line[column]
            if char == "#":
                column = len(line)
            elif char in "\"'":
                at, column = self._after_string(at, column)
            elif char == "\\" and column == len(line) - 1 and at + 1 < len(self.lines):
                at, column = at + 1, 0
            elif char == "?" and column == self.ends[at]:
                return LogicalLine(start, at + 1, 0, help=True)
            elif char == "=" and depth == 0 and not assigned and is_assignment(line, column):
                assigned, column = True, column + 1
                if at == start and ASSIGNED.match(line, column):
                    return LogicalLine(start, self._continued(start), column)
            else:
                depth = max(0, depth + (char in "([{") - (char in ")]}"))
                column += 1
        return LogicalLine(start, min(at + 1, len(self.lines)))

    def _after_string(self, at: int, column: int) -> tuple[int, int]:
        """Return the place behind a string that starts at a quote."""
        quote = self.lines[at][column]
        if self.lines[at].startswith(quote * 3, column):
            quote *= 3
        column += len(quote)
        while at < len(self.lines):
            line = self.lines[at]
            while column < len(line):
                if line[column] == "\\":
                    column += 2
                elif line.startswith(quote, column):
                    return at, column + len(quote)
                else:
                    column += 1
            # A string in single quotes ends with its line, unless a backslash continues it.
            if len(quote) == 1 and not (column > len(line) and at + 1 < len(self.lines)):
                return at, len(line)
            at, column = at + 1, 0
            self.inside_string.add(at)
        return len(self.lines) - 1, len(self.lines[-1])


def is_assignment(line: str, column: int) -> bool:
    """Whether a `=` assigns, and is not part of another operator."""
    before, after = line[column - 1 : column], line[column + 1 : column + 2]
    return after != "=" and before not in tuple("=<>!+-*/%&|^@:~")


def indented(text: str, by: str = "    ") -> str:
    """Indent Python code. Lines inside strings stay as they are, or the strings would change."""
    inside = Scan(text).inside_string
    lines = text.split("\n")
    return "\n".join(
        by + line if line.strip() and at not in inside else line for at, line in enumerate(lines)
    )


def dedented(text: str) -> str:
    """Remove the indentation of the first line from all lines, as IPython does."""
    first = re.match(r"[ \t]+", text)
    if not first:
        return text
    return "\n".join(line.removeprefix(first[0]) for line in text.split("\n"))


def literal(text: str) -> str:
    """Return Python code for a string, in lines that can be read where its characters allow it."""
    if "\n" not in text.rstrip("\n"):
        return repr(text)
    plain = f'"""\\\n{text}"""'
    printable = all(line.replace("\t", " ").isprintable() for line in text.split("\n"))
    if printable and "\\" not in text and '"""' not in text and not text.endswith('"'):
        return plain
    return "(\n    " + "\n    ".join(map(repr, text.splitlines(keepends=True))) + "\n)"


def commented(text: str) -> str:
    """Return text as comments. Python ends a line at a carriage return too, so we split there."""
    return "\n".join(f"# {harmless(line)}".rstrip() for line in text.splitlines() or [""])


def harmless(line: str) -> str:
    """Replace characters that Python refuses in a file, or that reorder what is displayed."""
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() or c in KEPT else "\N{REPLACEMENT CHARACTER}" for c in line)
