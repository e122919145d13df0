"""A child that hangs, crashes, uses too much memory or lies does not harm its caller."""

import json
import sys
from pathlib import Path

import psutil
import pytest
from fakes.processes import ends

from fumehood_tools.children import ChildTask, ask_once
from fumehood_tools.errors import FumehoodError, PartMissing, RunFailed, Unreadable

READ = "import sys, json; asked = json.load(sys.stdin); request, out = asked.values(); "
AFTER = "try another source of this paper"
MEMORY = 10**9
# Longer than any test may take. A test of the limit itself passes a short one.
LONG = 60.0
HANG = "import time; time.sleep(600)"


def task(
    seconds: float = LONG,
    memory: int = MEMORY,
    failure: type[FumehoodError] = Unreadable,
    **missing: FumehoodError,
) -> ChildTask:
    return ChildTask("Reading a.pdf", f"Please {AFTER}.", seconds, memory, failure, missing)


def ask(script: str, request: object = None, what: ChildTask | None = None) -> bytes:
    return ask_once("none", request, what or task(), command=[sys.executable, "-c", READ + script])


def test_a_child_gets_its_request_and_its_answer_comes_back() -> None:
    assert ask("open(out, 'w').write(request['name'] * 2)", {"name": "ab"}) == b"abab"


def test_a_request_of_any_size_reaches_a_child_also_one_that_does_not_read_it() -> None:
    request = "x" * 5_000_000
    assert ask("open(out, 'w').write(str(len(request)))", request) == b"5000000"
    with pytest.raises(Unreadable, match="exit 7"):
        ask_once("none", request, task(), command=[sys.executable, "-c", "raise SystemExit(7)"])


def test_progress_is_told_part_by_part_and_what_is_no_progress_is_not() -> None:
    told: list[tuple[int, int]] = []
    script = (
        "[print('progress', n, 3, flush=True) for n in (1, 2, 3)]; print('progress of art'); "
        "print('progress 1e9 3'); open(out, 'w')"
    )
    ask_once(
        "none",
        {},
        task(),
        on_progress=lambda done, total: told.append((done, total)),
        command=[sys.executable, "-c", READ + script],
    )
    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("import os; os.kill(os.getpid(), 11)", "died .signal 11"),
        ("sys.exit(3)", "died .exit 3"),
        ("raise ValueError('odd file')", "odd file"),
        ("pass", "died .exit 0"),
    ],
)
def test_a_child_that_ends_without_an_answer_is_an_error_with_its_last_words(
    script: str, message: str
) -> None:
    with pytest.raises(Unreadable, match=f"{message}.*{AFTER}"):
        ask(script)


def test_a_failure_that_the_child_expected_is_the_callers_error_word_for_word() -> None:
    with pytest.raises(Unreadable, match="^It needs a password.$"):
        ask("print('error It needs a password.')")


@pytest.mark.parametrize(
    "script",
    [
        HANG,
        "\nwhile True: print('progress 1 2')",
        "\nwhile True: print('x' * 100_000, end='')",
        f"import os; os.close(1); {HANG}",
    ],
)
def test_a_child_that_does_not_come_to_an_end_is_stopped(script: str) -> None:
    with pytest.raises(Unreadable, match=f"^Reading a.pdf took over 1 s.*{AFTER}"):
        ask(script, what=task(seconds=1))


SWELLS = "held = b'x' * 300_000_000; "
SWELLS_WHILE_IT_TALKS = """
held = []
while True:
    sys.stdout.write('progress 1 2\\n' * 500)
    if len(held) < 800: held.append(b'x' * 500_000)
"""


@pytest.mark.parametrize(
    "script",
    [SWELLS + HANG, SWELLS + f"import os; os.close(1); {HANG}", SWELLS_WHILE_IT_TALKS],
)
def test_a_child_that_swells_is_stopped_whatever_else_it_does(script: str) -> None:
    with pytest.raises(Unreadable, match=f"more than 0.2 GB of memory.*{AFTER}"):
        ask(script, what=task(memory=2 * 10**8, seconds=20))


def test_the_error_is_of_the_kind_and_names_the_remedy_that_the_caller_chose() -> None:
    plotting = ChildTask("Drawing", "read_benchmarks still gives the numbers.", LONG, MEMORY)
    with pytest.raises(RunFailed, match="^Drawing failed.*read_benchmarks still gives") as failed:
        ask("sys.exit(3)", what=plotting)
    assert "paper" not in str(failed.value)


def test_a_package_that_is_not_there_is_said_with_what_installs_it() -> None:
    absent = PartMissing("moss", "pip install moss")
    with pytest.raises(PartMissing, match="pip install moss"):
        ask("import moss.green", what=task(moss=absent))
    with pytest.raises(Unreadable, match="No module named 'fern'"):
        ask("import fern", what=task(moss=absent))


def test_nothing_it_started_outlives_it(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = (
        "import subprocess, time; child = subprocess.Popen(['sleep', '600']); "
        f"open({str(note)!r}, 'w').write(str(child.pid)); print('error enough', flush=True); {HANG}"
    )
    with pytest.raises(Unreadable, match="enough"):
        ask(script)
    assert ends(int(note.read_text(encoding="utf-8")))


@pytest.mark.parametrize(("end", "said"), [(HANG, "took over 2 s"), ("sys.exit(3)", "exit 3")])
@pytest.mark.parametrize("grandchild", ["sleep 600", "yes"])
def test_a_grandchild_that_holds_its_pipes_delays_nothing(
    tmp_path: Path, end: str, said: str, grandchild: str
) -> None:
    note = tmp_path / "pid"
    script = (
        "import subprocess, time; "
        f"child = subprocess.Popen({grandchild.split()!r}, start_new_session=True); "
        f"open({str(note)!r}, 'w').write(str(child.pid)); {end}"
    )
    try:
        with pytest.raises(Unreadable, match=said):
            ask(script, what=task(seconds=2 if "over" in said else LONG))
    finally:
        psutil.Process(int(note.read_text(encoding="utf-8"))).kill()


def test_a_secret_of_the_request_stands_in_no_command_line_and_in_no_file(tmp_path: Path) -> None:
    script = (
        "import os, psutil; "
        "open(out, 'w').write(json.dumps([psutil.Process().cmdline(), request, os.listdir('.')]))"
    )
    answer = ask_once(
        "none",
        {"password": "open sesame"},
        task(),
        folder=tmp_path,
        command=[sys.executable, "-c", READ + script],
    )
    line, request, files = json.loads(answer)
    assert request["password"] == "open sesame"
    assert "open sesame" not in " ".join(line)
    assert "stderr" in files
    for name in set(files) - {"answer"}:
        assert b"sesame" not in (tmp_path / name).read_bytes()


def test_what_a_child_prints_is_not_taken_for_an_answer(tmp_path: Path) -> None:
    (tmp_path / "printing.py").write_text(
        "import os\n"
        "from fumehood_tools.children import answer_once\n"
        "from fumehood_tools.errors import BadRequest\n"
        "def work(request, folder, progress):\n"
        "    print('error of a library')\n"
        "    os.write(1, b'error of a library in C\\n')\n"
        "    progress(1, 2)\n"
        "    if request == 'odd':\n"
        "        raise BadRequest('Odd.\\nAsk for another.')\n"
        "    (folder / 'beside').write_text('files')\n"
        "    return request * 2\n"
        "answer_once(work)\n",
        encoding="utf-8",
    )
    command = [sys.executable, str(tmp_path / "printing.py")]
    told: list[tuple[int, int]] = []
    answer = ask_once(
        "none",
        "ab",
        task(),
        on_progress=lambda done, total: told.append((done, total)),
        folder=tmp_path,
        command=command,
    )
    assert (answer, told) == (b"abab", [(1, 2)])
    assert (tmp_path / "beside").read_text(encoding="utf-8") == "files"
    with pytest.raises(Unreadable, match="^Odd. Ask for another.$"):
        ask_once("none", "odd", task(), command=command)
