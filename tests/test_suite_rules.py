"""The rules of the suite: who may skip, who may start a process, and that no test reads a clock."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.child

TESTS = Path(__file__).parent
CLOCKS = ("time", "monotonic", "perf_counter", "process_time", "thread_time")


def outcome(folder: Path, source: str, *options: str) -> str:
    """Return what pytest prints of a module with this source, run under the rules."""
    path = folder / "test_made.py"
    path.write_text(source, encoding="utf-8")
    (folder / "pytest.ini").write_text(
        "[pytest]\nmarkers = child\n  slow\n  plain\n", encoding="utf-8"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "suite_rules", "-q", *options, str(path)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=100,
        check=False,
    )
    return done.stdout


@pytest.mark.child
@pytest.mark.parametrize(
    ("reason", "counted"),
    [("needs CUDA", "1 skipped"), ("no time for it", "1 failed"), ("", "1 failed")],
)
def test_only_a_listed_reason_skips_a_test(tmp_path: Path, reason: str, counted: str) -> None:
    source = f"import pytest\n\ndef test_it():\n    pytest.skip({reason!r})\n"
    assert counted in outcome(tmp_path, source)


@pytest.mark.child
def test_a_module_may_not_skip_itself_for_another_reason(tmp_path: Path) -> None:
    source = "import pytest\n\npytest.importorskip('no_such_package_at_all')\n"
    assert "1 error" in outcome(tmp_path, source)


@pytest.mark.child
@pytest.mark.parametrize(
    ("mark", "counted"), [("child", "1 passed"), ("slow", "1 passed"), ("plain", "1 failed")]
)
def test_a_test_that_starts_a_process_says_so(tmp_path: Path, mark: str, counted: str) -> None:
    source = (
        "import subprocess, sys, pytest\n\n"
        f"@pytest.mark.{mark}\n"
        "def test_it():\n    subprocess.run([sys.executable, '-c', 'pass'], check=True)\n"
    )
    assert counted in outcome(tmp_path, source)


@pytest.mark.child
def test_a_process_of_a_shared_fixture_counts_too(tmp_path: Path) -> None:
    source = (
        "import subprocess, sys, pytest\n\n"
        "@pytest.fixture\n"
        "def started():\n    subprocess.run([sys.executable, '-c', 'pass'], check=True)\n\n"
        "def test_it(started):\n    pass\n"
    )
    assert "not marked" in outcome(tmp_path, source)


@pytest.mark.child
def test_a_test_that_hangs_is_ended_with_its_stack(tmp_path: Path) -> None:
    source = (
        "import threading, pytest\n\n"
        "@pytest.mark.timeout(1)\n"
        "def test_it():\n    threading.Event().wait()\n"
    )
    printed = outcome(tmp_path, source)
    assert "1 failed" in printed and "Timeout" in printed and "threading.Event().wait()" in printed


def reads_a_clock(node: ast.AST) -> bool:
    """Return whether an expression calls a clock of the module `time`."""
    return any(
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in CLOCKS
        and ast.unparse(call.func.value) == "time"
        for call in ast.walk(node)
    )


def judges_by_the_clock(function: ast.AST) -> bool:
    """Return whether an assertion compares how long something took with a number.

    A bounded wait, `assert time.monotonic() < end`, is none: it compares no difference.
    """
    took = {
        target.id
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.BinOp)
        and isinstance(node.value.op, ast.Sub)
        and reads_a_clock(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(function):
        if not isinstance(node, ast.Assert):
            continue
        for part in ast.walk(node.test):
            if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Sub) and reads_a_clock(part):
                return True
            if isinstance(part, ast.Name) and part.id in took:
                return True
    return False


def test_no_assertion_reads_a_clock() -> None:
    found = {
        path.relative_to(TESTS).as_posix()
        for path in TESTS.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and judges_by_the_clock(node)
    }
    assert not found


def test_no_test_reads_a_file_outside_the_repository() -> None:
    outside = [
        path.relative_to(TESTS).as_posix()
        for path in TESTS.rglob("*.py")
        if path != Path(__file__) and "ROOT.parent" in path.read_text(encoding="utf-8")
    ]
    assert not outside


BESIDE = TESTS.parent / "scripts" / "beside.sh"


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [("exit 0", "exit 0", 0), ("exit 3", "exit 0", 3), ("exit 0", "exit 4", 4)],
)
def test_two_commands_run_beside_each_other_and_fail_if_either_fails(
    first: str, second: str, code: int
) -> None:
    beside = ["sh", str(BESIDE), f"echo one; {first}", "sh", "-c", f"echo two; {second}"]
    done = subprocess.run(beside, stdout=subprocess.PIPE, text=True, timeout=100, check=False)
    assert done.returncode == code
    assert done.stdout == "two\none\n"
