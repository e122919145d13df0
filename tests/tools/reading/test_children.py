"""A reader that hangs, dies, swells or lies harms nobody but itself."""

import json
import sys
import time
from pathlib import Path

import psutil
import pytest

from fumehood_tools.errors import Unreadable
from fumehood_tools.reading.children import ask_child

READ = "import sys, json; request = json.load(sys.stdin); "


def _ask(script: str, *, seconds: float = 20, memory: int = 10**9, **request: object) -> bytes:
    return ask_child(
        "none",
        request,
        what="a.pdf",
        seconds=seconds,
        memory=memory,
        command=[sys.executable, "-c", READ + script],
    )


def test_a_reader_gets_its_request_and_its_answer_comes_back() -> None:
    got = _ask("open(request['out'], 'w').write(request['name'] * 2)", name="ab")
    assert got == b"abab"


def test_progress_is_told_page_by_page() -> None:
    told: list[tuple[int, int]] = []
    ask_child(
        "none",
        {},
        what="a.pdf",
        seconds=20,
        memory=10**9,
        on_page=lambda done, total: told.append((done, total)),
        command=[
            sys.executable,
            "-c",
            READ
            + "[print('page', n, 3, flush=True) for n in (1, 2, 3)]; open(request['out'], 'w')",
        ],
    )
    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("import os; os.kill(os.getpid(), 11)", "died .signal 11"),
        ("sys.exit(3)", "died .exit 3"),
        ("raise ValueError('odd file')", "odd file"),
        ("pass", "died .exit 0"),
        ("print('error It needs a password.')", "^It needs a password.$"),
        ("import time; time.sleep(600)", "took over 1 s"),
        ("import os\nwhile True: print('page 1 2')", "took over 1 s"),
        ("held = bytearray(300_000_000); import time; time.sleep(600)", "GB of memory"),
    ],
)
def test_whatever_goes_wrong_is_a_clear_error(script: str, message: str) -> None:
    seconds, memory = (20, 200_000_000) if "bytearray" in script else (1, 10**9)
    if "died" in message or "odd" in message or "error" in script:
        seconds = 20
    with pytest.raises(Unreadable, match=message):
        _ask(script, seconds=seconds, memory=memory)


def test_nothing_it_started_outlives_it(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = (
        "import subprocess, time; child = subprocess.Popen(['sleep', '600']); "
        f"open({str(note)!r}, 'w').write(str(child.pid)); time.sleep(600)"
    )
    with pytest.raises(Unreadable):
        _ask(script, seconds=2)
    pid = int(note.read_text(encoding="utf-8"))
    end = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end


@pytest.mark.parametrize(("end", "said"), [("", "took over 2 s"), ("sys.exit(3)", "exit 3")])
def test_a_grandchild_that_holds_its_pipes_delays_nothing(
    tmp_path: Path, end: str, said: str
) -> None:
    note = tmp_path / "pid"
    script = (
        "import subprocess, time; "
        "child = subprocess.Popen(['sleep', '600'], start_new_session=True); "
        f"open({str(note)!r}, 'w').write(str(child.pid)); {end or 'time.sleep(600)'}"
    )
    began = time.monotonic()
    with pytest.raises(Unreadable, match=said):
        _ask(script, seconds=2)
    assert time.monotonic() - began < 10
    psutil.Process(int(note.read_text(encoding="utf-8"))).kill()


def test_a_secret_of_the_request_stands_in_no_command_line() -> None:
    script = (
        "import psutil; "
        "open(request['out'], 'w').write(json.dumps([psutil.Process().cmdline(), request]))"
    )
    line, request = json.loads(_ask(script, password="open sesame"))
    assert request["password"] == "open sesame"
    assert "open sesame" not in " ".join(line)
