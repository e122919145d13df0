"""The agent on pods: full disks, memory kills, silent links, other dates, restarts."""

import contextlib
import os
import sys
from pathlib import Path

import httpx
import psutil
import pytest
from fakes.rented_pods import Lab, ended, script, until
from fakes.runpod import NEEDS_CAP, NEEDS_PODS, RunPod

from fumehood_tools.pods.agent import Agent, JobSpec, collect
from fumehood_tools.pods.ssh import HostKeyChanged, LinkLost, LoginRefused, MachineFull, upload

MIB = 1 << 20

pytestmark = [
    pytest.mark.child,
    pytest.mark.slow,
    pytest.mark.skipif(not RunPod.is_possible(), reason=NEEDS_PODS),
]


def test_case_11_a_pod_whose_sshd_starts_late_is_waited_for(lab: Lab) -> None:
    lab.cloud.fault(on="boot", kind="sshd_delay", seconds=2)
    assert lab.machine(lab.rent()).again(lambda shell: shell.run(["hostname"])).exit_code == 0


def test_case_12_the_host_key_is_the_one_in_the_providers_log(lab: Lab) -> None:
    pod = lab.rent()
    lab.cloud.reach(pod)
    assert lab.machine(pod, expects=True).host_key.source == "expected"
    lab.cloud.fault(on="boot", kind="host_key_changes")
    other = lab.rent()
    lab.cloud.reach(other)
    with pytest.raises(HostKeyChanged):
        lab.machine(other, expects=True).again(lambda shell: shell.run(["true"]))


def test_case_13_a_pod_that_did_not_take_our_key_says_so_at_once(lab: Lab) -> None:
    lab.cloud.fault(on="boot", kind="no_keys")
    pod = lab.rent()
    lab.cloud.reach(pod)
    with pytest.raises(LoginRefused):
        lab.machine(pod).again(lambda shell: shell.run(["true"]))


def test_case_14_16_an_upload_survives_cuts_also_without_sftp(lab: Lab, tmp_path: Path) -> None:
    source = tmp_path / "data"
    source.write_bytes(os.urandom(20 * MIB))
    for kind in ("sftp", "no sftp"):
        if kind == "no sftp":
            lab.cloud.fault(on="boot", kind="no_sftp")
        pod = lab.rent()
        lab.cloud.reach(pod)
        cuts: list[int] = []

        def cut(sent: int, pod: str = pod, cuts: list[int] = cuts) -> None:
            if len(cuts) < 2 and sent > (len(cuts) + 1) * 6 * MIB:
                cuts.append(lab.cloud.drop_ssh(pod))

        upload(lab.machine(pod), source, "/workspace/data", on_progress=cut)
        volume = lab.cloud.pods()[pod].folder / "volume"
        assert (volume / "data").read_bytes() == source.read_bytes()
        assert os.listdir(volume) == ["data"] and len(cuts) == 2 and all(cuts)


def test_case_15_a_link_that_falls_silent_is_given_up_and_found_again(lab: Lab) -> None:
    pod = lab.rent()
    agent = lab.agent(pod, patience_s=90)
    agent.start(
        script("quiet", "echo one; until [ -e /workspace/go ]; do sleep 0.1; done; echo two")
    )
    pieces = agent.follow("quiet")
    assert next(pieces).data == b"one\n"
    lab.cloud.freeze_ssh(pod)
    with pytest.raises(LinkLost):
        lab.machine(pod, patience_s=1).again(lambda shell: shell.run(["true"]))
    lab.cloud.thaw_ssh(pod)
    (lab.cloud.pods()[pod].folder / "volume/go").touch()
    assert b"".join(piece.data for piece in pieces) == b"two\n"


def test_case_17_a_full_disk_is_named_and_the_part_is_removed(lab: Lab, tmp_path: Path) -> None:
    lab.cloud.fault(on="boot", kind="disk", mb=24)
    machine = lab.machine(lab.rent())
    source = tmp_path / "data"
    source.write_bytes(bytes(40 * MIB))
    with pytest.raises(MachineFull, match="needs 41,943,040 bytes"):
        upload(machine, source, "/workspace/data")
    # Enough room at first; somebody else takes it meanwhile.
    source.write_bytes(bytes(15 * MIB))
    pid = lab.cloud.pods()[machine.id].pid
    inside = min(process.pid for process in psutil.Process(pid).children())
    taken: list[int] = []

    def fill(sent: int) -> None:
        if not taken:
            taken.append(sent)
            with contextlib.suppress(OSError):
                Path(f"/proc/{inside}/root/workspace/fill").write_bytes(bytes(30 * MIB))

    with pytest.raises(MachineFull, match="The part that had arrived was removed"):
        upload(machine, source, "/workspace/data", on_progress=fill)
    left = machine.again(lambda shell: shell.run(["ls", "/workspace"]))
    assert taken and left.text == "fill\n"


def test_case_18_a_job_that_fills_the_disk_ends_with_its_own_exit_code(lab: Lab) -> None:
    lab.cloud.fault(on="boot", kind="disk", mb=24)
    agent = lab.agent(lab.rent())
    text = "echo before; head -c 60000000 /dev/zero > fill; echo rc=$?; "
    text += "head -c 3000000 /dev/zero | tr '\\0' x; echo after; exit 0"
    status, log = ended(agent, script("filler", text))
    assert (status.state, status.exit_code, status.reason) == ("succeeded", 0, None)
    assert log.startswith(b"before\n") and b"after\n" not in log
    assert status.log_dropped > 0
    assert status.log_dropped + len(log) >= 3_000_000


@pytest.mark.skipif(not RunPod.can_cap_memory(), reason=NEEDS_CAP)
def test_case_19_a_job_that_the_kernel_killed_for_memory_is_told_from_another_kill(
    lab: Lab,
) -> None:
    lab.cloud.fault(on="boot", kind="memory", mb=200)
    agent = lab.agent(lab.rent())
    greedy = "held = []\nwhile True: held.append(bytearray(10 << 20))"
    status, _ = ended(agent, JobSpec(job="greedy", argv=(sys.executable, "-c", greedy)))
    assert (status.state, status.exit_code, status.reason) == ("failed", -9, "out of memory")
    assert status.memory_kills >= 1
    status, _ = ended(agent, script("killed", "kill -9 $$"))
    assert (status.exit_code, status.reason, status.memory_kills) == (-9, "SIGKILL", 0)


def test_the_start_command_leaves_the_pod_as_its_image_has_it(lab: Lab) -> None:
    pod = lab.rent(args=lab.start_command(ttl_s=600, max_life_s=3600))
    lab.cloud.reach(pod)
    machine = lab.machine(pod, expects=True)
    assert machine.host_key.source == "expected"
    agent = Agent(machine, python=sys.executable)
    agent.install()
    assert agent.health().watchdog
    assert "ready" in " ".join(lab.cloud.log(pod))


def test_case_32_a_job_has_the_pods_environment_and_not_its_key(lab: Lab) -> None:
    pod = lab.rent()
    agent = lab.agent(pod)
    status, log = ended(agent, script("env", "env; cat /proc/$PPID/environ", env={"OWN": "1"}))
    told = log.decode().split("\n")
    assert status.state == "succeeded" and {"OF_THE_POD=yes", "OWN=1"} <= set(told)
    assert f"RUNPOD_POD_ID={pod}" in told
    assert "RUNPOD_API_KEY" not in log.decode()


def test_case_29_a_pod_with_another_date_measures_time_as_it_passes(lab: Lab) -> None:
    lab.cloud.fault(on="boot", kind="clock", shift="-3d")
    pod = lab.rent()
    agent = lab.agent(pod)
    # One program, which waits by select: under libfaketime, sleeping is an error in Python
    # and in coreutils, and some programs fail that a program under it has started.
    program = "import select, time; open('/workspace/mark', 'w'); print(int(time.time()));"
    program += "select.select([], [], [], 1)"
    agent.start(JobSpec(job="late", argv=(sys.executable, "-c", program)))
    until(lambda: agent.status("late").is_over)
    status = agent.status("late")
    log = b"".join(piece.data for piece in agent.follow("late"))
    written = (lab.cloud.pods()[pod].folder / "volume/mark").stat().st_mtime
    assert 2.9 < (written - int(log)) / 86_400 < 3.1
    assert status.state == "succeeded" and status.duration_s and 1 <= status.duration_s < 60
    endless = "import select; select.select([], [], [], 987)"
    agent.start(JobSpec(job="long", argv=(sys.executable, "-c", endless)))
    running = agent.status("long")
    assert running.state == "running" and running.beat_age_s is not None
    assert running.beat_age_s < 30


def test_case_38_a_used_pod_shows_what_is_left_on_it(lab: Lab) -> None:
    pod = lab.rent()
    agent = lab.agent(pod)
    first, _ = ended(
        agent, script("first", "echo x > stale; echo x > $FUMEHOOD_OUT/r; (sleep 987 &)")
    )
    assert first.stragglers == 1 and first.gpu_after_mb == first.gpu_before_mb
    second, log = ended(agent, script("second", "ls -A . $FUMEHOOD_OUT"))
    assert second.state == "succeeded" and b"stale" not in log
    clean = agent.health()
    assert clean.living == () and clean.jobs == 2
    lab.cloud.set_gpu(pod, used_mib=20_000)
    agent.start(script("third", "sleep 987"))
    dirty = agent.health()
    assert dirty.living == ("third",) and dirty.gpu_memory_mb == [20_000]
    agent.cancel("third")
    until(lambda: agent.status("third").is_over)
    assert agent.status("third").gpu_after_mb == [20_000] != first.gpu_after_mb


def test_case_22_a_stopped_and_resumed_pod_says_that_its_job_is_lost(
    lab: Lab, tmp_path: Path
) -> None:
    mounts = {"persistent": {"size": 10, "path": "/workspace"}}
    pod = lab.rent(mounts=mounts)
    agent = lab.agent(pod)
    agent.start(script("cut", "echo kept > $FUMEHOOD_OUT/r; echo up; sleep 987"))
    assert next(agent.follow("cut")).data == b"up\n"
    lab.cloud.preempt(pod)
    lab.known.forget(pod)
    headers = {"Authorization": f"Bearer {lab.cloud.key}"}
    action = f"{lab.cloud.url}/v2/pods/{pod}/action"
    httpx.post(action, json={"action": "start"}, headers=headers, timeout=60).raise_for_status()
    lab.cloud.reach(pod)
    again = Agent(lab.machine(pod), python=sys.executable)
    again.install()
    assert again.status("cut").state == "lost"
    assert collect(again, "jobs/cut/out", tmp_path / "here").arrived == ("r",)
