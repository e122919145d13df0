"""Turn a cell that starts with `%%magic` into Python.

The body of some magics is Python, which is then carried over like any other cell, inside a block or
not. The body of others becomes a string, as data for a program or a file. Everything else is kept
as comments: a body of unknown kind is never taken as Python.
"""

import re
import shlex
from typing import NamedTuple

from fumehood_tools.notebooks import line_magics
from fumehood_tools.notebooks.lexing import literal

SHELLS = frozenset(["bash", "sh", "script", "perl", "ruby", "pypy", "python", "python2", "python3"])
DRAWN = frozenset(["html", "HTML", "svg", "SVG", "latex", "markdown", "javascript", "js"])
# Their body is Python, and what they add to it cannot be had in a script.
WRAPPED = frozenset(
    ["prun", "memit", "snakeviz", "pyinstrument", "scalene", "wandb", "debug", "notify"]
)
IDLE = frozenset(["false", "true", "echo", ":"])
SKIPPED = "the notebook skips this cell"


class Body(NamedTuple):
    """What becomes of a cell.

    code: Python instead of the cell. python: the body is Python that is to be carried over, inside
    the block `opens` if there is one. shown: the value of its last expression is printed. why: the
    reason why the first line (if python or code) or all of it is not carried over.
    """

    code: str | None = None
    python: bool = False
    opens: str = ""
    shown: bool = True
    why: str | None = None


def cell_magic(first_line: str, body: str) -> Body:
    """Say what becomes of a cell. body: its text without the first line."""
    name, _, line = first_line.removeprefix("%%").strip().partition(" ")
    line = line.strip()
    if name.endswith("?"):
        return Body(why=line_magics.HELP)
    if name in ("!", "sx", "system"):
        carried = line_magics.shell(f"{line}\n{body}".strip(), keep=True)
        return Body(carried.expression, why=carried.why)
    if name in SHELLS:
        return _program(name, line, body)
    if name in ("writefile", "file"):
        return _file(line, body)
    if name == "time":
        return Body(python=True, opens="with _NbTimed():")
    if name == "timeit":
        carried = line_magics.timeit_call(line, body)
        return Body(carried.expression or carried.statements, why=carried.why)
    if name == "capture":
        return _capture(line)
    if name in WRAPPED:
        return Body(python=True, why=line_magics.PROFILE)
    if name in ("skip", "ignore"):
        return Body(why=SKIPPED)
    return Body(why=line_magics.DISPLAY if name in DRAWN else line_magics.UNKNOWN)


def _program(name: str, line: str, body: str) -> Body:
    may_fail = "--no-raise-error" in line.split()
    line = re.sub(r"(^|\s)--(no-)?raise-error(?=\s|$)", " ", line).strip()
    if re.search(r"(^|\s)--(out|err|bg|proc|pid)\b", line):
        return Body(why="it has options that a script has no equivalent for")
    program = line if name == "script" else f"{name} {line}".strip()
    try:
        words = shlex.split(program)
    except ValueError:
        words = []
    if not words:
        return Body(why="it names no program")
    if words[0] in IDLE:
        return Body(why=SKIPPED)
    if line_magics.installs(body):
        return Body(why=line_magics.INSTALLS)
    more = ", may_fail=True" if may_fail else ""
    return Body(f"_nb_script({line_magics.filled(program)}, {literal(body)}{more})")


def _file(line: str, body: str) -> Body:
    append = re.match(r"(-a|--append)\s+", line)
    path = (line[append.end() :] if append else line).strip().strip("\"'")
    if not path:
        return Body(why="it names no file")
    more = ", append=True" if append else ""
    return Body(f"_nb_write_file({line_magics.filled(path)}, {literal(body)}{more})")


def _capture(line: str) -> Body:
    words = line.split()
    known = {"--no-stdout": "stdout=False", "--no-stderr": "stderr=False", "--no-display": ""}
    names = [word for word in words if not word.startswith("-")]
    if len(names) > 1 or any(word not in known for word in words if word.startswith("-")):
        return Body(why="it has options that are not known")
    if names and not names[0].isidentifier():
        return Body(why="it names no variable")
    given = ", ".join(known[word] for word in words if known.get(word))
    named = f" as {names[0]}" if names else ""
    return Body(python=True, opens=f"with _NbCapture({given}){named}:", shown=False)
