"""The pod tools through a client: off until configured, priced before anything is rented."""

import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from fakes.pod_runs import kill_reaper
from fakes.runpod import NEEDS_PODS, RunPod
from fakes.sandbox_files import leave_out_probing
from mcp import Client, StdioServerParameters
from mcp.types import CallToolResult, ElicitResult, TextContent
from pydantic import SecretStr

from fumehood.app import build_server
from fumehood.cli import main
from fumehood_tools.doctor import examine
from fumehood_tools.pods.api import choose_api
from fumehood_tools.pods.configured import HOSTS_FILE
from fumehood_tools.pods.rentals import MachineClock, open_desk, rent
from fumehood_tools.pods.rentals.reaper import is_anything_rented
from fumehood_tools.pods.ssh import ClientKey
from fumehood_tools.pods.wanted import PodsWanted
from fumehood_tools.pods.wishes import wishes
from fumehood_tools.sandbox.create import create_sandbox
from fumehood_tools.settings import Settings, load_settings
from fumehood_tools.web.service import open_client

pytestmark = pytest.mark.anyio

A40 = "NVIDIA A40"
TOOLS = {"list_gpus", "launch_pods", "list_pods", "terminate_pods"}
SCRIPT = """\
import os, pathlib, sys
print("hello from", os.environ["FUMEHOOD_POD"], "of", os.environ["FUMEHOOD_PODS"], *sys.argv[1:])
pathlib.Path("scores").mkdir()
pathlib.Path("scores/loss.txt").write_text("0.25")
pathlib.Path("other.bin").write_text("not asked for")
"""


class Asked:
    """A user: gives one answer to every question, and remembers the questions."""

    def __init__(self, action: str) -> None:
        self.action, self.questions = action, []

    async def __call__(self, _: Any, params: Any) -> ElicitResult:
        self.questions.append(params.message)
        content = {"rent": True} if self.action == "accept" else None
        return ElicitResult(action=self.action, content=content)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunPod]:
    if not RunPod.is_possible():
        pytest.skip(NEEDS_PODS)
    with RunPod.started(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.fixture
def cloud(service: RunPod) -> Iterator[RunPod]:
    yield service
    service.reset()


@pytest.fixture
def rented_environ(
    environ: dict[str, str], cloud: RunPod, settings: Settings
) -> Iterator[dict[str, str]]:
    """The environment of a server whose user has an account, on a machine without a GPU."""
    own = {"RUNPOD_API_KEY": cloud.key, "FUMEHOOD_ENDPOINTS": cloud.endpoints}
    yield environ | own | {"FUMEHOOD_DEVICE": "cpu", "FUMEHOOD_RUNPOD_INTERFACE": "v2"}
    kill_reaper(settings.workspace)


@asynccontextmanager
async def served(
    environ: dict[str, str], user: Asked | None = None, mode: str = "auto"
) -> AsyncIterator[Client]:
    """A client of the real server, a process of its own. user: whom the client can ask."""
    serve = StdioServerParameters(
        command=sys.executable, args=["-m", "fumehood", "serve"], env=environ
    )
    async with Client(serve, mode=mode, elicitation_callback=user) as client:
        yield client


def text_of(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


async def ended_job(client: Client, started: CallToolResult, seconds: float = 120) -> Any:
    """Return the state of a job at its end, with the text of the last answer."""
    assert not started.is_error, text_of(started)
    job = {"job_id": (started.structured_content or {})["job_id"], "max_seconds": 30}
    for _ in range(round(seconds / 30)):
        result = await client.call_tool("wait_for_job", job)
        state = result.structured_content or {}
        if state["status"] not in ("queued", "starting", "running"):
            return {**state, "text": text_of(result)}
    raise AssertionError(f"still {state['status']}: {state}")


async def test_pods_are_no_subject_where_neither_a_key_nor_a_host_is_there(
    settings: Settings,
) -> None:
    async with Client(build_server(settings)) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert not TOOLS & tools.keys()
        assert "target" not in tools["run_variants"].input_schema["properties"]
        refused = text_of(await client.call_tool("list_pods", {}))
        run = {"sandbox": "x", "variants": ["topk"], "target": "ssh"}
        unknown = text_of(await client.call_tool("run_variants", run))
    assert "list_pods exists, but neither RUNPOD_API_KEY is set" in refused
    assert "Unknown argument 'target'" in unknown


async def test_a_host_turns_the_tools_on_and_is_listed_without_a_key(settings: Settings) -> None:
    settings.workspace.mkdir()
    hosts = '[lab]\naddress = "gpu1.example.org"\ngpus = 2\n'
    (settings.workspace / HOSTS_FILE).write_text(hosts, encoding="utf-8")
    async with Client(build_server(settings)) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert tools.keys() >= TOOLS
        assert "target" in tools["run_variants"].input_schema["properties"]
        found = await client.call_tool("list_gpus", {})
        run = {"sandbox": "x", "variants": ["topk"], "target": "ssh", "hosts": ["lap"]}
        unknown = text_of(await client.call_tool("run_variants", run))
        pods = text_of(await client.call_tool("list_pods", {}))
    content = found.structured_content or {}
    assert content["hosts"] == [{"host": "lab", "gpus": 2}] and content["gpus"] == []
    assert "RUNPOD_API_KEY is not set" in text_of(found)
    assert "lab" in unknown
    assert "No pod is rented" in pods
    assert not (settings.state / "rentals.sqlite3").exists()


@pytest.mark.child
async def test_case_30_nothing_is_rented_before_somebody_has_agreed_to_the_price(
    rented_environ: dict[str, str], cloud: RunPod, settings: Settings
) -> None:
    async with served(rented_environ) as client:
        gpus = (
            await client.call_tool("list_gpus", {"gpu_count": 2, "hours": 1})
        ).structured_content
        [a40] = [one for one in (gpus or {})["gpus"] if one["gpu"] == A40]
        hours = (gpus or {})["deadline_hours"]
        assert a40["total_usd"] == pytest.approx(2 * hours * a40["usd_per_hour"], abs=0.05)
        wanted = {"gpus": [A40], "count": 2, "hours": 1}
        silent = text_of(await client.call_tool("launch_pods", wanted))
        assert f"at most ${a40['total_usd']:.2f} in all" in silent
        assert f"max_cost_usd={a40['total_usd']:.2f}" in silent
        run: dict[str, Any] = {"sandbox": "x", "variants": ["topk"], "target": "runpod"}
        run |= {"gpus": [A40], "hours": 1, "max_cost_usd": 0.01}
        little = text_of(await client.call_tool("run_variants", run))
        assert "max_cost_usd=0.01 does not pay for one pod" in little and "Caps: $10.00" in little
        long = text_of(await client.call_tool("launch_pods", {**wanted, "hours": 100}))
        assert "FUMEHOOD_POD_MAX_COST_JOB does not allow" in long
        wrong = text_of(await client.call_tool("launch_pods", {"gpus": ["A4"], "max_cost_usd": 1}))
        assert A40 in wrong
    user = Asked("decline")
    async with served(rented_environ, user) as client:
        refused = text_of(await client.call_tool("launch_pods", wanted))
    [question] = user.questions
    assert "did not agree" in refused and f"${a40['total_usd']:.2f}" in question
    assert "per hour" in question and "Other kinds by total cost" in question
    assert not cloud.pods() and not cloud.ended()
    assert not (settings.state / "rentals.sqlite3").exists()


@pytest.mark.child
@pytest.mark.slow
async def test_a_script_runs_on_each_pod_and_its_results_are_brought(
    rented_environ: dict[str, str], cloud: RunPod, settings: Settings
) -> None:
    settings.workspace.mkdir(exist_ok=True)
    (settings.workspace / "score.py").write_text(SCRIPT, encoding="utf-8")
    user = Asked("accept")
    wanted = {"gpus": [A40], "count": 2, "hours": 1, "script": "score.py"}
    wanted |= {"arguments": ["a b"], "results": ["scores"]}
    async with served(rented_environ, user) as client:
        job = await ended_job(client, await client.call_tool("launch_pods", wanted))
        assert job["status"] == "succeeded", job
        log = text_of(await client.call_tool("read_job_log", {"job_id": job["job_id"]}))
        ended = await client.call_tool("list_pods", {"ended": True})
    assert len(user.questions) == 1
    folder = settings.state / "jobs" / job["job_id"] / "results"
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files == {"pod-0/scores/loss.txt", "pod-1/scores/loss.txt"}
    assert "hello from 0 of 2 a b" in log and "hello from 1 of 2 a b" in log
    assert not cloud.pods() and len(cloud.ended()) == 2
    rows = (ended.structured_content or {})["pods"]
    assert {row["pod_id"] for row in rows} == cloud.ended().keys()
    billed = sum(pod.billed_usd for pod in cloud.ended().values())
    assert job["result"]["cost_usd"] == pytest.approx(billed, abs=0.005)
    assert "Rented GPUs: $" in job["text"] and "of which 0 are not ended" in job["text"]
    for row in rows:
        record = json.loads((settings.workspace / row["record"] / "rental.json").read_text())
        assert record["proof"]["answer"] == row["proof"]


@pytest.mark.child
@pytest.mark.slow
async def test_case_37_a_script_that_fails_says_so_and_leaves_no_pod(
    rented_environ: dict[str, str], cloud: RunPod, settings: Settings
) -> None:
    settings.workspace.mkdir(exist_ok=True)
    (settings.workspace / "score.py").write_text("print('no luck'); raise SystemExit(3)", "utf-8")
    wanted = {"gpus": [A40], "hours": 1, "max_cost_usd": 2, "script": "score.py"}
    async with served(rented_environ) as client:
        outside = {**wanted, "script": "../score.py"}
        refused = text_of(await client.call_tool("launch_pods", outside))
        job = await ended_job(client, await client.call_tool("launch_pods", wanted))
    assert "not in the workspace" in refused
    assert job["status"] == "failed" and "exit code 3" in job["error"]
    assert not cloud.pods() and len(cloud.ended()) == 1


MIXED = """\
import os, pathlib
if os.environ["FUMEHOOD_POD"] == "1":
    raise SystemExit("no luck")
pathlib.Path("mark.txt").write_text(os.environ["FUMEHOOD_POD"])
"""


@pytest.mark.child
@pytest.mark.slow
@pytest.mark.parametrize("interface", ["graphql", "v2"])
async def test_case_37_one_pod_that_fails_harms_no_other_and_each_tells_its_own_end(
    rented_environ: dict[str, str], cloud: RunPod, settings: Settings, interface: str
) -> None:
    settings.workspace.mkdir(exist_ok=True)
    (settings.workspace / "mixed.py").write_text(MIXED, encoding="utf-8")
    environ = rented_environ | {"FUMEHOOD_RUNPOD_INTERFACE": interface}
    wanted = {"gpus": [A40], "count": 3, "hours": 1, "script": "mixed.py", "max_cost_usd": 3}
    async with served(environ) as client:
        job = await ended_job(client, await client.call_tool("launch_pods", wanted))
    assert job["status"] == "succeeded", job
    told = {one["number"]: one for one in job["result"]["pods"]}
    assert [told[number]["exit_code"] for number in range(3)] == [0, 1, 0]
    assert told[1]["files"] == [] and "ended early" in told[1]["error"]
    for number in (0, 2):
        [file] = told[number]["files"]
        path = settings.state / "jobs" / job["job_id"] / file
        assert path.read_text(encoding="utf-8") == str(number) and told[number]["error"] is None
    assert not cloud.pods() and len(cloud.ended()) == 3
    asked = {one.operation for one in cloud.requests()}
    assert ("podFindAndDeployOnDemand" in asked) == (interface == "graphql")


@pytest.mark.child
@pytest.mark.slow
async def test_case_38_a_kept_pod_trains_variants_until_somebody_ends_it(
    rented_environ: dict[str, str],
    cloud: RunPod,
    settings: Settings,
    shared_cache: Path,
    era: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environ = rented_environ | {"FUMEHOOD_CACHE": str(shared_cache)}
    small = {"subject": "synthetic", "dict_size": 64, "train_tokens": 8_000, "eval_tokens": 2_032}
    leave_out_probing(create_sandbox(settings, "box", **small).folder)
    async with served(environ, Asked("accept"), era) as client:
        started = await client.call_tool("launch_pods", {"gpus": [A40], "hours": 1})
        assert (await ended_job(client, started))["status"] == "succeeded"
        [row] = (await client.call_tool("list_pods", {})).structured_content["pods"]
        assert row["state"] == "idle" and row["job"] is None and row["cost_usd"] > 0
        run = {"sandbox": "box", "variants": ["topk", "gated"], "seeds": [0], "target": "runpod"}
        run |= {"gpus": [A40], "hours": 1}
        job = await ended_job(client, await client.call_tool("run_variants", run), 600)
        assert job["status"] == "succeeded", job
        assert sorted(job["result"]["scored"]) == ["gated seed 0", "topk seed 0"]
        assert job["result"]["rented"]["kept_pods"] == [row["pod_id"]]
        [after] = (await client.call_tool("list_pods", {})).structured_content["pods"]
        assert after["pod_id"] == row["pod_id"] and after["state"] == "idle"
    for name in ("RUNPOD_API_KEY", "FUMEHOOD_ENDPOINTS", "FUMEHOOD_RUNPOD_INTERFACE"):
        monkeypatch.setenv(name, environ[name])
    where = ["--workspace", str(settings.workspace)]
    assert main(["pods", *where, "list"]) == 0
    assert row["pod_id"] in capsys.readouterr().out
    assert main(["pods", *where, "terminate", row["pod_id"]]) == 0
    assert "ended, verified" in capsys.readouterr().out
    assert not cloud.pods() and cloud.ended().keys() == {row["pod_id"]}


@pytest.mark.child
@pytest.mark.slow
async def test_a_run_on_pods_shows_its_cost_and_leaves_nothing(
    rented_environ: dict[str, str], cloud: RunPod, settings: Settings, shared_cache: Path
) -> None:
    environ = rented_environ | {"FUMEHOOD_CACHE": str(shared_cache)}
    small = {"subject": "synthetic", "dict_size": 64, "train_tokens": 8_000, "eval_tokens": 2_032}
    leave_out_probing(create_sandbox(settings, "box", **small).folder)
    async with served(environ) as client:
        run = {"sandbox": "box", "variants": ["topk", "gated"], "seeds": [0], "target": "runpod"}
        run |= {"gpus": [A40], "pods": 2, "hours": 1, "max_cost_usd": 3}
        job = await ended_job(client, await client.call_tool("run_variants", run), 600)
    assert job["status"] == "succeeded", job
    rented = job["result"]["rented"]
    billed = sum(pod.billed_usd for pod in cloud.ended().values())
    assert rented["cost_usd"] == pytest.approx(billed, abs=0.005)
    assert "all of them have ended" in job["result"]["summary"][-1] and not cloud.pods()


@pytest.mark.child
@pytest.mark.slow
async def test_case_37_a_cancelled_launch_ends_its_pods(
    rented_environ: dict[str, str], cloud: RunPod, settings: Settings
) -> None:
    settings.workspace.mkdir(exist_ok=True)
    (settings.workspace / "long.py").write_text("import time; time.sleep(987)", "utf-8")
    wanted = {"gpus": [A40], "count": 2, "hours": 1, "max_cost_usd": 3, "script": "long.py"}
    async with served(rented_environ) as client:
        job_id = (await client.call_tool("launch_pods", wanted)).structured_content["job_id"]
        asked = {"job_id": job_id, "max_seconds": 1}
        while "running long.py" not in text_of(await client.call_tool("wait_for_job", asked)):
            pass
        assert len(cloud.pods()) == 2
        await client.call_tool("cancel_job", {"job_id": job_id})
        while (await client.call_tool("wait_for_job", asked)).structured_content[
            "status"
        ] == "running":
            pass
        listed = await client.call_tool("list_pods", {})
    assert not cloud.pods() and len(cloud.ended()) == 2
    assert listed.structured_content["pods"] == []


@pytest.mark.child
@pytest.mark.slow
async def test_case_41_orphans_are_listed_and_all_pods_can_be_ended(
    rented_environ: dict[str, str],
    cloud: RunPod,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with served(rented_environ) as client:
        kept = {"gpus": [A40], "count": 2, "hours": 1, "max_cost_usd": 3}
        await ended_job(client, await client.call_tool("launch_pods", kept))
        rows = (await client.call_tool("list_pods", {})).structured_content["pods"]
        assert {row["pod_id"] for row in rows} == cloud.pods().keys()
    for name in ("RUNPOD_API_KEY", "FUMEHOOD_ENDPOINTS", "FUMEHOOD_RUNPOD_INTERFACE"):
        monkeypatch.setenv(name, rented_environ[name])
    found = {
        part.part: part.detail for part in examine(settings).findings if part.section == "pods"
    }
    assert "2 pods" in found["rented"] and "the reaper watches them" in found["rented"]
    for file in settings.state.glob("rentals.sqlite3*"):
        file.unlink()
    async with served(rented_environ) as client:
        rows = (await client.call_tool("list_pods", {})).structured_content["pods"]
        assert {row["state"] for row in rows} == {"orphan"} and len(rows) == 2
        one = {"pods": [rows[0]["pod_id"]]}
        done = (await client.call_tool("terminate_pods", one)).structured_content
        assert done["all_ended"] and cloud.ended().keys() == {rows[0]["pod_id"]}
        both = await client.call_tool("terminate_pods", {"pods": ["x"], "all": True})
        assert both.is_error and len(cloud.pods()) == 1
        done = (await client.call_tool("terminate_pods", {"all": True})).structured_content
    assert done["all_ended"] and not cloud.pods()


@pytest.mark.child
@pytest.mark.slow
async def test_case_25_a_server_that_starts_ends_what_nobody_needs_any_more(
    rented_environ: dict[str, str],
    cloud: RunPod,
    settings: Settings,
    eventually: Callable[..., None],
) -> None:
    keys = {"RUNPOD_API_KEY": SecretStr(cloud.key)}
    mine = load_settings(settings.workspace, rented_environ)
    wanted = PodsWanted(gpus=(A40,), hours=1, max_cost_usd=3)
    with open_client() as client:
        api = choose_api(mine, keys, client)
        with closing(open_desk(mine.state, api)) as desk:
            key = ClientKey(mine.state).public()
            [wish] = wishes(wanted, mine, key, purpose="run x", job="a job that is gone")
            rental, _ = rent(desk, wish)
    assert len(cloud.pods()) == 1
    async with served(rented_environ) as client:
        await client.list_tools()
        eventually(lambda: not cloud.pods(), 60)
        eventually(lambda: not is_anything_rented(mine.state, MachineClock()), 60)
    # The reaper signs nothing: the next start does, from the journal.
    async with served(rented_environ) as client:
        await client.list_tools()
        folder = settings.workspace / "rentals" / rental.intent
        eventually((folder / "rental.json").is_file, 60)
    assert "is over" in json.loads((folder / "rental.json").read_text("utf-8"))["why"]
    assert not list((mine.state / "rentals").glob("*.lock"))
