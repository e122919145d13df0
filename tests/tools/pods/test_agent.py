"""Jobs on a machine: one start, honest ends, whole logs, whatever happens to the connection."""

import ast
import contextlib
import fcntl
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from fakes.loopback_ssh import SSHD, LoopbackSsh
from fakes.processes import ends
from fakes.runpod import NEEDS_PODS
from pydantic import ValidationError

import fumehood_tools.pods.agent.in_pod as in_pod
from fumehood_tools.errors import BadRequest
from fumehood_tools.pods.agent import (
    Agent,
    JobSpec,
    JobStatus,
    agent_bytes,
    agent_name,
    start_command,
)
from fumehood_tools.pods.ssh import ClientKey, CommandFailed, HostKeys, Machine, SshFailed

needs_sshd = pytest.mark.skipif(SSHD is None, reason=NEEDS_PODS)
child, slow = pytest.mark.child, pytest.mark.slow
SECONDS = 60


def shell_job(job: str, script: str, **more: object) -> JobSpec:
    return JobSpec.model_validate({"job": job, "argv": ("sh", "-c", script), **more})


def log_of(agent: Agent, job: str, offset: int = 0) -> bytes:
    """Return the log from an offset on, when the job is over."""
    log = b""
    for piece in agent.follow(job, offset):
        assert piece.offset == offset + len(log)
        log += piece.data
    return log


def ended(agent: Agent, spec: JobSpec) -> tuple[JobStatus, bytes]:
    agent.start(spec)
    log = log_of(agent, spec.job)
    return agent.status(spec.job), log


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def command_lines() -> list[list[str]]:
    """Return the command line of every process of this machine."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            found.append(process.cmdline())
    return found


def folder(agent: Agent, job: str) -> Path:
    return Path(agent.root) / "jobs" / job


@needs_sshd
@child
@pytest.mark.parametrize(
    ("script", "ends_as", "code", "reason"),
    [
        pytest.param("exit 0", "succeeded", 0, None, id="success", marks=slow),
        pytest.param("exit 3", "failed", 3, None, id="exit-code", marks=slow),
        pytest.param("kill -SEGV $$", "failed", -11, "SIGSEGV", id="signal", marks=slow),
    ],
)
def test_case_20_a_job_ends_with_its_exit_code_or_signal(
    agent: Agent, script: str, ends_as: str, code: int, reason: str | None
) -> None:
    job = f"ends-{ends_as}-{abs(code)}"
    status, log = ended(agent, shell_job(job, f"echo out; echo err >&2; {script}"))
    assert (status.state, status.exit_code, status.reason) == (ends_as, code, reason)
    assert log == b"out\nerr\n" and status.log_bytes == len(log) and status.is_over


@needs_sshd
@child
@slow
def test_case_20_a_program_that_does_not_exist_is_said_to_be_so(agent: Agent) -> None:
    status, log = ended(agent, JobSpec(job="nothing", argv=("/no/such/program",)))
    assert (status.state, status.exit_code, log) == ("failed", 127, b"")
    assert status.reason == "cannot be started: No such file or directory"


@needs_sshd
@child
@slow
def test_case_20_a_job_that_takes_too_long_is_ended_whatever_it_ignores(agent: Agent) -> None:
    script = "trap 'echo asked' TERM; echo up; while true; do sleep 0.1; done"
    status, log = ended(agent, shell_job("late", script, timeout_s=0.5, grace_s=0.5))
    assert (status.state, status.reason, status.exit_code) == ("failed", "timeout", -9)
    assert log.startswith(b"up\n") and log.endswith(b"asked\n")
    assert status.duration_s and status.duration_s >= 1


@needs_sshd
@child
@slow
def test_a_cancelled_job_may_put_its_things_in_order_first(agent: Agent) -> None:
    script = "trap 'echo tidy; exit 0' TERM; echo up; while true; do sleep 0.1; done"
    agent.start(shell_job("cancelled", script))
    pieces = agent.follow("cancelled")
    assert next(pieces).data == b"up\n"
    agent.cancel("cancelled")
    assert b"".join(piece.data for piece in pieces).endswith(b"tidy\n")
    status = agent.status("cancelled")
    assert (status.state, status.exit_code) == ("cancelled", 0)
    assert agent.cancel("cancelled") == status
    agent.cancel("never")
    assert agent.start(shell_job("never", "echo x")).state == "cancelled"


@needs_sshd
@child
def test_case_21_what_a_job_leaves_behind_does_not_keep_it_going(agent: Agent) -> None:
    # One of them has left the job's session, so that no signal to the group reaches it.
    script = "(sleep 987 &) ; setsid sh -c 'echo $$ > left; exec sleep 987' & wait_for=$!; "
    script += "until [ -s left ]; do sleep 0.05; done; echo over"
    status, log = ended(agent, shell_job("leaver", script))
    assert (status.state, log) == ("succeeded", b"over\n")
    assert status.stragglers == 2
    left = folder(agent, "leaver") / "work/left"
    assert ends(int(left.read_text(encoding="utf-8")))


@needs_sshd
@child
@slow
def test_case_21_a_straggler_that_prints_without_end_does_not_keep_it_going(agent: Agent) -> None:
    status, log = ended(agent, shell_job("chatter", "yes & sleep 0.3", log_bytes=1000))
    assert (status.state, len(log), status.stragglers) == ("succeeded", 1000, 1)


@needs_sshd
@child
def test_case_26_a_job_that_is_started_from_five_sides_runs_once(agent: Agent) -> None:
    script = "echo once; echo $$ >> ../pids; while [ ! -e ../go ]; do sleep 0.05; done"
    spec = shell_job("doubled", script)
    folder(agent, "doubled").mkdir(parents=True)
    with (folder(agent, "doubled") / "lock").open("w") as lock, ThreadPoolExecutor(5) as pool:
        # All five wait at the door until it opens.
        fcntl.flock(lock, fcntl.LOCK_EX)
        starting = pool.map(lambda _: agent.start(spec), range(5))
        until(lambda: sum(line[-2:] == ["start", "doubled"] for line in command_lines()) == 5)
        assert not (folder(agent, "doubled") / "status.json").exists()
        fcntl.flock(lock, fcntl.LOCK_UN)
        told = list(starting)
    assert {status.state for status in told} == {"running"}
    (folder(agent, "doubled") / "go").touch()
    assert log_of(agent, "doubled") == b"once\n"
    pids = (folder(agent, "doubled") / "pids").read_text(encoding="utf-8")
    assert len(pids.splitlines()) == 1
    assert agent.start(shell_job("doubled", "echo another")).state == "succeeded"


@needs_sshd
@child
def test_case_15_a_log_is_the_same_to_the_byte_after_cuts(agent: Agent, sshd: LoopbackSsh) -> None:
    # Each line waits for a file that is made when the line before has arrived: no line is lost in
    # a cut by chance only.
    script = "for i in 0 1 2 3; do printf '%s of 3 \\377\\r' $i; "
    script += "until [ -e $i ]; do sleep 0.02; done; done"
    agent.start(shell_job("cut", script))
    log, cuts = b"", 0
    for piece in agent.follow("cut"):
        assert piece.offset == len(log)
        log += piece.data
        arrived = log.count(b"\r")
        if arrived % 2:
            cuts += sshd.cut()
        (folder(agent, "cut") / f"work/{arrived - 1}").touch()
    assert log == b"".join(b"%d of 3 \xff\r" % i for i in range(4)) and cuts >= 2
    assert log == (folder(agent, "cut") / "log.txt").read_bytes()


@needs_sshd
@child
@slow
def test_case_35_a_long_log_is_capped_and_the_rest_counted(agent: Agent) -> None:
    script = "print('x' * 99 + '\\n', end='');" * 3
    program = f"for _ in range(20000): {script}\nprint('the end')"
    spec = JobSpec(job="long", argv=(sys.executable, "-c", program), log_bytes=1 << 20)
    status, log = ended(agent, spec)
    assert log == (b"x" * 99 + b"\n") * ((1 << 20) // 100) + b"x" * ((1 << 20) % 100)
    assert (status.state, status.log_bytes) == ("succeeded", 1 << 20)
    assert status.log_dropped == 6_000_000 + 8 - (1 << 20)
    tail = (folder(agent, "long") / "tail.txt").read_bytes()
    assert len(tail) == 1 << 16 and tail.endswith(b"x\nthe end\n")


@needs_sshd
@child
@slow
def test_case_24_a_new_controller_goes_on_where_the_old_one_stopped(
    agent: Agent, sshd: LoopbackSsh, state: Path
) -> None:
    script = "printf 'one\\n'; until [ -e go ]; do sleep 0.05; done; printf 'two\\n'"
    agent.start(shell_job("adopted", script))
    first = next(agent.follow("adopted"))
    key, known = ClientKey(state), HostKeys(state)
    with Machine("host", sshd.address, key, known, patience_s=20) as again:
        adopted = Agent(again, agent.root, sys.executable)
        assert adopted.status("adopted").state == "running"
        (folder(agent, "adopted") / "work/go").touch()
        assert first.data + log_of(adopted, "adopted", first.end) == b"one\ntwo\n"
        assert again.host_key.source == "pinned"
        with pytest.raises(SshFailed, match="shorter on the machine"):
            log_of(adopted, "adopted", 100)


@needs_sshd
@child
@slow
def test_case_32_what_a_job_gets_in_secret_is_on_no_disk_and_in_no_list_of_processes(
    agent: Agent,
) -> None:
    secret = "canary-" + os.urandom(8).hex()
    script = "echo $SECRET | wc -c; until [ -e go ]; do sleep 0.05; done"
    agent.start(shell_job("secretive", script, env={"SECRET": secret}))
    pieces = agent.follow("secretive")
    assert next(pieces).data == b"24\n"
    assert not [line for line in command_lines() if secret in " ".join(line)]
    for path in Path(agent.root).rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes()
    (folder(agent, "secretive") / "work/go").touch()
    assert list(pieces) == []
    assert secret not in repr(shell_job("secretive", script, env={"SECRET": secret}))


@needs_sshd
@child
@slow
def test_case_20_a_job_whose_runner_was_killed_is_lost_and_can_be_ended(agent: Agent) -> None:
    agent.start(shell_job("orphan", "echo $$; exec sleep 987"))
    pid = int(next(agent.follow("orphan")).data)
    told = json.loads((folder(agent, "orphan") / "status.json").read_text(encoding="utf-8"))
    os.kill(told["runner"], signal.SIGKILL)
    assert ends(told["runner"])
    until(lambda: agent.status("orphan").state == "lost")
    assert agent.status("orphan").is_over and psutil.pid_exists(pid)
    agent.cancel("orphan")
    assert ends(pid)


@needs_sshd
@child
@slow
@pytest.mark.parametrize("field", ["boot", "runner_ticks"])
def test_case_29_a_job_from_before_a_restart_does_not_run_whoever_has_its_number(
    agent: Agent, field: str
) -> None:
    job = f"before-{field.partition('_')[0]}"
    agent.start(shell_job(job, "until [ -e stop ]; do sleep 0.05; done"))
    path = folder(agent, job) / "status.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    # A folder with the words of another boot, or of another process, whose number is in use.
    other = folder(agent, f"{job}-again")
    other.mkdir()
    (other / "status.json").write_text(json.dumps(told | {field: "12"}), encoding="utf-8")
    assert agent.status(job).state == "running"
    assert agent.status(f"{job}-again").state == "lost"
    (folder(agent, job) / "work/stop").touch()
    assert log_of(agent, job) == b""


@needs_sshd
@child
@slow
def test_the_agent_refuses_what_it_does_not_know(agent: Agent) -> None:
    with pytest.raises(CommandFailed, match="not below that of the agent"):
        agent.manifest("..")
    assert agent.arm_watchdog(60, 60, "http://127.0.0.1:9", "http://127.0.0.1:9") is False
    health = agent.health()
    assert health.free_bytes > 0 and not health.watchdog


@pytest.mark.parametrize("job", ["", "../up", "a/b", "-x", "UP", "x" * 101, "a\n"])
def test_a_job_has_a_plain_name(job: str) -> None:
    with pytest.raises(ValidationError):
        JobSpec(job=job, argv=("true",))


def test_the_agent_is_plain_python_38_and_needs_nothing_else() -> None:
    for path in Path(in_pod.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [str(node.module)]
            assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names
    assert agent_bytes() == agent_bytes()
    assert re.fullmatch(r"agent-[0-9a-f]{16}\.pyz", agent_name())


@child
def test_the_start_command_is_three_words_for_whoever_splits_it() -> None:
    where = {"v2": "https://api.example/v2", "graphql": "https://api.example/graphql"}
    command = start_command(ttl_s=600, max_life_s=7200.5, **where)
    shell, flag, script = shlex.split(command)
    assert (shell, flag) == ("bash", "-c") and "\n" not in command and len(command) < 10_000
    assert script.endswith("; exec /start.sh") and '"' not in command
    subprocess.run(["bash", "-n", "-c", script], check=True, timeout=60)
    for odd in ("/work space", "/$(id)", "/it's", "/a;b", ""):
        with pytest.raises(BadRequest):
            start_command(ttl_s=1, max_life_s=1, root=odd, **where)


@needs_sshd
@child
@slow
def test_case_24_a_controller_that_is_killed_again_and_again_has_the_whole_log(
    agent: Agent, sshd: LoopbackSsh, state: Path, tmp_path: Path
) -> None:
    # The job prints a line whenever the test lets it, so that there is news for every controller.
    script = 'for i in 0 1 2 3 4 5; do seq -f "$i-%g" 2000; '
    script += "until [ -e $i ]; do sleep 0.05; done; done"
    agent.start(shell_job("followed", script))
    log, work = tmp_path / "log", folder(agent, "followed") / "work"
    words = [str(state), str(sshd.port), agent.root, "followed", str(log)]
    for turn in range(6):
        program = [sys.executable, "-m", "fakes.log_follower", *words]
        with subprocess.Popen(program, env=os.environ | {"PYTHONPATH": ":".join(sys.path)}) as one:
            until(lambda turn=turn: log.exists() and b"%d-" % turn in log.read_bytes())
            (work / str(turn)).touch()
            if turn < 5:
                one.kill()
            assert one.wait(SECONDS) == (0 if turn == 5 else -9)
    assert log.read_bytes() == (folder(agent, "followed") / "log.txt").read_bytes()
    assert log.read_bytes().splitlines() == [
        b"%d-%d" % (i, n) for i in range(6) for n in range(1, 2001)
    ]
