"""Break the code in places drawn by a seed, and count the breaks that each set of tests catches.

    python scripts/break_places.py list [--seed 1] [--places 30]
    python scripts/break_places.py run --table FILE [--whole] [--only 3,7] [--set check test slow]

A break is one small change in one function: a comparison is reversed, a number or a flag changed,
`and` becomes `or`, a sum becomes a difference, a returned value is dropped. The packages take
turns, so that all are covered; the seed draws the place and the kind of change within a package.

Every break is made in a copy of the working tree, and the tests run there. First come the tests of
the folder that mirrors the broken package, up to the first failure: most breaks are caught there.
What a set catches is caught by every larger set, which has the same tests and more. Tests that take
longer than an hour count as caught, because a break made them hang.
With --whole, the breaks that survive are then tried against the whole set of tests, all of them at
once: if every test passes, none of them is caught; if one fails, each half is tried by itself, and
so on. The results are written after every step, and a later run continues from them.
"""

import argparse
import ast
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
SETS = {
    "check": "not slow and not network and not gpu and not child",
    "test": "not slow and not network and not gpu",
    "slow": "not network and not gpu",
}
SMALLER = {"check": (), "test": ("check",), "slow": ("check", "test")}
HANG_SECONDS = 3600.0
# What pytest is given for a whole set: two workers, each with modules of its own.
WHOLE = ["-n", "2", "--dist", "loadfile", "tests"]
SOURCES = ("tools/fumehood_tools", "server/fumehood")
# Where a broken package is tested, unless it is tests/tools/<package>.
TESTS = {
    "fumehood": "tests/server",
    "doors": "tests/server",
    "wings": "tests/server",
    "redteam": "tests/redteam",
    "records": "tests/tools/records tests/tools/bench",
    "registry": "tests/tools/bench tests/server/test_one_value.py",
    "web": "tests/tools/papers",
    "page": "tests/tools/bench",
    "doctor": "tests/tools/test_doctor.py",
}
COMPARISONS = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
SUMS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult}


class Break(NamedTuple):
    """One change: the file, the line, what was there, what is there now."""

    file: str
    line: int
    column: int
    before: str
    after: str
    text: str
    """The whole file with the change."""

    @property
    def package(self) -> str:
        """The package that was broken, by the name of its folder."""
        return Path(self.file).parent.name


def changes(node: ast.AST) -> ast.AST | None:
    """Return the node that takes this one's place, or None where nothing is changed."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
        turned = COMPARISONS[type(node.ops[0])]()
        return ast.Compare(node.left, [turned, *node.ops[1:]], node.comparators)
    if isinstance(node, ast.BoolOp):
        return ast.BoolOp(ast.And() if isinstance(node.op, ast.Or) else ast.Or(), node.values)
    if isinstance(node, ast.BinOp) and type(node.op) in SUMS and not _is_text(node):
        return ast.BinOp(node.left, SUMS[type(node.op)](), node.right)
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return ast.Constant(node.value + 1)
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        return ast.Constant(not node.value)
    if isinstance(node, ast.Return) and node.value is not None:
        return ast.Return(ast.Constant(None))
    return None


def _is_text(node: ast.BinOp) -> bool:
    return any(
        isinstance(side, ast.JoinedStr)
        or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in (node.left, node.right)
    )


def breaks_in(path: Path) -> Iterator[Break]:
    """Yield every break of a file: within functions, one line at most, and still Python."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    for function in ast.walk(ast.parse(text)):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in (inner for statement in function.body for inner in ast.walk(statement)):
            changed = changes(node)
            one_line = getattr(node, "lineno", 0) == getattr(node, "end_lineno", -1)
            if changed is None or not one_line:
                continue
            assert isinstance(node, ast.expr | ast.stmt) and node.end_col_offset is not None
            line = lines[node.lineno - 1].encode()
            start, end = node.col_offset, node.end_col_offset
            after = ast.unparse(ast.fix_missing_locations(changed))
            if isinstance(changed, ast.expr) and not isinstance(changed, ast.Constant):
                after = f"({after})"
            new = line[:start] + after.encode() + line[end:]
            whole = [*lines[: node.lineno - 1], new.decode(), *lines[node.lineno :]]
            place = (str(path.relative_to(ROOT)), node.lineno, start)
            yield Break(*place, line[start:end].decode(), after, "".join(whole))


def draw(seed: int, places: int) -> list[Break]:
    """Return breaks drawn by the seed, the packages in turn, at most one per function line."""
    by_package: dict[Path, list[Break]] = {}
    for source in SOURCES:
        for path in sorted((ROOT / source).rglob("*.py")):
            package = ROOT / Path(*path.relative_to(ROOT).parts[:3])
            key = package if package.is_dir() else path.parent
            by_package.setdefault(key, []).extend(breaks_in(path))
    chance = random.Random(seed)
    packages = sorted(key for key, found in by_package.items() if found)
    chance.shuffle(packages)
    drawn: list[Break] = []
    while len(drawn) < places:
        for package in packages:
            one = chance.choice(by_package[package])
            if _compiles(one) and (one.file, one.line) not in {(b.file, b.line) for b in drawn}:
                drawn.append(one)
    return drawn[:places]


def _compiles(one: Break) -> bool:
    try:
        compile(one.text, one.file, "exec")
    except SyntaxError:
        return False
    return True


def near(one: Break) -> list[str]:
    """Return the folders of tests that mirror the broken package."""
    parts = Path(one.file).parts
    package = parts[2] if len(parts) > 3 else parts[1]
    named = TESTS.get(package, f"tests/tools/{package}").split()
    return [name for name in named if (ROOT / name).exists()] or ["tests/tools"]


class Copy:
    """A copy of the working tree in which breaks are made and tests are run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        tracked = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, check=True
        ).stdout
        for name in tracked.decode().split("\0"):
            if name and (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)

    def fails(self, broken: list[Break], tests: list[str], chosen: str) -> str:
        """Return the first test that fails with these breaks; "" where all pass."""
        for one in broken:
            (self.folder / one.file).write_text(one.text, encoding="utf-8")
        try:
            return self._first_failure(tests, chosen)
        finally:
            for one in broken:
                shutil.copy2(ROOT / one.file, self.folder / one.file)

    def _first_failure(self, tests: list[str], chosen: str) -> str:
        folders = [str(self.folder / name) for name in ("server", "tools")]
        with subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", "-x", "-m", SETS[chosen], *(tests or WHOLE)],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(folders)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as running:
            try:
                printed, _ = running.communicate(timeout=HANG_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                return f"tests hang for over {HANG_SECONDS:.0f} s"
        # 5: no test of these files belongs to the set.
        if running.returncode in (0, 5):
            return ""
        failed = [line for line in printed.splitlines() if line.startswith(("FAILED", "ERROR"))]
        return failed[0][:200] if failed else f"pytest exits with {running.returncode}"


def survivors(copy: Copy, broken: list[Break], chosen: str) -> dict[int, str]:
    """Return what the whole set of tests finds of breaks that their own tests let pass."""
    if not broken:
        return {}
    failed = copy.fails(broken, [], chosen)
    if not failed or len(broken) == 1:
        return dict.fromkeys(range(len(broken)), failed)
    half = len(broken) // 2
    first = survivors(copy, broken[:half], chosen)
    second = survivors(copy, broken[half:], chosen)
    return {**first, **{number + half: said for number, said in second.items()}}


def run(options: argparse.Namespace) -> None:
    """Try every break against every set that was asked for; write the table after each."""
    table = Path(options.table)
    known = json.loads(table.read_text(encoding="utf-8")) if table.is_file() else {}
    drawn = draw(options.seed, options.places)
    wanted = [int(word) for word in options.only.split(",") if word] or range(len(drawn))
    with tempfile.TemporaryDirectory() as name:
        copy = Copy(Path(name))
        for chosen in options.set:
            left = []
            for number in wanted:
                one, key = drawn[number], f"{chosen} {number}"
                smaller = [known.get(f"{name} {number}") for name in SMALLER[chosen]]
                if caught := next(filter(None, smaller), None):
                    known[key] = caught
                elif key not in known or options.force:
                    known[key] = copy.fails([one], near(one), chosen)
                    table.write_text(json.dumps(known, indent=1), encoding="utf-8")
                print(f"{key:10} {one.file}:{one.line} {known[key] or 'survives'}", flush=True)
                if not known[key]:
                    left.append(number)
            if options.whole:
                found = survivors(copy, [drawn[number] for number in left], chosen)
                known |= {f"{chosen} {left[place]}": said for place, said in found.items()}
                table.write_text(json.dumps(known, indent=1), encoding="utf-8")
            total = sum(bool(known[f"{chosen} {number}"]) for number in wanted)
            print(f"{chosen}: {total} of {len(wanted)} caught", flush=True)


def main() -> None:
    """Show the breaks, or try them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=["list", "run"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--places", type=int, default=30)
    parser.add_argument("--only", default="", help="numbers of breaks, by commas")
    parser.add_argument("--set", nargs="+", choices=[*SETS], default=["check", "test"])
    parser.add_argument("--table", default="breaks.json", help="where the results go")
    parser.add_argument("--whole", action="store_true", help="ask the whole set about survivors")
    parser.add_argument("--force", action="store_true", help="try again what has a result")
    options = parser.parse_args()
    if options.what == "run":
        run(options)
        return
    for number, one in enumerate(draw(options.seed, options.places)):
        print(f"{number:3} {one.file}:{one.line}  {one.before}  ->  {one.after}")


if __name__ == "__main__":
    main()
