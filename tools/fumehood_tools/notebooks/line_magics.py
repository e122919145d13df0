"""Turn one command of IPython into Python: `%magic`, `!command`, `?name`, `/f x`, `,f x`, `;f x`.

A command becomes a `Carried`: an expression, or statements, or a reason why it is neither. Text of
the notebook gets into the script only as a string literal, or as Python that is compiled before the
script is returned. Nothing is run here, and `{expression}` and `$name` are filled in by the script.
"""

import ast
import re
from collections.abc import Callable
from typing import NamedTuple

from fumehood_tools.notebooks.lexing import indented

DISPLAY = "it sets up the display of a notebook"
EXTENSION = "it loads an extension of IPython"
INSTALLS = "it installs software: do that before, in an environment for this script"
SESSION = "it is about the session of a notebook"
PROFILE = "a profile is not made, and the code runs without"
HELP = "it shows help in a notebook"
BACKGROUND = "it starts a process in the background, which a notebook refuses too"
UNKNOWN = "it is a magic that plain Python has no equivalent for"
NOT_PYTHON = "the code in it does not compile"

REASONS = {
    name: reason
    for names, reason in (
        ("matplotlib config precision colors xmode gui pprint", DISPLAY),
        ("load_ext reload_ext unload_ext autoreload aimport", EXTENSION),
        ("pip conda mamba micromamba uv", INSTALLS),
        (
            "who who_ls whos history hist store reset reset_selective xdel save recall rerun rep "
            "macro logstart logstop logon logoff logstate debug pdb tb page lsmagic magic "
            "quickref alias alias_magic unalias rehashx bookmark edit load loadpy notebook "
            "connect_info qtconsole doctest_mode killbgscripts automagic autocall dhist dirs "
            "pushd popd autosave clear cls pastebin code_wrap subshell",
            SESSION,
        ),
        ("pinfo pinfo2 pdoc pdef psource pfile psearch", HELP),
    )
    for name in names.split()
}
# Commands that IPython has as magics, on Linux and macOS.
ALIASES = frozenset(
    [
        "ls",
        "ll",
        "lf",
        "lk",
        "ldir",
        "lx",
        "cat",
        "cp",
        "mv",
        "rm",
        "rmdir",
        "mkdir",
        "man",
        "more",
        "less",
    ]
)
# What is a magic also without `%`, in a cell of a single line.
BARE = (
    frozenset(["cd", "pwd", "env", "time", "timeit", "run", "pip", "conda"])
    | ALIASES
    | REASONS.keys()
)
INSTALLING = re.compile(
    r"(?:^|&&|;|\|\|)\s*(?:sudo\s+)?(?:\S*python[\d.]*\s+-m\s+|\{?sys\.executable\}?\s+-m\s+)?"
    r"(?:uv\s+)?(?:pip[\d.]*|conda|mamba|micromamba|apt|apt-get|brew|npm)\s+"
    r"(?:-\S+\s+)*(?:install|uninstall|update|upgrade|add)\b"
)
# The time of these searches grows with the square of the length.
MOST_SEARCHED = 2000
OLD_CALL = re.compile(
    r"get_ipython\(\)\.(system|getoutput|magic|run_line_magic)\((.*)\)[ \t]*;?[ \t]*\Z", re.S
)


class Carried(NamedTuple):
    """What a command becomes. why: the reason why (a part of) it could not be carried over."""

    expression: str | None = None
    statements: str | None = None
    why: str | None = None


def filled(text: str) -> str:
    """Return code for a string into which the script fills values."""
    return f"_nb_fill({text!r}, locals())" if "{" in text or "$" in text else repr(text)


def compiles(code: str, mode: str = "exec") -> bool:
    """Whether this is Python; `await` is allowed."""
    try:
        compile(code, "<cell>", mode, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError, MemoryError, RecursionError, OverflowError):
        return False
    return True


def installs(command: str) -> bool:
    """Whether a command of the shell, or one of its lines, installs software."""
    return any(INSTALLING.search(line[:MOST_SEARCHED]) for line in command.split("\n"))


def shell(command: str, keep: bool = False) -> Carried:
    """Carry over `!command`. keep: its output is a value."""
    command = command.strip()
    if installs(command):
        return Carried(why=INSTALLS)
    if not command:
        return Carried(why="the command is empty")
    if command.endswith("&") and not command.endswith("&&"):
        return Carried(why=BACKGROUND)
    return Carried(f"{'_nb_output' if keep else '_nb_shell'}({filled(command)})")


def command(text: str, keep: bool = False) -> Carried:
    """Carry over a line that starts with one of IPython's characters. keep: it is assigned."""
    first, rest = text[0], text[1:]
    if first == "?" or (first == "%" and text.rstrip(" ;").endswith("?")):
        return Carried(why=HELP)
    if text.startswith("!!"):
        return shell(text[2:], keep=True)
    if first == "!":
        return shell(rest, keep)
    if first == "%":
        name, _, line = rest.strip().partition(" ")
        return magic(name, line.strip())
    name, _, line = rest.strip().partition(" ")
    words = line.split()
    values = words if first == "/" else map(repr, words) if first == "," else [repr(line)]
    code = f"{name}({', '.join(values)})"
    return Carried(code) if compiles(code, "eval") else Carried(why=NOT_PYTHON)


def old_call(code: str) -> Carried | None:
    """Carry over `get_ipython().system("…")` and its like, which nbconvert writes."""
    found = OLD_CALL.match(code)
    if not found:
        return None
    try:
        values = ast.literal_eval(f"({found[2]},)")
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        return None
    if not values or not all(isinstance(one, str) for one in values):
        return None
    line = " ".join(values)
    if found[1] in ("system", "getoutput"):
        return shell(line, keep=found[1] == "getoutput")
    return command("%" + line.lstrip("%"))


def magic(name: str, line: str) -> Carried:
    """Carry over `%name line`."""
    if name in MAGICS:
        return MAGICS[name](line)
    if name in ALIASES:
        return shell(f"{name} {line}")
    return Carried(why=REASONS.get(name, UNKNOWN))


def options(line: str, with_value: str, without: str = "") -> tuple[dict[str, str], str] | None:
    """Split `-n 5 -q code` into the options and the rest, or return None for an unknown option."""
    found: dict[str, str] = {}
    if len(line) > MOST_SEARCHED:
        return None
    while opened := re.match(r"-([A-Za-z])(?:\s+|$)?", line):
        letter, line = opened[1], line[opened.end() :]
        if letter in without:
            found[letter] = ""
        elif letter in with_value and (value := re.match(r"\s*(\S+)\s*", line)):
            found[letter], line = value[1], line[value.end() :]
        else:
            return None
    return found, line.strip()


def _time(line: str) -> Carried:
    line = re.sub(r"^(--no-raise-error\s+)", "", line)
    if not line:
        return Carried(why="there is nothing to time")
    if "await" not in line and compiles(line, "eval"):
        return Carried(f"_nb_timed(lambda: {line.strip(' ;')})")
    if compiles(line):
        return Carried(statements=f"with _NbTimed():\n{indented(line)}")
    return Carried(why=NOT_PYTHON)


def timeit_call(line: str, cell: str | None = None) -> Carried:
    """Carry over `%timeit [options] code`, and `%%timeit [options] setup` with the cell's code."""
    found = options(line, "nrp", "tcqov")
    if found is None:
        return Carried(why="it has options that are not known")
    chosen, code = found
    setup = ""
    if cell is not None:
        code, setup = cell, code
    if not code.strip() or "await " in code or not compiles(code) or not compiles(setup):
        return Carried(why=NOT_PYTHON)
    parts = [repr(code), "locals()"]
    parts += [f"setup={setup!r}"] if setup else []
    for letter, word in (("n", "number"), ("r", "repeat")):
        if letter in chosen:
            if not re.fullmatch(r"[1-9]\d{0,8}", chosen[letter]):
                return Carried(why="it has options that are not known")
            parts.append(f"{word}={chosen[letter]}")
    parts += ["quiet=True"] if "q" in chosen else []
    call = f"_nb_timeit({', '.join(parts)})"
    # Only `-o` makes the result a value; otherwise a cell that ends with it shows none.
    return Carried(call) if "o" in chosen else Carried(statements=call + ";")


def _profiled(with_value: str, without: str) -> Callable[[str], Carried]:
    def carry(line: str) -> Carried:
        found = options(line, with_value, without)
        if found is None or not compiles(found[1]):
            return Carried(why=NOT_PYTHON)
        return Carried(statements=found[1] or "pass", why=PROFILE)

    return carry


def _cd(line: str) -> Carried:
    quiet = re.match(r"-q(\s+|$)", line)
    path = line[quiet.end() :] if quiet else line
    if path.startswith("-") and path != "-":
        return Carried(why=SESSION)
    path = path.strip("\"'")
    return Carried(f"_nb_cd({filled(path)}{', quiet=True' if quiet else ''})")


def _env(line: str) -> Carried:
    return Carried(f"_nb_env({filled(line)})")


def _run(line: str) -> Carried:
    mode = re.match(r"-([a-zA-Z]+)\s+", line)
    letter = mode[1] if mode else ""
    rest = line[mode.end() :] if mode else line
    file = rest.split(maxsplit=1)[0] if rest.strip() else ""
    if file.strip("\"'").endswith(".ipynb"):
        return Carried(why="it runs another notebook: convert that one too, and import its script")
    if not file or letter not in ("", "i", "m", "e"):
        return Carried(why="it has options that are not known")
    more = {"i": ", globals()", "m": ", module=True"}.get(letter, "")
    return Carried(f"_nb_run({filled(rest)}{more})")


def _pylab(line: str) -> Carried:
    names = (
        "import numpy\nimport matplotlib\nfrom matplotlib import mlab, pyplot, pylab\n"
        "np, plt = numpy, pyplot\nfrom pylab import *\nfrom numpy import *"
    )
    return Carried(statements=names, why=DISPLAY)


MAGICS: dict[str, Callable[[str], Carried]] = {
    "cd": _cd,
    "env": _env,
    "set_env": _env,
    "pwd": lambda line: Carried("_nb_pwd()"),
    "pylab": _pylab,
    "run": _run,
    "sx": lambda line: shell(line, keep=True),
    "system": lambda line: shell(line, keep=True),
    "time": _time,
    "timeit": timeit_call,
    "prun": _profiled("DlsTZz", "rq"),
    "memit": _profiled("rti", "co"),
    "lprun": _profiled("fmDTzu", "rs"),
    "mprun": _profiled("fT", "rc"),
}
