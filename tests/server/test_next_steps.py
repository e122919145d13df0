"""Every next step and remedy that a tool names can be taken, and taking it changes the answer.

The walk goes through the states of a workspace. In each of them it asks the tools, reads the calls
out of their answers, makes these calls, and asks again: advice to run something must be followed by
another answer. Names without arguments are called as an agent would that has just read the rest.
"""

import ast
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from fakes.sandbox_files import leave_out_probing
from mcp import Client
from mcp.types import CallToolResult, TextContent

from fumehood.app import build_server
from fumehood_tools.settings import Settings, load_settings

pytestmark = [pytest.mark.child, pytest.mark.anyio]

MINE = '''"""TopK with a learnable gain per latent."""

import torch

from core import BaseSAE, BaseTrainer

K = 8
KNOB = "K"
PARENT = "topk"


class CustomSAE(BaseSAE):
    """Latents compete with gain * pre-activation."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size)
        self.k = k
        self.gain = torch.nn.Parameter(torch.ones(dict_size))

    def encode(self, x):
        f = torch.relu(self.encoder(x - self.bias)) * self.gain.abs()
        values, index = f.topk(self.k, dim=-1)
        return torch.zeros_like(f).scatter(-1, index, values)


class CustomTrainer(BaseTrainer):
    """The mean squared error."""

    def loss(self, x, step, logging=False, **kwargs):
        x_hat = self.ae(x)
        return (x - x_hat).pow(2).sum(dim=-1).mean()
'''
BROKEN = MINE.replace("def encode(self, x):", "def encode(self, x):\n        return x[:, :3]\n")
SETTINGS = {
    "subject": "synthetic",
    "corpus": "synthetic",
    "layer": 0,
    "dict_size": 64,
    "train_tokens": 4_000,
    "eval_tokens": 2_032,
}
RUNS = "run_variants"
ASKED_AGAIN = ("read_benchmarks", "compare_variants", "plot_benchmarks")
"""Tools whose advice must change once it was followed. The others name the next stage of a project,
whatever was done before."""


def text_of(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


def advice_of(result: CallToolResult) -> str:
    """Return the parts of an answer that say what to do: next steps, warnings, errors."""
    if result.is_error:
        return text_of(result)
    data: Any = result.structured_content or {}
    lines = re.findall(r"(?:Next|next|Instead): ?(.*)", text_of(result))
    return "\n".join([*lines, str(data.get("next", "")), *data.get("warnings", ())])


def calls_in(text: str, tools: frozenset[str]) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Yield the tools that a text names, each with its arguments, or None for a bare name."""
    for found in re.finditer(rf"\b({'|'.join(sorted(tools))})\b(\()?", text):
        if found[2] is None:
            yield found[1], None
            continue
        for end in (m.end() for m in re.finditer(r"\)", text) if m.end() > found.end()):
            try:
                call = ast.parse(text[found.start() : end], mode="eval").body
            except SyntaxError:
                continue
            assert isinstance(call, ast.Call), text
            yield found[1], {str(w.arg): ast.literal_eval(w.value) for w in call.keywords}
            break
        else:
            raise AssertionError(f"this is no call: {text[found.start() :]}")


class Walk:
    """An agent that does whatever the tools say."""

    def __init__(self, client: Client, tools: frozenset[str]) -> None:
        self.client, self.tools = client, tools
        self.usual: dict[str, dict[str, Any]] = {
            "create_sandbox": {"name": "box", **SETTINGS},
            "run_variants": {"sandbox": "box", "variants": ["topk", "untrained"]},
            "check_variant": {"sandbox": "box", "variant": "topk"},
            "list_jobs": {},
            **{name: {"sandbox": "box"} for name in ("list_variants", *ASKED_AGAIN)},
        }
        self.made: dict[str, CallToolResult] = {}

    async def call(self, tool: str, **arguments: Any) -> CallToolResult:
        """Call a tool, and wait for the job that it starts."""
        result = await self.client.call_tool(tool, arguments)
        data: Any = result.structured_content or {}
        if tool == RUNS and not result.is_error:
            for name in ("wait_for_job", "read_job_log", "cancel_job"):
                self.usual[name] = {"job_id": data["job_id"]}
            await self.ended(data["job_id"])
        return result

    async def ended(self, job_id: str) -> Any:
        with anyio.fail_after(400):
            while True:
                result = await self.client.call_tool("wait_for_job", {"job_id": job_id})
                job: Any = result.structured_content
                if job["status"] not in ("queued", "starting", "running"):
                    # The workspace has changed; what was run stays there.
                    self.made = {key: made for key, made in self.made.items() if RUNS in key}
                    return job

    async def follow(self, tool: str, **arguments: Any) -> str:
        """Ask a tool and make every call that it advises; return the advice."""
        result = await self.call(tool, **arguments)
        advice = advice_of(result)
        ran = False
        for name, asked in calls_in(advice, self.tools):
            wanted = self.usual.get(name, {}) if asked is None else asked
            key = f"{name} {wanted}"
            if key not in self.made:
                followed = await self.call(name, **wanted)
                self.made[key] = followed
                said = f"{tool} advises {name}({wanted}): {text_of(followed)}"
                assert not followed.is_error, said
            ran |= name == RUNS
        if ran and tool in ASKED_AGAIN:
            again = advice_of(await self.call(tool, **arguments))
            assert again != advice, f"{tool} says the same after its advice: {advice}"
        return advice

    async def settle(self, tool: str, **arguments: Any) -> str:
        """Follow a tool's advice until it asks for no further run; return its last advice."""
        for _ in range(6):
            advice = await self.follow(tool, **arguments)
            if RUNS not in advice:
                return advice
        raise AssertionError(f"{tool} still asks for runs: {advice}")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    return load_settings(tmp_path / "ws", {"FUMEHOOD_CACHE": str(shared_cache)})


@pytest.fixture
async def walk(settings: Settings) -> AsyncIterator[Walk]:
    async with Client(build_server(settings)) as client:
        tools = frozenset(tool.name for tool in (await client.list_tools()).tools)
        yield Walk(client, tools)


def write(box: Path, name: str, source: str) -> None:
    (box / "variants" / f"{name}.py").write_text(source, encoding="utf-8")


@pytest.mark.slow
async def test_from_an_empty_workspace_to_the_first_verdict(walk: Walk, settings: Settings) -> None:
    box = settings.sandboxes / "box"
    advice = await walk.follow("list_variants", sandbox="box")
    assert "create_sandbox" in advice and box.is_dir()
    leave_out_probing(box)
    await walk.follow("list_jobs")
    await walk.follow("wait_for_job", job_id="run-0000000000")
    for tool in ("plot_benchmarks", "list_variants", "compare_variants"):
        await walk.follow(tool, sandbox="box")
    write(box, "broken", BROKEN)
    write(box, "mine", MINE)
    walk.usual["check_variant"] = {"sandbox": "box", "variant": "broken"}
    advice = await walk.follow("check_variant", sandbox="box", variant="broken")
    assert 'Fix the errors, then check_variant(sandbox="box", variant="broken")' in advice
    walk.usual["check_variant"] = {"sandbox": "box", "variant": "mine"}
    await walk.follow("check_variant", sandbox="box", variant="mine")
    await walk.follow("read_benchmarks", sandbox="box")
    await walk.follow("compare_variants", sandbox="box", variants=["mine"])
    last = await walk.settle("compare_variants", sandbox="box")
    assert last.startswith("plot_benchmarks"), last


# test_jobs_door has the advice after a failed job, and bench/test_table that after failures alone.
@pytest.mark.slow
async def test_a_run_that_failed_leads_to_what_is_wrong(walk: Walk, settings: Settings) -> None:
    await walk.call("create_sandbox", **walk.usual["create_sandbox"])
    box = settings.sandboxes / "box"
    leave_out_probing(box)
    write(box, "broken", BROKEN)
    started = await walk.call(RUNS, sandbox="box", variants=["broken"])
    data: Any = started.structured_content
    advice = await walk.follow("wait_for_job", job_id=data["job_id"])
    assert "read_job_log" in advice
    advice = await walk.follow("read_benchmarks", sandbox="box")
    assert "check_variant(sandbox='box', variant='broken')" in advice


@pytest.mark.slow
async def test_every_level_of_a_search_can_be_compared(walk: Walk, settings: Settings) -> None:
    await walk.call("create_sandbox", **walk.usual["create_sandbox"])
    box = settings.sandboxes / "box"
    leave_out_probing(box)
    write(box, "mine", MINE)
    topk = (box / "variants" / "topk.py").read_text(encoding="utf-8")
    write(box, "same", topk + "\n# nothing else\n")
    wanted = {"variants": ["mine", "same"], "seeds": [0, 1, 2], "l0_targets": [12]}
    await walk.call(RUNS, sandbox="box", **wanted)
    found = await walk.call("compare_variants", sandbox="box")
    data: Any = found.structured_content
    words = {row["variant"]: row["verdict"] for row in data["rows"]}
    assert words.keys() == {"mine", "same"} and words["same"] == "identical", text_of(found)
    assert "not comparable" not in words.values(), text_of(found)
    for tool in ASKED_AGAIN:
        await walk.settle(tool, sandbox="box")
    await walk.settle("compare_variants", sandbox="box", baseline="batch_topk")
