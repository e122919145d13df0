"""Pods that end themselves, because nobody looks after them or their life is over."""

import json
import re
from pathlib import Path

import pytest
from fakes.rented_pods import Lab, script, until
from fakes.runpod import NEEDS_PODS, RunPod

pytestmark = [
    pytest.mark.child,
    pytest.mark.slow,
    pytest.mark.skipif(not RunPod.is_possible(), reason=NEEDS_PODS),
]


def test_case_25_a_pod_that_nobody_looks_after_ends_itself(lab: Lab) -> None:
    pod = lab.rent()
    agent = lab.agent(pod)
    agent.renew_lease(3)
    assert lab.arm(agent, 3, 3600) and lab.arm(agent, 3, 3600)
    assert agent.health().watchdog
    until(lambda: pod in lab.cloud.ended())
    assert lab.cloud.ended()[pod].by == "pod"
    assert lab.cloud.requests().count(("DELETE", "/v2/pods/{id}")) == 1


def test_case_25_a_job_keeps_its_pod_and_its_results_wait_for_somebody(lab: Lab) -> None:
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
def test_case_25_a_pod_tries_every_way_to_end(
    lab: Lab, refused: tuple[str, ...], asked: str
) -> None:
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


def test_case_25_a_pod_that_no_one_can_log_in_to_ends_itself(lab: Lab) -> None:
    lab.cloud.fault(on="boot", kind="no_sshd")
    pod = lab.rent(args=lab.start_command(ttl_s=2, max_life_s=3600))
    until(lambda: pod in lab.cloud.ended())
    assert lab.cloud.ended()[pod].by == "pod"


def test_case_31_a_pod_ends_at_the_end_of_its_life_whatever_it_does(lab: Lab) -> None:
    pod = lab.rent(args=lab.start_command(ttl_s=600, max_life_s=3600))
    agent = lab.agent(pod)
    agent.start(script("endless", "sleep 987"))
    assert agent.health().watchdog and agent.health().living == ("endless",)
    agent.renew_lease(600, max_life_s=1)
    until(lambda: pod in lab.cloud.ended())
    assert lab.cloud.ended()[pod].by == "pod"


def test_case_25_a_container_that_crashes_again_and_again_does_not_live_for_ever(lab: Lab) -> None:
    command = lab.start_command(ttl_s=600, max_life_s=6).replace("ssh-keygen -A", "true")
    command = command.replace("exec /start.sh", "sleep 2; echo crashed; exit 1")
    mounts = {"persistent": {"size": 10, "path": "/workspace"}}
    pod = lab.rent(args=command, mounts=mounts)
    until(lambda: pod in lab.cloud.ended())
    assert sum("crashed" in line for line in lab.cloud.log(pod)) >= 1
