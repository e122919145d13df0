"""A scripted agent that carries a study through whole loops over stdio, whatever is killed.

A loop is plan, variants, verdict, reflection. If a server is gone, the agent starts another, asks
the notebook what was written, and goes on from there.
"""

import contextlib
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import psutil
from mcp import Client, MCPError
from mcp.types import TextContent

from fakes.sandbox_files import leave_out_probing
from fumehood.client import server_parameters
from fumehood_tools.settings import Settings

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
LOOP = ("plan", "experiment", "conclusion", "reflection", "note")
_ENDED = ("succeeded", "failed", "cancelled", "lost")
_GONE = (MCPError, anyio.ClosedResourceError, anyio.BrokenResourceError)


class Killed(Exception):
    """The server was killed before it answered."""


class Agent:
    """A client that starts its server again when that was killed."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.workspace = settings, settings.workspace
        self.client: Client | None = None
        self.stack = contextlib.AsyncExitStack()
        self.kills, self._noticed = 0, 0
        self.paper = ""

    async def start(self) -> None:
        """Start the server and connect to it."""
        server = server_parameters(self.settings, ["--offline"])
        self.client = await self.stack.enter_async_context(Client(server))

    async def stop(self) -> None:
        """End the connection, and with it the server."""
        await self.stack.aclose()

    def kill(self, *, jobs: bool = False) -> None:
        """Send SIGKILL to the server. jobs: and to all processes of the workspace's jobs."""
        doomed = [one for one in psutil.process_iter() if self._is_ours(one, jobs)]
        self.kills += 1  # first, so that whoever misses the server knows why
        for process in doomed:
            with contextlib.suppress(psutil.Error):
                process.kill()

    def _is_ours(self, process: psutil.Process, jobs: bool) -> bool:
        try:
            words, here = process.cmdline(), str(self.workspace)
            return (here in words and "serve" in words) or (
                jobs and process.environ().get("FUMEHOOD_WORKSPACE") == here
            )
        except psutil.Error:
            return False

    async def call(self, tool: str, **arguments: Any) -> Any:
        """Return the structured result of a call that must succeed. Raises Killed."""
        assert self.client is not None
        try:
            result = await self.client.call_tool(tool, arguments)
        except _GONE as error:
            if self.kills == self._noticed:
                raise
            self._noticed = self.kills
            await self.stop()
            await self.start()
            raise Killed from error
        text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
        assert not result.is_error, text
        return result.structured_content

    async def ask(self, tool: str, **arguments: Any) -> Any:
        """Make a call that may be made twice, until it is answered."""
        while True:
            with contextlib.suppress(Killed):
                return await self.call(tool, **arguments)

    async def entries(self) -> list[dict[str, Any]]:
        """Return all entries of the study, oldest first."""
        rows: list[dict[str, Any]] = []
        cursor = None
        while not rows or cursor is not None:
            page = await self.ask("read_study", study=STUDY, detail="full", cursor=cursor)
            assert not page.get("problems")
            rows += page["entries"]
            cursor = page.get("next_cursor")
        return rows

    async def once(self, kind: str, tool: str, **arguments: Any) -> int:
        """Make a call that adds an entry of a kind, and return the entry's number.

        If the server is killed meanwhile, the notebook says whether the entry was written, and only
        otherwise the call is made again.
        """
        before = await self.entries()
        while True:
            with contextlib.suppress(Killed):
                await self.call(tool, **arguments)
            after = await self.entries()
            assert after[: len(before)] == before
            new = [row["entry"] for row in after[len(before) :] if row["kind"] == kind]
            if new:
                return int(new[0])

    async def ran(self, run: Mapping[str, Any]) -> None:
        """Run a plan until its job has succeeded; one that was killed is started again."""
        while True:
            kills = self.kills
            started = await self.ask("run_variants", **run)
            job = {"status": "running"}
            while job["status"] not in _ENDED:
                job = await self.ask("wait_for_job", job_id=started["job_id"], max_seconds=30)
            if job["status"] == "succeeded":
                return
            assert self.kills > kills, job


async def begin(agent: Agent, **box: Any) -> None:
    """Read the paper, keep a finding, and open the study and a sandbox."""
    note = agent.workspace / "note"
    note.mkdir(parents=True)
    (note / "paper.tex").write_text(PAPER, encoding="utf-8")
    await agent.start()
    read = await agent.call("read_paper", paper="note")
    agent.paper = read["paper"]
    kept = await agent.call("record_findings", paper=agent.paper, items=[FINDING])
    assert [item["status"] for item in kept["items"]] == ["accepted"], kept
    await agent.call("create_sandbox", name="box", **box)
    leave_out_probing(agent.workspace / "sandboxes" / "box")
    question = "Does a second look explain more variance at equal sparsity?"
    background = [f"{agent.paper} says “{QUOTE}”."]
    await agent.call("open_study", study=STUDY, question=question, background=background)


async def plan(agent: Agent, variant: str, example: str, level: int) -> int:
    """Write a variant and register a plan about it with 3 seeds; return the plan's number."""
    folder = agent.workspace / "sandboxes" / "box" / "variants"
    shutil.copyfile(EXAMPLES / f"{example}.py", folder / f"{variant}.py")
    return await agent.once(
        "plan",
        "plan_experiment",
        study=STUDY,
        title=f"Does {variant} help?",
        hypothesis=f"{variant} explains more variance than TopK at equal sparsity.",
        sandbox="box",
        variants=[variant],
        grid={"K": [level]},
        seeds=3,
    )


class Found(NamedTuple):
    """A conclusion. measured: whether its L0 could be compared, so that there is an effect."""

    entry: int
    measured: bool


async def conclude(agent: Agent, variant: str, number: int) -> Found:
    """Judge a plan that was run, and reflect on it; return the conclusion."""
    run = {"study": STUDY, "plan": number}
    found = await agent.once("conclusion", "judge_experiment", **run)
    judged = await agent.ask("judge_experiment", **run)
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
    )
    return Found(found, claim["effect"] is not None)


async def loop(agent: Agent, variant: str, example: str, level: int) -> Found:
    """Go once from a plan to a reflection; return the conclusion."""
    number = await plan(agent, variant, example, level)
    await agent.ran({"study": STUDY, "plan": number})
    return await conclude(agent, variant, number)


async def report(agent: Agent, found: Mapping[str, Found]) -> str:
    """Write the report and return it. found: variant -> its conclusion."""
    said = ""
    for name, (entry, measured) in found.items():
        effect = f", by {{{{conclusion:{entry}/{name}#effect}}}}" if measured else ""
        said += f"{name}: {{{{conclusion:{entry}/{name}#verdict}}}}{effect}.\n\n"
    first = min(row["entry"] for row in await agent.entries() if row["kind"] == "plan")
    entry = await agent.once(
        "report",
        "write_report",
        study=STUDY,
        title="A second look, tried again",
        plan=f"The smallest effect of interest was {{{{plan:{first}#smallest_effect}}}}.",
        code="Each variant is one file.",
        walk_through="Every variant was planned, run and judged.",
        results=said + f'The paper says {{{{quote:{agent.paper} "{QUOTE}"}}}}.',
        limitations="One subject, one layer, few tokens.",
    )
    folder = agent.workspace / "studies" / STUDY / "entries" / f"{entry:04}-report"
    assert (folder / "report.html").is_file()
    return (folder / "report.md").read_text(encoding="utf-8")


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
