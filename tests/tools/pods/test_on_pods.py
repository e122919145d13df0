"""The agent on pods: full disks, memory kills, silent links, and pods that end themselves."""

import contextlib
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from fakes.runpod import NEEDS_CAP, NEEDS_PODS, RunPod

from fumehood_tools.pods.agent import Agent, JobSpec, JobStatus, collect, start_command
from fumehood_tools.pods.api import SshAddress
from fumehood_tools.pods.ssh import (
    ClientKey,
    HostKeyChanged,
    HostKeys,
    LinkLost,
    LoginRefused,
    Machine,
    MachineFull,
    fingerprints_in,
    upload,
)

pytestmark = [
    pytest.mark.child,
    pytest.mark.slow,
    pytest.mark.skipif(not RunPod.is_possible(), reason=NEEDS_PODS),
]
GPU = "NVIDIA A40"
SECONDS = 90
MIB = 1 << 20


def until(holds: Callable[[], object], seconds: float = SECONDS) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunPod]:
    with RunPod.started(tmp_path_factory.mktemp("cloud"), clock_pace=0) as running:
        yield running


@pytest.fixture
def cloud(service: RunPod) -> Iterator[RunPod]:
    yield service
    service.reset()


class Lab:
    """Pods of one workspace."""

    def __init__(self, cloud: RunPod, state: Path) -> None:
        self.cloud, self.key, self.known = cloud, ClientKey(state), HostKeys(state)
        self.machines: list[Machine] = []

    def rent(self, **more: Any) -> str:
        """Rent a pod and return its id."""
        order = {
            "name": "fumehood-a-b",
            "image": "image",
            "gpu": {"id": GPU},
            "ports": ["22/tcp"],
            "env": {"PUBLIC_KEY": self.key.public(), "OF_THE_POD": "yes"},
        }
        answer = httpx.post(
            f"{self.cloud.url}/v2/pods",
            json=order | more,
            headers={"Authorization": f"Bearer {self.cloud.key}"},
            timeout=60,
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def machine(self, pod: str, patience_s: float = 30.0, expects: bool = False) -> Machine:
        """Return the machine of a pod, as soon as its port is known."""
        until(lambda: self.cloud.pods()[pod].ssh_port)
        expected = fingerprints_in(self.cloud.log(pod)) if expects else ()
        address = SshAddress(host="127.0.0.1", port=self.cloud.pods()[pod].ssh_port or 0)
        found = Machine(pod, address, self.key, self.known, expected, patience_s)
        self.machines.append(found)
        return found

    def agent(self, pod: str, patience_s: float = 30.0) -> Agent:
        """Return the agent of a pod, installed."""
        found = Agent(self.machine(pod, patience_s), python=sys.executable)
        found.install()
        return found

    def start_command(self, ttl_s: float, max_life_s: float) -> str:
        """Return the command that guards a pod of this cloud."""
        where = {"v2": f"{self.cloud.url}/v2", "graphql": f"{self.cloud.url}/graphql"}
        return start_command(ttl_s=ttl_s, max_life_s=max_life_s, **where)

    def arm(self, agent: Agent, ttl_s: float, max_life_s: float) -> bool:
        """Start the watchdog of a pod."""
        where = (f"{self.cloud.url}/v2", f"{self.cloud.url}/graphql")
        return agent.arm_watchdog(ttl_s, max_life_s, *where)


@pytest.fixture
def lab(cloud: RunPod, tmp_path: Path) -> Iterator[Lab]:
    found = Lab(cloud, tmp_path / "state")
    yield found
    for machine in found.machines:
        machine.close()


def script(job: str, text: str, **more: Any) -> JobSpec:
    return JobSpec.model_validate({"job": job, "argv": ("bash", "-c", text), **more})


def ended(agent: Agent, spec: JobSpec) -> tuple[JobStatus, bytes]:
    agent.start(spec)
    log = b"".join(piece.data for piece in agent.follow(spec.job))
    return agent.status(spec.job), log


def test_11_a_pod_whose_sshd_starts_late_is_waited_for(lab: Lab) -> None:
    lab.cloud.fault(on="boot", kind="sshd_delay", seconds=2)
    assert lab.machine(lab.rent()).again(lambda shell: shell.run(["hostname"])).exit_code == 0


def test_12_the_host_key_is_the_one_in_the_providers_log(lab: Lab) -> None:
    pod = lab.rent()
    lab.cloud.reach(pod)
    assert lab.machine(pod, expects=True).host_key.source == "expected"
    lab.cloud.fault(on="boot", kind="host_key_changes")
    other = lab.rent()
    lab.cloud.reach(other)
    with pytest.raises(HostKeyChanged):
        lab.machine(other, expects=True).again(lambda shell: shell.run(["true"]))


def test_13_a_pod_that_did_not_take_our_key_says_so_at_once(lab: Lab) -> None:
    lab.cloud.fault(on="boot", kind="no_keys")
    pod = lab.rent()
    lab.cloud.reach(pod)
    with pytest.raises(LoginRefused):
        lab.machine(pod).again(lambda shell: shell.run(["true"]))


def test_14_16_an_upload_survives_cuts_also_without_sftp(lab: Lab, tmp_path: Path) -> None:
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


def test_a_link_that_falls_silent_is_given_up_and_found_again(lab: Lab) -> None:
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


def test_17_a_full_disk_is_named_and_the_part_is_removed(lab: Lab, tmp_path: Path) -> None:
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


def test_18_a_job_that_fills_the_disk_ends_with_its_own_exit_code(lab: Lab) -> None:
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
def test_19_a_job_that_the_kernel_killed_for_memory_is_told_from_another_kill(lab: Lab) -> None:
    lab.cloud.fault(on="boot", kind="memory", mb=200)
    agent = lab.agent(lab.rent())
    greedy = "held = []\nwhile True: held.append(bytearray(10 << 20))"
    status, _ = ended(agent, JobSpec(job="greedy", argv=(sys.executable, "-c", greedy)))
    assert (status.state, status.exit_code, status.reason) == ("failed", -9, "out of memory")
    assert status.memory_kills >= 1
    status, _ = ended(agent, script("killed", "kill -9 $$"))
    assert (status.exit_code, status.reason, status.memory_kills) == (-9, "SIGKILL", 0)


def test_25_a_pod_that_nobody_looks_after_ends_itself(lab: Lab) -> None:
    pod = lab.rent()
    agent = lab.agent(pod)
    agent.renew_lease(3)
    assert lab.arm(agent, 3, 3600) and lab.arm(agent, 3, 3600)
    assert agent.health().watchdog
    until(lambda: pod in lab.cloud.ended())
    assert lab.cloud.ended()[pod].by == "pod"
    assert lab.cloud.requests().count(("DELETE", "/v2/pods/{id}")) == 1


def test_25_a_job_keeps_its_pod_and_its_results_wait_for_somebody(lab: Lab) -> None:
    pod = lab.rent()
    agent = lab.agent(pod)
    agent.start(script("busy", "until [ -e /workspace/go ]; do sleep 0.1; done"))
    agent.renew_lease(1.5)
    assert lab.arm(agent, 1.5, 3600)
    lived = lab.cloud.pods()[pod].folder / "volume/.fumehood/life.json"
    until(lambda: _lived(lived) > 4)
    assert agent.status("busy").state == "running"
    agent.renew_lease(6)
    (lab.cloud.pods()[pod].folder / "volume/go").touch()
    until(lambda: agent.status("busy").state == "succeeded")
    at_the_end = _lived(lived)
    until(lambda: _lived(lived) > at_the_end + 2)
    assert agent.status("busy").state == "succeeded"
    until(lambda: pod in lab.cloud.ended())


def _lived(path: Path) -> float:
    try:
        return float(json.loads(path.read_text(encoding="utf-8"))["lived_s"])
    except (OSError, ValueError):
        return 0.0


@pytest.mark.parametrize(
    ("refused", "asked"),
    [(("v2",), "podTerminate"), (("v2", "graphql"), "podStop")],
    ids=["graphql", "stop"],
)
def test_25_a_pod_tries_every_way_to_end(lab: Lab, refused: tuple[str, ...], asked: str) -> None:
    for interface in refused:
        lab.cloud.fault(on="terminate", kind="500", times=9, interface=interface, key="pod")
    pod = lab.rent()
    agent = lab.agent(pod)
    first = agent.machine.again(lambda shell: shell.run(["cat", "/proc/1/environ"])).text
    (key,) = re.findall(r"RUNPOD_API_KEY=(\w+)", first)
    agent.renew_lease(1)
    assert lab.arm(agent, 1, 3600)
    until(lambda: any(one.operation == asked for one in lab.cloud.requests()))
    if asked == "podTerminate":
        until(lambda: pod in lab.cloud.ended())
    else:
        until(lambda: lab.cloud.pods()[pod].status == "EXITED")
        folder = lab.cloud.pods()[pod].folder / "volume/.fumehood"
        files = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        assert b"podTerminate" in files["watchdog.txt"]
        assert not [name for name, content in files.items() if key.encode() in content]


def test_25_a_pod_that_no_one_can_log_in_to_ends_itself(lab: Lab) -> None:
    lab.cloud.fault(on="boot", kind="no_sshd")
    pod = lab.rent(args=lab.start_command(ttl_s=2, max_life_s=3600))
    until(lambda: pod in lab.cloud.ended())
    assert lab.cloud.ended()[pod].by == "pod"


def test_31_a_pod_ends_at_the_end_of_its_life_whatever_it_does(lab: Lab) -> None:
    pod = lab.rent(args=lab.start_command(ttl_s=600, max_life_s=12))
    agent = lab.agent(pod)
    agent.start(script("endless", "sleep 987"))
    agent.renew_lease(600)
    assert agent.health().watchdog
    until(lambda: pod in lab.cloud.ended())
    assert lab.cloud.ended()[pod].by == "pod"


def test_25_a_container_that_crashes_again_and_again_does_not_live_for_ever(lab: Lab) -> None:
    command = lab.start_command(ttl_s=600, max_life_s=4).replace(
        "exec /start.sh", "sleep 2; echo crashed; exit 1"
    )
    mounts = {"persistent": {"size": 10, "path": "/workspace"}}
    pod = lab.rent(args=command, mounts=mounts)
    until(lambda: pod in lab.cloud.ended())
    assert sum("crashed" in line for line in lab.cloud.log(pod)) >= 1


def test_the_start_command_leaves_the_pod_as_its_image_has_it(lab: Lab) -> None:
    pod = lab.rent(args=lab.start_command(ttl_s=600, max_life_s=3600))
    lab.cloud.reach(pod)
    machine = lab.machine(pod, expects=True)
    assert machine.host_key.source == "expected"
    agent = Agent(machine, python=sys.executable)
    agent.install()
    assert agent.health().watchdog
    assert "ready" in " ".join(lab.cloud.log(pod))


def test_32_a_job_has_the_pods_environment_and_not_its_key(lab: Lab) -> None:
    pod = lab.rent()
    agent = lab.agent(pod)
    status, log = ended(agent, script("env", "env; cat /proc/$PPID/environ", env={"OWN": "1"}))
    told = log.decode().split("\n")
    assert status.state == "succeeded" and {"OF_THE_POD=yes", "OWN=1"} <= set(told)
    assert f"RUNPOD_POD_ID={pod}" in told
    assert "RUNPOD_API_KEY" not in log.decode()


def test_29_a_pod_with_another_date_measures_time_as_it_passes(lab: Lab) -> None:
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


def test_38_a_used_pod_shows_what_is_left_on_it(lab: Lab) -> None:
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


def test_22_a_stopped_and_resumed_pod_says_that_its_job_is_lost(lab: Lab, tmp_path: Path) -> None:
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
