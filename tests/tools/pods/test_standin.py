"""The stand-in for the provider of pods: what its SDK, a plain HTTP client and ssh see of it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from fakes.processes import ends
from fakes.runpod import NEEDS_CAP, NEEDS_PODS, RunPod
from fakes.ssh_program import Ssh

pytestmark = [
    pytest.mark.child,
    pytest.mark.skipif(not RunPod.is_possible(), reason=NEEDS_PODS),
]

GPU = "NVIDIA A40"
SDK = """
import json, sys
import runpod
runpod.api_key = sys.argv[1]
made = runpod.create_pod("fumehood-a-b", "image", sys.argv[2], cloud_type="SECURE", ports="22/tcp")
listed = runpod.get_pods()
stopped = runpod.stop_pod(made["id"])
seen = runpod.get_pod(made["id"])
runpod.resume_pod(made["id"], 1)
runpod.terminate_pod(made["id"])
gone = runpod.get_pod(made["id"])
try:
    runpod.terminate_pod(made["id"])
    again = None
except runpod.error.QueryError as error:
    again = str(error)
print(json.dumps([made, listed, stopped, seen, gone, again, runpod.get_gpus()]))
"""


@pytest.fixture
def rent(rest: httpx.Client, ssh: Ssh) -> Callable[..., str]:
    """Return a function that rents a pod through v2 and returns its id."""

    def rented(**more: Any) -> str:
        answer = rest.post("/pods", json=order(ssh, **more))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    return rented


def order(ssh: Ssh, **more: Any) -> dict[str, Any]:
    return {
        "name": "fumehood-a-b",
        "image": "image",
        "gpu": {"id": GPU},
        "ports": ["22/tcp"],
        "env": {"PUBLIC_KEY": ssh.public, "SECRET": "only process 1 has it"},
    } | more


def test_the_providers_sdk_rents_stops_resumes_and_ends_a_pod(cloud: RunPod) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SDK, cloud.key, GPU],
        env={**os.environ, "RUNPOD_API_BASE_URL": cloud.url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made, listed, stopped, seen, gone, again, gpus = json.loads(done.stdout)
    assert [pod["id"] for pod in listed] == [made["id"]] == [stopped["id"]]
    assert seen["desiredStatus"] == "EXITED" and seen["runtime"] is None
    assert gone is None and again == "pod not found to terminate"
    assert GPU in {gpu["id"] for gpu in gpus}
    assert not cloud.pods() and cloud.ended()[made["id"]].by == "account"
    operations = [operation for _, operation in cloud.requests()]
    assert operations.count("podFindAndDeployOnDemand") == 1
    assert operations.count("podTerminate") == 2


def test_a_pod_is_a_machine_of_its_own_in_which_ssh_runs_commands(
    cloud: RunPod, rest: httpx.Client, rent: Callable[..., str], ssh: Ssh, tmp_path: Path
) -> None:
    pod_id = rent()
    port = cloud.reach(pod_id)
    assert rest.get(f"/pods/{pod_id}").json()["ssh"]["direct"]["port"] == port
    (tmp_path / "of the host").touch()
    asked = f"hostname; ls {tmp_path.parent}; env; echo; tr '\\0' '\\n' < /proc/1/environ"
    told = ssh.run(port, f"{asked}; echo written > /workspace/file")
    session, first = told.stdout.split("\n\n")
    assert session.startswith(pod_id) and "No such file" in told.stderr
    assert "SECRET" not in session and "RUNPOD" not in session
    assert {"SECRET=only process 1 has it", f"RUNPOD_POD_ID={pod_id}"} <= set(first.splitlines())
    volume = cloud.pods()[pod_id].folder / "volume"
    assert (volume / "file").read_text(encoding="utf-8") == "written\n"
    assert rest.delete(f"/pods/{pod_id}").status_code == 204
    assert rest.get(f"/pods/{pod_id}").status_code == 404
    assert ssh.run(port, "true").returncode == 255


def test_the_bill_runs_from_the_request_until_the_end_and_is_exact(
    cloud: RunPod, rest: httpx.Client, rent: Callable[..., str]
) -> None:
    disks = {"disk": 30, "mounts": {"persistent": {"size": 43, "path": "/workspace"}}}
    pod_id = rent(gpu={"id": GPU, "count": 2}, **disks)
    cloud.advance(1_800)
    rest.post(f"/pods/{pod_id}/action", json={"action": "stop"})
    cloud.advance(3_600)
    rest.delete(f"/pods/{pod_id}")
    cloud.advance(3_600)
    (record,) = rest.get("/billing/pods", params={"podId": pod_id}).json()["records"]
    # 73 GB for half an hour at 0.10 dollars a month of 730 hours, 43 GB for an hour at 0.20.
    disk = Fraction(73, 730) / 10 / 2 + Fraction(43, 730) / 5
    assert record["gpuAmount"] == 0.44
    assert record["diskAmount"] == float(disk)
    assert (
        cloud.ended()[pod_id].billed_usd == record["totalAmount"] == float(disk + Fraction("0.44"))
    )


def test_an_order_that_breaks_the_contract_and_one_without_capacity_are_told_apart(
    cloud: RunPod, rest: httpx.Client, ssh: Ssh
) -> None:
    unknown = rest.post("/pods", json=order(ssh, bidPerGpu=1))
    assert unknown.status_code == 422
    assert unknown.headers["Content-Type"].startswith("application/problem+json")
    assert unknown.json()["errors"] == ["$: additional properties 'bidPerGpu' not allowed"]
    cloud.set_capacity(0, GPU)
    full = rest.post("/pods", json=order(ssh))
    assert full.status_code == 400 and "no longer any instances available" in full.json()["detail"]
    listed = rest.get("/catalog/gpus", params={"include": "AVAILABILITY", "product": "POD"}).json()
    stock = {gpu["id"]: gpu["availability"] for gpu in listed["gpus"]}
    assert stock[GPU] == "NONE" and "HIGH" in stock.values()
    assert not cloud.pods() and '"minute";r=' in full.headers["RateLimit"]


def test_faults_answer_as_ordered_and_then_no_more(
    cloud: RunPod, rest: httpx.Client, rent: Callable[..., str], ssh: Ssh
) -> None:
    cloud.fault(on="create", kind="lost_response", name="fumehood-*")
    with pytest.raises(httpx.HTTPError):
        rest.post("/pods", json=order(ssh))
    cloud.fault(on="create", kind="made_but_500")
    assert rest.post("/pods", json=order(ssh)).status_code == 500
    assert len(cloud.pods()) == 2
    cloud.fault(on="list", kind="429", retry_after=3, interface="v2")
    busy = rest.get("/pods")
    assert (busy.status_code, busy.headers["Retry-After"]) == (429, "3")
    (pod_id, other) = (pod["id"] for pod in rest.get("/pods").json()["pods"])
    cloud.fault(on="terminate", kind="silent")
    assert [rest.delete(f"/pods/{pod_id}").status_code for _ in range(3)] == [204, 204, 404]
    cloud.fault(on="create", kind="price", factor=1.5)
    assert rest.get(f"/pods/{rent()}").json()["cost"] == pytest.approx(0.66)
    cloud.preempt(other)
    cloud.fault(on="resume", kind="no_gpus")
    refused = rest.post(f"/pods/{other}/action", json={"action": "start"})
    assert refused.status_code == 400 and "not enough free GPUs" in refused.json()["detail"]
    with pytest.raises(ValueError, match="no fault 'melts'"):
        cloud.fault(on="boot", kind="melts")


def test_cut_connections_end_and_what_they_started_goes_on(
    cloud: RunPod, rent: Callable[..., str], ssh: Ssh
) -> None:
    pod_id = rent()
    port = cloud.reach(pod_id)
    command = "echo started; exec sleep 1000"
    with subprocess.Popen([*ssh.line(port), command], stdout=subprocess.PIPE) as held:
        assert held.stdout and held.stdout.readline() == b"started\n"
        assert cloud.drop_ssh(pod_id) == 1
        assert held.wait(20) == 255
    assert ssh.run(port, "pgrep -f 'sleep 1000'").returncode == 0


def test_the_log_goes_on_where_a_client_lost_it(
    cloud: RunPod, rest: httpx.Client, rent: Callable[..., str]
) -> None:
    pod_id = rent(args="bash -c 'for i in 1 2 3; do echo line $i; done; sleep 1000'")
    events = read_events(rest, pod_id, until="line 3")
    assert [line for _, line in events] == ["line 1", "line 2", "line 3"]
    resumed = read_events(rest, pod_id, until="line 3", **{"Last-Event-ID": events[0][0]})
    assert resumed == events[1:]


def read_events(
    rest: httpx.Client, pod_id: str, until: str, source: str = "container", **headers: str
) -> list[tuple[str, str]]:
    """Return (id, line) of a log, up to a line. The stream itself never ends."""
    events, event_id = [], ""
    address, query = f"/pods/{pod_id}/logs", {"source": source}
    with rest.stream("GET", address, params=query, headers=headers) as stream:
        for text in stream.iter_lines():
            name, _, value = text.partition(": ")
            if name == "id":
                event_id = value
            elif name == "data":
                events.append((event_id, json.loads(value)["line"]))
                if events[-1][1] == until:
                    break
    return events


def test_the_start_command_can_end_its_own_pod_and_no_other(
    cloud: RunPod, rent: Callable[..., str]
) -> None:
    other = rent(name="another")
    ask = 'curl -s -o /dev/null -w "%{http_code}\\n" -X DELETE'
    key = '-H "Authorization: Bearer $RUNPOD_API_KEY"'
    address = "$RUNPOD_API_BASE_URL/v2/pods"
    script = f"{ask} {key} {address}/{other}; {ask} {key} {address}/$RUNPOD_POD_ID; sleep 1000"
    pod_id = rent(args=f"bash -c '{script}'")
    with pytest.raises(ValueError, match="there is no pod"):
        cloud.reach(pod_id)
    assert "403" in cloud.log(pod_id)
    assert cloud.ended()[pod_id].by == "pod" and list(cloud.pods()) == [other]


def test_a_small_disk_is_really_full(cloud: RunPod, rent: Callable[..., str], ssh: Ssh) -> None:
    cloud.fault(on="boot", kind="disk", mb=8)
    told = ssh.run(cloud.reach(rent()), "head -c 9M /dev/zero > /workspace/big")
    assert told.returncode != 0 and "No space left on device" in told.stderr


@pytest.mark.skipif(not RunPod.can_cap_memory(), reason=NEEDS_CAP)
def test_too_much_memory_is_answered_by_the_kernel(
    cloud: RunPod, rent: Callable[..., str], ssh: Ssh
) -> None:
    cloud.fault(on="boot", kind="memory", mb=100)
    port = cloud.reach(rent())
    killed = ssh.run(port, "python3 -c 'bytearray(2 * 10**8)'; echo $?")
    assert killed.stdout == "137\n"
    assert ssh.run(port, "cat /sys/fs/cgroup/memory*/memory.oom_control").returncode == 0


def test_a_pod_whose_container_ends_is_started_again_and_still_billed(
    cloud: RunPod, rest: httpx.Client, rent: Callable[..., str]
) -> None:
    cloud.fault(on="boot", kind="crash")
    pod_id = rent()
    ended = "container exited with status 1"
    first = read_events(rest, pod_id, until=ended, source="system")
    last_id, _ = first[-1]
    again = read_events(rest, pod_id, until=ended, source="system", **{"Last-Event-ID": last_id})
    assert again[0][1].startswith("start container")
    assert cloud.pods()[pod_id].ssh_port is None
    assert rest.get(f"/pods/{pod_id}").json()["cost"] == 0.44


def test_nothing_survives_the_stand_in(tmp_path: Path, ssh: Ssh) -> None:
    with RunPod.started(tmp_path) as cloud:
        headers = {"Authorization": f"Bearer {cloud.key}"}
        made = httpx.post(f"{cloud.url}/v2/pods", json=order(ssh), headers=headers).json()
        cloud.reach(made["id"])
        bubblewrap = cloud.pods()[made["id"]].pid
        assert bubblewrap
        inside = [one.pid for one in psutil.Process(bubblewrap).children(recursive=True)]
        assert len(inside) >= 2
        psutil.Process(cloud.pid).kill()
        assert all(ends(pid) for pid in [bubblewrap, *inside])
