"""Which interface is chosen, when it is left for good, and that importing the SDK is harmless."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from fakes.pod_orders import GPU, ordered
from fakes.runpod import RunPod
from pydantic import SecretStr

from fumehood_tools.pods.api import (
    InterfaceUnusable,
    KeyRefused,
    PodAPI,
    PodsFailed,
    ServiceRetired,
    choose_api,
)
from fumehood_tools.pods.api.failing_over import FailingOver
from fumehood_tools.pods.api.sdk import SdkPods
from fumehood_tools.pods.api.v2 import RestPods
from fumehood_tools.settings import Settings, load_settings

WATCHED = """
import json, logging, os, pathlib, sys
sys.stdout = sys.stderr
home = pathlib.Path(sys.argv[1])
(home / ".runpod").mkdir()
(home / ".runpod" / "config.toml").write_text('[default]\\napi_key = "canary-of-the-file"\\n')
before = dict(os.environ)
started = []
def watch(event, arguments):
    if event in ("subprocess.Popen", "os.fork", "os.posix_spawn", "os.system", "os.exec"):
        started.append([event, str(arguments[:2])])
sys.addaudithook(watch)
from fumehood_tools.pods.api.sdk_guard import loaded_sdk
early = "runpod" in sys.modules
sdk = loaded_sdk()
root = logging.getLogger()
print(json.dumps({
    "early": early, "started": started, "level": root.level, "handlers": len(root.handlers),
    "key": sdk.api_key, "environment": dict(os.environ) == before,
    "cpuinfo": "cpuinfo" in sys.modules,
    "heavy": [name for name in ("boto3", "fastapi") if name in sys.modules],
}), file=sys.__stdout__)
"""


def settings_of(cloud: RunPod, workspace: Path, interface: str = "", offline: str = "") -> Settings:
    environ = {
        "FUMEHOOD_ENDPOINTS": cloud.endpoints,
        "FUMEHOOD_RUNPOD_INTERFACE": interface,
        "FUMEHOOD_OFFLINE": offline,
    }
    return load_settings(workspace, environ)


def chosen(cloud: RunPod, workspace: Path, client: httpx.Client, interface: str = "auto") -> PodAPI:
    keys = {"RUNPOD_API_KEY": SecretStr(cloud.key)}
    return choose_api(settings_of(cloud, workspace, interface), keys, client, seconds=20)


@pytest.mark.child
@pytest.mark.parametrize(
    ("interface", "speaks"), [("auto", "graphql"), ("graphql", "graphql"), ("v2", "v2")]
)
def test_the_settings_choose_the_interface(
    interface: str, speaks: str, cloud: RunPod, tmp_path: Path, client: httpx.Client
) -> None:
    api = chosen(cloud, tmp_path, client, interface)
    assert api.interface == speaks and api.pods() == []
    assert {one.operation for one in cloud.requests()} == {
        "myself.pods" if speaks == "graphql" else "/v2/pods"
    }


def test_a_missing_key_is_named_with_the_page_where_it_is_made(tmp_path: Path) -> None:
    with pytest.raises(KeyRefused, match=r"console\.runpod\.io.*set RUNPOD_API_KEY"):
        choose_api(load_settings(tmp_path, {}), {})


def test_offline_no_interface_is_chosen(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {"FUMEHOOD_OFFLINE": "1"})
    with pytest.raises(PodsFailed, match="Offline"):
        choose_api(settings, {"RUNPOD_API_KEY": SecretStr("x")})


@pytest.mark.child
def test_case_04_when_graphql_is_gone_everything_goes_to_v2_for_good(
    cloud: RunPod, tmp_path: Path, client: httpx.Client
) -> None:
    api = chosen(cloud, tmp_path, client)
    before = api.create(ordered("fumehood-a-1"), GPU)
    cloud.fault(on="http", kind="410", times=99, interface="graphql")
    asked = len(cloud.requests())
    after = api.create(ordered("fumehood-a-2"), GPU)
    assert api.interface == "v2"
    assert {pod.id for pod in api.pods()} == {before.id, after.id} == set(cloud.pods())
    api.terminate(before.id)
    api.stop(after.id)
    assert api.get(before.id) is None
    late = [one.operation for one in cloud.requests()][asked:]
    assert [one for one in late if not one.startswith("/v2")] == ["gpuTypes"]


@pytest.mark.child
def test_case_04_where_only_graphql_is_allowed_its_end_is_said(
    cloud: RunPod, tmp_path: Path, client: httpx.Client
) -> None:
    api = chosen(cloud, tmp_path, client, "graphql")
    cloud.fault(on="http", kind="410", times=9)
    with pytest.raises(ServiceRetired, match="FUMEHOOD_RUNPOD_INTERFACE=v2"):
        api.pods()


@pytest.mark.child
def test_case_04_when_both_are_gone_it_is_said_and_not_asked_on(
    cloud: RunPod, tmp_path: Path, client: httpx.Client
) -> None:
    api = chosen(cloud, tmp_path, client)
    cloud.fault(on="http", kind="410", times=99)
    for _ in range(2):
        with pytest.raises(ServiceRetired):
            api.pods()
    assert len(cloud.requests()) == 3


@pytest.mark.child
@pytest.mark.parametrize("kind", ["429", "401", "500"])
def test_case_04_no_other_failure_makes_it_leave_graphql(
    kind: str, cloud: RunPod, tmp_path: Path, client: httpx.Client
) -> None:
    api = chosen(cloud, tmp_path, client)
    cloud.fault(on="create", kind=kind)
    with pytest.raises(PodsFailed):
        api.create(ordered(), GPU)
    assert api.interface == "graphql"


def test_case_04_an_sdk_that_cannot_be_used_is_left_too() -> None:
    class Unusable(SdkPods):
        def pods(self) -> list[object]:  # type: ignore[override]
            raise InterfaceUnusable("The package runpod cannot be imported.")

    reply = httpx.MockTransport(lambda _: httpx.Response(200, json={"pods": []}))
    with httpx.Client(transport=reply) as client:
        key = SecretStr("k")
        first, second = Unusable(client, "http://x/graphql", key), RestPods(client, "http://x", key)
        api = FailingOver(first, second)
        assert api.pods() == [] and api.interface == "v2"


@pytest.mark.child
def test_in_auto_mode_logs_and_bills_come_from_v2(
    cloud: RunPod, tmp_path: Path, client: httpx.Client
) -> None:
    api = chosen(cloud, tmp_path, client)
    made = api.create(ordered(), GPU)
    cloud.advance(3600)
    billed = api.billed_usd(made.id)
    assert billed is not None and billed == pytest.approx(0.44, rel=0.1)
    assert api.interface == "graphql"
    alone = chosen(cloud, tmp_path, client, "graphql")
    assert alone.billed_usd(made.id) is None and alone.logs(made.id) == []


@pytest.mark.child
@pytest.mark.slow
def test_importing_the_sdk_starts_nothing_and_changes_no_logging(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, tmp_path],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={"HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)},
    )
    assert json.loads(done.stdout) == {
        "early": False,
        "started": [],
        "level": 30,
        "handlers": 0,
        "key": "sent by fumehood",
        "environment": True,
        "cpuinfo": False,
        "heavy": [],
    }
    assert done.stderr == ""
