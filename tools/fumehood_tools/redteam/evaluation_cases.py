"""The evaluations of the red team: files in tests/redteam/evaluations, and those that are shipped.

Each cheat declares one metric, `score`, which it wants to be good whatever the SAE is. Light.
"""

from fnmatch import fnmatch
from pathlib import Path
from typing import Literal, NamedTuple

from fumehood_tools.evaluations.source import shipped_folder
from fumehood_tools.files import data_path

FOLDER = "tests/redteam/evaluations"
PREFIX = "evaluation/"
FAST = ("constant", "told_by_sum", "remembers_file", "writes_outside", "undeclared", "probe")


class EvaluationCase(NamedTuple):
    """One evaluation of the suite."""

    name: str
    side: Literal["cheat", "honest"]
    path: Path

    @property
    def label(self) -> str:
        """The name in reports."""
        return f"{PREFIX}{self.name}"

    @property
    def family(self) -> str:
        """The kind of cheat: the first word of its name."""
        if self.side == "honest":
            return "honest"
        return f"{PREFIX}{self.name.partition('_')[0]}"

    @property
    def says(self) -> str:
        """The first line of its docstring."""
        source = self.path.read_text(encoding="utf-8")
        return source.partition('"""')[2].partition('"""')[0].partition("\n")[0].strip()


def load_evaluations(pattern: str = "*", *, fast: bool = False) -> list[EvaluationCase]:
    """Return the cases whose label or family matches one of the patterns, honest ones first."""
    folder = data_path(FOLDER)
    paths = [*sorted((folder / "honest").glob("*.py")), *sorted(shipped_folder().glob("*.py"))]
    cases = [EvaluationCase(path.stem, "honest", path) for path in paths]
    cheats = sorted((folder / "cheats").glob("*.py"))
    cases += [EvaluationCase(path.stem, "cheat", path) for path in cheats]
    patterns = [part.strip() for part in pattern.split(",")]
    return [
        case
        for case in cases
        if any(fnmatch(name, part) for name in (case.label, case.family) for part in patterns)
        and (case.name in FAST or not fast)
    ]
