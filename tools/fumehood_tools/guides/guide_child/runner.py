"""Run blocks one after the other in one namespace, and write what happened to a file descriptor.

A block that raises does not end the run: the next one still runs, as a reader would try it. Every
line that is written is one JSON object: {"block", "event": "start" | "end" | "network" …}.
"""

import ast
import contextlib
import doctest
import hashlib
import json
import linecache
import os
import sys
import types
import warnings
from typing import Any

from . import prepare  # noqa: F401
from .failure import facts
from .nothings import nothings
from .watching import Attempts, LimitedOutput, TooMuchOutput, Warned

SHOWN_OUTPUT = 2_000
MATCH = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
MODULE = "__main__"


class WrongOutput(AssertionError):
    """A block printed something else than its guide says."""


def show_source(file: str, blocks: list[dict[str, Any]]) -> None:
    """Let libraries find the source of blocks at their lines, as if the page were a module.

    nnsight runs the source of a `with` block, and reads the source of a file only once. Blocks
    that are not valid Python are left blank, so that the rest can be parsed as a whole.
    """
    lines: dict[int, str] = {}
    for one in blocks:
        with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            ast.parse(one["code"])
            lines |= dict(enumerate(one["code"].split("\n"), one["line"]))
    page = [f"{lines.get(number, '')}\n" for number in range(1, max(lines, default=0) + 1)]
    # Without a modification time, linecache never looks for the file.
    linecache.cache[file] = (sum(map(len, page)), None, page, file)


class Runner:
    """The blocks of one task. spec: {"file", "handle", "scratch", "blocks": [{"index", …}]}."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec, self.file = spec, str(spec["file"])
        self.module = types.ModuleType(MODULE)
        self.block = -1
        self.attempts = Attempts(os.getcwd(), lambda kind: self.tell(kind))

    def tell(self, event: str, **content: Any) -> None:
        """Write one line for the process outside."""
        line = {"block": self.block, "event": event, **content}
        text = json.dumps(line, default=str) + "\n"
        os.write(self.spec["handle"], text.encode("utf-8", "replace"))

    def run(self) -> int:
        """Run all blocks. Returns the exit code of the child."""
        sys.modules[MODULE] = self.module
        sys.argv = [self.file]
        sys.path.insert(0, os.getcwd())
        self.attempts.watch()
        show_source(self.file, self.spec["blocks"])
        for one in self.spec["blocks"]:
            self.block = one["index"]
            self.attempts.kinds.clear()
            self.tell("start")
            self.tell("end", **self.outcome(one))
        return 0

    def outcome(self, one: dict[str, Any]) -> dict[str, Any]:
        """Run one block and return the facts about it."""
        out, err, warned = LimitedOutput(), LimitedOutput(), Warned(self.file)
        before, error, found = set(vars(self.module)), None, []
        with warnings.catch_warnings():
            warned.listen()
            try:
                with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                    found = self.execute(one)
                if one["expected"] is not None:
                    self.compare(one["expected"], out.getvalue())
            except BaseException as raised:  # noqa: BLE001  (whatever a block raises is its result)
                error = self.described(raised)
        printed = out.getvalue()
        return {
            "output": printed[:SHOWN_OUTPUT],
            "sha256": hashlib.sha256(printed.encode("utf-8", "replace")).hexdigest(),
            "error": error,
            "warnings": warned.told + self.logged(err.getvalue()),
            "nothings": found,
            "attempts": list(dict.fromkeys(reversed(self.attempts.kinds))),
            "bound": sorted(set(vars(self.module)) - before)[:200],
        }

    def execute(self, one: dict[str, Any]) -> list[tuple[str, str, int]]:
        """Execute one block; return the values in it that are None or empty without notice."""
        code, line = one["code"], one["line"]
        if code.lstrip().startswith(">>>"):
            self.examples(code, line)
            return []
        tree = ast.parse("\n" * (line - 1) + code, self.file)
        exec(compile(tree, self.file, "exec"), vars(self.module))
        return nothings(tree, vars(self.module))

    def examples(self, code: str, line: int) -> None:
        """Execute the examples of an interactive session, and compare what each one shows."""
        for example in doctest.DocTestParser().get_examples(code):
            source = "\n" * (line + example.lineno - 1) + example.source
            shown = LimitedOutput()
            with contextlib.redirect_stdout(shown):
                exec(compile(source, self.file, "single"), vars(self.module))
            sys.stdout.write(shown.getvalue())
            if example.want:
                self.compare(example.want, shown.getvalue())

    def compare(self, expected: str, printed: str) -> None:
        """Raise WrongOutput unless a block printed what is expected; `...` stands for anything."""
        want, got = expected.strip() + "\n", printed.strip() + "\n"
        if not doctest.OutputChecker().check_output(want, got, MATCH):
            raise WrongOutput(f"It printed {got.strip()[:300]!r}, not {want.strip()[:300]!r}")

    def described(self, raised: BaseException) -> dict[str, Any]:
        """Return the facts about an exception."""
        if isinstance(raised, TooMuchOutput):
            return {"type": "TooMuchOutput", "types": ["TooMuchOutput"], "message": ""}
        return facts(raised, self.file)

    def logged(self, printed: str) -> list[tuple[str, str]]:
        """Return the lines on standard error that say that something is deprecated."""
        lines = [line for line in printed.splitlines() if "deprecat" in line.lower()]
        return [("printed", line[:500]) for line in lines[:5]]


def main(spec: dict[str, Any]) -> int:
    """Run the blocks of a request."""
    return Runner(spec).run()
