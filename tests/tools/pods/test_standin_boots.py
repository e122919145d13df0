"""Pods of the stand-in whose start goes wrong in one way each, or which change while they run."""

import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes.runpod import NEEDS_PODS, RunPod
from fakes.ssh_program import Ssh

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not RunPod.is_possible(), reason=NEEDS_PODS),
]

USED = "nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunPod]:
    with RunPod.started(tmp_path_factory.mktemp("cloud"), per_minute=1_000) as running:
        yield running


@pytest.fixture
def booted(cloud: RunPod, rest: httpx.Client, ssh: Ssh) -> Callable[..., str]:
    """Return a function that rents a pod which boots with a fault, and returns its id."""

    def rented(kind: str = "", **more: Any) -> str:
        if kind:
            cloud.fault(on="boot", kind=kind, **more)
        order = {"name": "a", "image": "i", "gpu": {"id": "NVIDIA A40", "count": 2}}
        order |= {"ports": ["22/tcp"], "env": {"PUBLIC_KEY": ssh.public}}
        return str(rest.post("/pods", json=order).json()["id"])

    return rented


def test_without_sftp_commands_still_run(
    cloud: RunPod, booted: Callable[..., str], ssh: Ssh
) -> None:
    port = cloud.reach(booted("no_sftp"))
    assert ssh.run(port, "echo in").stdout == "in\n"
    line = [*ssh.line(port), "-s", "sftp"]
    assert subprocess.run(line, capture_output=True, timeout=30, check=False).returncode != 0


def test_a_pod_that_ignores_the_key_lets_nobody_in(
    cloud: RunPod, booted: Callable[..., str], ssh: Ssh
) -> None:
    refused = ssh.run(cloud.reach(booted("no_keys")), "true")
    assert refused.returncode == 255 and "Permission denied" in refused.stderr


@pytest.mark.parametrize("kind", ["", "host_key_changes"])
def test_the_log_tells_the_host_key_unless_it_has_been_changed(
    cloud: RunPod, booted: Callable[..., str], kind: str
) -> None:
    pod_id = booted(kind)
    port = cloud.reach(pod_id)
    scanned = subprocess.run(
        f"ssh-keyscan -p {port} 127.0.0.1 2>&- | ssh-keygen -lf -",
        shell=True,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    (told,) = (line for line in cloud.log(pod_id) if line.startswith("SSH host key: "))
    assert (scanned.stdout.split()[1] in told) == (kind == "")


def test_the_time_of_day_in_a_pod_can_be_wrong(
    cloud: RunPod, booted: Callable[..., str], ssh: Ssh
) -> None:
    told = ssh.run(cloud.reach(booted("clock", shift="-3d")), "date -u +%s").stdout
    behind = datetime.now(UTC) - datetime.fromtimestamp(int(told), UTC)
    assert timedelta(days=2.9) < behind < timedelta(days=3.1)


@pytest.mark.parametrize("kind", ["no_public_ip", "no_sshd", "stuck", "error"])
def test_a_pod_that_cannot_be_reached_is_not(
    cloud: RunPod, booted: Callable[..., str], kind: str
) -> None:
    with pytest.raises(ValueError, match=r"does not answer within 1"):
        cloud.reach(booted(kind), seconds=1)


def test_a_frozen_connection_says_nothing_and_ends_nothing(
    cloud: RunPod, booted: Callable[..., str], ssh: Ssh
) -> None:
    pod_id = booted()
    port = cloud.reach(pod_id)
    with subprocess.Popen([*ssh.line(port), "cat"], stdin=-1, stdout=-1, bufsize=0) as held:
        assert held.stdin and held.stdout
        held.stdin.write(b"one\n")
        assert held.stdout.readline() == b"one\n"
        cloud.freeze_ssh(pod_id)
        held.stdin.write(b"two\n")
        assert held.poll() is None
        cloud.thaw_ssh(pod_id)
        assert held.stdout.readline() == b"two\n"


def test_nvidia_smi_says_what_a_test_has_set(
    cloud: RunPod, rest: httpx.Client, booted: Callable[..., str], ssh: Ssh
) -> None:
    pod_id = booted()
    port = cloud.reach(pod_id)
    assert ssh.run(port, USED).stdout == "1\n1\n"
    cloud.set_gpu(pod_id, 1, used_mib=40_000)
    assert ssh.run(port, USED).stdout == "1\n40000\n"
    cloud.set_gpu(pod_id, broken=True)
    assert ssh.run(port, USED).returncode == 9
    cloud.preempt(pod_id)
    cloud.fault(on="resume", kind="zero_gpus")
    resumed = rest.post(f"/pods/{pod_id}/action", json={"action": "start"}).json()
    assert resumed["gpu"]["count"] == 0
    assert "No devices" in ssh.run(cloud.reach(pod_id), USED).stdout


def test_answers_can_be_late_garbled_or_wrong(cloud: RunPod, booted: Callable[..., str]) -> None:
    def ask(query: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {cloud.key}"}
        return httpx.post(f"{cloud.url}/graphql", json={"query": query}, headers=headers)

    listed = "{ myself { pods { id } } }"
    cloud.fault(on="create", kind="late", lists=1)
    pod_id = booted()
    assert ask(listed).json()["data"]["myself"]["pods"] == []
    assert ask(listed).json()["data"]["myself"]["pods"] == [{"id": pod_id}]
    cloud.fault(on="list", kind="garbage", interface="graphql")
    with pytest.raises(json.JSONDecodeError):
        ask(listed).json()
    cloud.fault(on="create", kind="made_but_error")
    order = 'gpuTypeId: "NVIDIA A40", gpuCount: 1, imageName: "i", name: "b"'
    made = ask(f"mutation {{ podFindAndDeployOnDemand(input: {{{order}}}) {{ id }} }}")
    assert made.status_code == 200 and "Something went wrong" in made.json()["errors"][0]["message"]
    assert sorted(pod.name for pod in cloud.pods().values()) == ["a", "b"]


def test_who_asks_too_often_is_told_how_long_to_wait(tmp_path: Path) -> None:
    with RunPod.started(tmp_path, per_minute=2) as cloud:
        headers = {"Authorization": f"Bearer {cloud.key}"}
        answers = [httpx.get(f"{cloud.url}/v2/pods", headers=headers) for _ in range(3)]
    assert [it.status_code for it in answers] == [200, 200, 429]
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 60
    assert answers[1].headers["RateLimit"].startswith('"minute";r=0;')
