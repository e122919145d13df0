"""A LineChild never blocks its caller, has a limit on silence, and ends with its `with` block."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from fumehood_tools.children import ChildEnded, LineChild
from fumehood_tools.errors import RunFailed

Start = Callable[..., LineChild]
# Far longer than any answer in these tests takes.
LONG = 60.0
ECHO = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)\n"
DEAF = "import time\nprint('{\"up\": 1}', flush=True)\ntime.sleep(600)\n"


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Return a function that starts a child with the given Python code."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def start_code(code: str, **options: Any) -> LineChild:
        (tmp_path / "stand_in.py").write_text(code, encoding="utf-8")
        return LineChild("stand_in", **options)

    return start_code


def answers(child: LineChild, count: int) -> list[Any]:
    found: list[Any] = []
    while len(found) < count:
        found += child.receive(1.0, patience=LONG)
    return found


def test_a_child_answers_line_by_line(start: Start) -> None:
    with start(ECHO) as child:
        for number in range(3):
            child.send(f'{{"number": {number}}}')
        assert answers(child, 3) == [{"number": 0}, {"number": 1}, {"number": 2}]


def test_what_a_child_does_not_take_yet_does_not_hold_up_who_sends_it(start: Start) -> None:
    much = '"' + "x" * 300_000 + '"'
    late = "import sys\nsys.stdin.readline()\nprint(1, flush=True)\n" + ECHO
    with start(late) as child:
        for _ in range(4):
            child.send(much)
        found = answers(child, 4)
    assert found[0] == 1 and [len(line) for line in found[1:]] == [300_000] * 3


def test_a_child_that_owes_an_answer_and_falls_silent_is_given_up(start: Start) -> None:
    with start(DEAF, remedy="Plant more moss.") as child:
        assert answers(child, 1) == [{"up": 1}]
        child.send("1")
        assert child.receive(0.0) == []
        with pytest.raises(RunFailed, match="sent nothing for 0 min.* Plant more moss"):
            child.receive(0.0, patience=0.0)


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL)],
)
def test_a_child_that_ends_early_is_told_with_its_exit_code(
    start: Start, code: str, exit_code: int
) -> None:
    with start(code) as child, pytest.raises(ChildEnded, match="ended early") as ended:
        answers(child, 1)
    assert ended.value.exit_code == exit_code


def test_an_answer_that_is_not_json_is_a_typed_failure(start: Start) -> None:
    with (
        start("print('moss', flush=True)\n" + ECHO) as child,
        pytest.raises(RunFailed, match="not JSON"),
    ):
        answers(child, 1)


@pytest.mark.parametrize("session", [False, True])
def test_leaving_the_block_ends_a_child_that_does_not_heed(start: Start, session: bool) -> None:
    deaf = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{DEAF}"
    with start(deaf, session=session, grace=0.2) as child:
        answers(child, 1)
        assert psutil.Process(child.process.pid).is_running()
    assert child.process.returncode == -signal.SIGKILL


def test_a_session_ends_as_a_whole(start: Start) -> None:
    code = f"import subprocess\nprint(subprocess.Popen(['sleep', '600']).pid, flush=True)\n{ECHO}"
    with start(code, session=True) as child:
        [pid] = answers(child, 1)
        grandchild = psutil.Process(pid)
    psutil.wait_procs([grandchild], timeout=LONG)
    assert not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE
