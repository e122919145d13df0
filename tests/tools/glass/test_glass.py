"""Children behind the glass end at their limits and leave nothing behind."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from fumehood_tools.glass import ChildLimits, ChildOutcome, GlassChild, run_behind_glass

Run = Callable[..., ChildOutcome]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run_code(code: str, **limits: float) -> ChildOutcome:
        allowed = ChildLimits.model_validate({"wall_seconds": 20, "memory_gb": 1, **limits})
        argv = [sys.executable, "-I", "-B", "-c", code]
        return run_behind_glass(argv, tmp_path / "scratch", [], allowed)

    return run_code


def ends(pid: int) -> bool:
    """Return whether a process is gone, or a zombie, within ten seconds."""
    try:
        psutil.Process(pid).wait(10)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


def test_a_child_that_ends_well_says_so(run: Run) -> None:
    outcome = run("print('hello')")
    assert outcome.exit_code == 0
    assert outcome.output_tail == "hello\n"


def test_an_endless_loop_is_ended_at_the_wall_clock(run: Run) -> None:
    outcome = run("while True: pass", wall_seconds=1)
    assert outcome.timed_out
    assert outcome.exit_code != 0


def test_an_allocation_of_100_gb_fails_inside_the_child(run: Run) -> None:
    outcome = run("x = bytearray(100 << 30)")
    assert outcome.out_of_memory
    assert not outcome.timed_out


def test_memory_that_grows_in_small_steps_is_stopped_too(run: Run) -> None:
    outcome = run("x = []\nwhile True: x.append(bytearray(64 << 20))", memory_gb=0.5)
    assert outcome.out_of_memory
    assert outcome.seconds < 20


def test_a_flood_of_output_does_not_fill_the_disk(run: Run, tmp_path: Path) -> None:
    code = "import sys\nwhile True: sys.stdout.write('x' * (1 << 20))"
    outcome = run(code, wall_seconds=2)
    assert outcome.timed_out
    assert (tmp_path / "scratch" / "output.log").stat().st_size < 1 << 30
    assert len(outcome.output_tail) <= 4_000


def test_our_environment_stays_outside(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNPOD_API_KEY", "canary-7431")
    outcome = run("import os; print(sorted(os.environ))")
    assert "RUNPOD_API_KEY" not in outcome.output_tail
    assert "canary" not in outcome.output_tail


def test_home_and_temporary_files_are_the_scratch_folder(run: Run, tmp_path: Path) -> None:
    outcome = run("import os, tempfile; print(os.getcwd(), tempfile.gettempdir())")
    scratch = str(tmp_path / "scratch")
    assert outcome.output_tail.split() == [scratch, scratch]


def test_grandchildren_end_with_the_child(run: Run) -> None:
    outcome = run(
        "import subprocess, sys\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(p.pid)"
    )
    assert ends(int(outcome.output_tail))


def test_leaving_the_block_ends_a_running_child(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", "import time; time.sleep(600)"]
    limits = ChildLimits(wall_seconds=60)
    with GlassChild(argv, scratch=tmp_path / "s", readable=[], limits=limits) as child:
        assert child.poll() is None
    assert child.process.returncode is not None


@pytest.mark.skipif(sys.platform != "linux", reason="parent-death signal is Linux's")
def test_a_child_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from fumehood_tools.glass import ChildLimits, GlassChild\n"
        "argv = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        f"child = GlassChild(argv, scratch=Path({str(tmp_path)!r}) / 's', readable=[],\n"
        "    limits=ChildLimits(wall_seconds=60), pipes=True)\n"
        "print(child.process.pid, flush=True)\n"
        "import select; select.select([child.stdout], [], [], 1)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    import subprocess

    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )
    assert ends(int(done.stdout))
