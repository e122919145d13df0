"""A scripted agent carries a study through whole loops over stdio, while its server is killed.

Paper, finding, plan, variants, verdict, reflection, report; then the exported archive is verified
from another workspace, with the public key alone.
"""

import contextlib
import os
import random
import re
import shutil
import zipfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest
from fakes.sandbox_files import leave_out_probing
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters
from mcp.types import TextContent

from fumehood.cli import main
from fumehood.client import server_parameters
from fumehood_tools.settings import Settings

pytestmark = [pytest.mark.child, pytest.mark.anyio]

EXAMPLES = Path(__file__).parents[2] / "examples" / "variants"
QUOTE = "a second look at what the first latents left over explains more of the variance"
PAPER = r"""\documentclass{article}
\title{A Second Look}
\author{Maren Oldekamp}
\begin{document}
\maketitle
\begin{abstract}
We ask whether sparse autoencoders should look at a token twice.
\end{abstract}
\section{Result}
At equal sparsity, a second look at what the first latents left over explains more of the variance
than a single look. We trained 3 seeds.
\end{document}
"""
FINDING = {
    "field": "findings",
    "text": "Looking twice explains more variance at equal sparsity.",
    "quote": QUOTE,
}
STUDY = "second-look"
TOOLS = ("plan_experiment", "wait_for_job", "judge_experiment", "record_reflection")
EXPECTED = ("study", "plan", "experiment", "conclusion", "reflection", "idea")
ENDED = ("succeeded", "failed", "cancelled", "lost")


class Agent:
    """A client that starts its server again when that was killed.

    doomed: tool -> the server is killed so many seconds after the next call of it.
    """

    def __init__(self, server: StdioServerParameters, workspace: Path) -> None:
        self.server, self.workspace = server, workspace
        self.client: Client | None = None
        self.stack = contextlib.AsyncExitStack()
        self.kills = 0
        self.doomed: dict[str, float] = {}
        self.paper = ""

    async def start(self) -> None:
        """Start the server and connect to it."""
        self.client = await self.stack.enter_async_context(Client(self.server))

    async def stop(self) -> None:
        """End the connection, and with it the server."""
        await self.stack.aclose()

    def kill(self) -> None:
        """Send SIGKILL to the server."""
        servers = [
            child
            for child in psutil.Process().children()
            if str(self.workspace) in child.cmdline() and "serve" in child.cmdline()
        ]
        assert len(servers) == 1, "one server is running"
        servers[0].kill()
        self.kills += 1

    async def call(self, tool: str, **arguments: Any) -> Any:
        """Return the structured result of a call that must succeed."""
        assert self.client is not None
        result = await self.client.call_tool(tool, arguments)
        text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
        assert not result.is_error, text
        return result.structured_content

    async def interrupted(self, seconds: float, tool: str, **arguments: Any) -> None:
        """Make a call, kill the server after so many seconds, or right after it, and start it."""
        assert self.client is not None
        with anyio.move_on_after(seconds), contextlib.suppress(MCPError):
            await self.client.call_tool(tool, arguments)
        self.kill()
        await self.stop()
        await self.start()

    async def entries(self) -> list[dict[str, Any]]:
        """Return all entries of the study, oldest first."""
        rows: list[dict[str, Any]] = []
        cursor = None
        while not rows or cursor is not None:
            page = await self.call("read_study", study=STUDY, detail="full", cursor=cursor)
            assert not page.get("problems")
            rows += page["entries"]
            cursor = page.get("next_cursor")
        return rows

    async def newest(self, kind: str) -> int:
        """Return the number of the newest entry of a kind."""
        return max(row["entry"] for row in await self.entries() if row["kind"] == kind)

    async def once(self, kind: str, tool: str, **arguments: Any) -> int:
        """Make a call that adds an entry of a kind, and return the entry's number.

        If the server is to be killed during this call, the notebook says afterwards whether the
        entry was written, and only otherwise the call is made again.
        """
        seconds = self.doomed.pop(tool, None)
        if seconds is not None:
            before = await self.entries()
            await self.interrupted(seconds, tool, **arguments)
            after = await self.entries()
            assert after[: len(before)] == before
            if any(row["kind"] == kind for row in after[len(before) :]):
                return await self.newest(kind)
        await self.call(tool, **arguments)
        return await self.newest(kind)

    async def ended(self, job_id: str) -> dict[str, Any]:
        """Wait until a job has ended."""
        while True:
            job = await self.call("wait_for_job", job_id=job_id, max_seconds=30)
            if job["status"] in ENDED:
                return dict(job)


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    """A fresh workspace, with the cache of all tests."""
    return Settings(workspace=tmp_path / "workspace", cache=shared_cache)


@pytest.fixture
async def agent(settings: Settings) -> AsyncIterator[Agent]:
    """An agent in an empty workspace, with the paper that it is to read."""
    note = settings.workspace / "note"
    note.mkdir(parents=True)
    (note / "paper.tex").write_text(PAPER, encoding="utf-8")
    agent = Agent(server_parameters(settings, ["--offline"]), settings.workspace)
    await agent.start()
    yield agent
    await agent.stop()


async def begin(agent: Agent, **box: Any) -> None:
    """Read the paper, keep a finding, and open the study and a sandbox."""
    read = await agent.call("read_paper", paper="note")
    paper = read["paper"]
    kept = await agent.call("record_findings", paper=paper, items=[FINDING])
    assert [item["status"] for item in kept["items"]] == ["accepted"], kept
    agent.paper = paper
    await agent.call("create_sandbox", name="box", **box)
    leave_out_probing(agent.workspace / "sandboxes" / "box")
    question = "Does a second look explain more variance at equal sparsity?"
    background = [f"{paper} says “{QUOTE}”."]
    await agent.call("open_study", study=STUDY, question=question, background=background)


async def loop(agent: Agent, variant: str, example: str, levels: list[int]) -> int:
    """Go once from a plan to a reflection, and return the number of the conclusion."""
    folder = agent.workspace / "sandboxes" / "box" / "variants"
    shutil.copyfile(EXAMPLES / f"{example}.py", folder / f"{variant}.py")
    plan = await agent.once(
        "plan",
        "plan_experiment",
        study=STUDY,
        title=f"Does {variant} help?",
        hypothesis=f"{variant} explains more variance than TopK at equal sparsity.",
        sandbox="box",
        variants=[variant],
        grid={"K": levels},
    )
    run = {"study": STUDY, "plan": plan}
    started = await agent.call("run_variants", **run)
    seconds = agent.doomed.pop("wait_for_job", None)
    if seconds is not None:
        waited = {"job_id": started["job_id"], "max_seconds": 30}
        await agent.interrupted(seconds, "wait_for_job", **waited)
        again = await agent.call("run_variants", **run)
        assert again["job_id"] == started["job_id"]
    job = await agent.ended(started["job_id"])
    assert job["status"] == "succeeded", job
    found = await agent.once("conclusion", "judge_experiment", **run)
    judged = await agent.call("judge_experiment", **run)
    assert judged["entry"] == found and judged["registered"], "the same scores, the same entry"
    [claim] = judged["claims"]
    assert len(claim["seeds"]) == 3
    verdict = f"conclusion:{found}/{variant}#verdict"
    await agent.once(
        "reflection",
        "record_reflection",
        study=STUDY,
        insight=f"For {variant} the verdict was {{{{{verdict}}}}}; the paper looked at more.",
        next_step="Try another way to look, on more tokens.",
        evidence=[verdict, f'quote:{agent.paper} "{QUOTE}"'],
        notes=[{"kind": "idea", "text": f"Train {variant} for longer."}],
    )
    return found


async def report(agent: Agent, found: Mapping[str, int]) -> str:
    """Write the report and return it. found: variant -> the entry of its conclusion."""
    said = "\n\n".join(
        f"{name}: {{{{conclusion:{entry}/{name}#verdict}}}}, by "
        f"{{{{conclusion:{entry}/{name}#effect}}}}."
        for name, entry in found.items()
    )
    plan = min(row["entry"] for row in await agent.entries() if row["kind"] == "plan")
    entry = await agent.once(
        "report",
        "write_report",
        study=STUDY,
        title="A second look, tried again",
        plan=f"The smallest effect of interest was {{{{plan:{plan}#smallest_effect}}}}.",
        code="Each variant is one file.",
        walk_through="Every variant was planned, run and judged.",
        results=said + f'\n\nThe paper says {{{{quote:{agent.paper} "{QUOTE}"}}}}.',
        limitations="One subject, one layer, few tokens.",
    )
    folder = agent.workspace / "studies" / STUDY / "entries" / f"{entry:04}-report"
    assert (folder / "report.html").is_file()
    return (folder / "report.md").read_text(encoding="utf-8")


def verified_elsewhere(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Path:
    """Export the study, verify it from an empty workspace with the public key; return it."""
    archive = tmp_path / "sent" / "study.zip"
    archive.parent.mkdir()
    here = ["--workspace", str(settings.workspace)]
    assert main(["study", "export", STUDY, *here, "--to", str(archive)]) == 0
    assert verify(archive, tmp_path) == 0, capsys.readouterr().out
    assert "all signed with key" in capsys.readouterr().out
    return archive


def verify(archive: Path, tmp_path: Path) -> int:
    """Verify an archive from a second workspace, which is empty; return the exit code."""
    there = ["--workspace", str(tmp_path / "second")]
    key = archive.parent / "study.zip.pub"
    return main(["verify", str(archive), "--key", str(key), *there])


def edited(archive: Path, name: str, old: bytes, new: bytes) -> Path:
    """Return a copy of an archive in which one file was edited."""
    other = archive.with_name("edited.zip")
    with zipfile.ZipFile(archive) as before, zipfile.ZipFile(other, "w") as after:
        for item in before.infolist():
            data = before.read(item)
            if item.filename.endswith(name):
                assert data.count(old) >= 1
                data = data.replace(old, new, 1)
            after.writestr(item, data)
    return other


async def test_a_study_goes_from_a_paper_to_an_archive_that_a_stranger_verifies(
    agent: Agent, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = {"subject": "synthetic", "dict_size": 64, "train_tokens": 2_000, "eval_tokens": 512}
    await begin(agent, **small)
    agent.doomed = {"wait_for_job": 0.5}
    found = await loop(agent, "twice", "two_stage_topk", [8, 16])
    suggested = await agent.call("suggest_experiments", study=STUDY)
    assert suggested["next"]
    written = await report(agent, {"twice": found})
    kinds = [row["kind"] for row in await agent.entries()]
    assert kinds == [*EXPECTED, "report"]
    assert agent.kills == 1
    await agent.stop()

    archive = verified_elsewhere(settings, tmp_path, capsys)
    effect = re.search(r", by ([+−-]?[0-9.]+)", written)
    assert effect is not None, written[:3_000]
    changed = edited(archive, "report.md", effect[1].encode(), b"+0.9")
    assert verify(changed, tmp_path) == 1
    assert "report.md" in capsys.readouterr().out


@pytest.mark.slow
async def test_three_loops_lose_nothing_when_the_server_is_killed_twice_at_random(
    agent: Agent, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("FUMEHOOD_TEST_SEED") or random.SystemRandom().randrange(10_000))
    drawn = random.Random(seed)
    small = {"subject": "synthetic", "dict_size": 64, "train_tokens": 2_000, "eval_tokens": 512}
    await begin(agent, **small)
    loops = {
        "twice": "two_stage_topk",
        "frequency": "dynamic_k",
        "zoom": "feature_zoom_out",
    }
    doomed = drawn.sample(range(len(loops)), 2)
    found = {}
    for number, (name, example) in enumerate(loops.items()):
        if number in doomed:
            tool = drawn.choice(TOOLS)
            agent.doomed = {tool: drawn.uniform(0, 20 if tool == "wait_for_job" else 0.3)}
            print(f"seed {seed}, loop {number}: the server is killed during {agent.doomed}")
        found[name] = await loop(agent, name, example, [8, 16])
    await report(agent, found)
    kinds = [row["kind"] for row in await agent.entries()]
    assert kinds == ["study", *EXPECTED[1:] * 3, "report"]
    assert agent.kills == 2
    await agent.stop()
    verified_elsewhere(settings, tmp_path, capsys)
