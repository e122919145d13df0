"""The problems as `inspect_ai` tasks (run with inspect-ai 0.3.285).

usage: FUMEHOOD_PYTHON=.venv/bin/python inspect eval examples/tasks/inspect_tasks.py@planted …

inspect-ai needs an environment of its own (`pip install inspect-ai mcp`). FUMEHOOD_PYTHON is the
interpreter of the environment that has fumehood. The agent gets the tools of `fumehood serve` and
an editor for the workspace's files. Each sample has a workspace of its own, in the folder
FUMEHOOD_TASKS (default: fumehood-tasks). The scorer is `claims.py`, so fumehood's evaluator: it
never reads what the agent says, only its claims file and the receipts.
"""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

from inspect_ai import Task, task
from inspect_ai.agent import Agent, AgentState, agent, react
from inspect_ai.dataset import Sample
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import TaskState
from inspect_ai.tool import Tool, mcp_server_stdio, tool
from inspect_ai.util import store

HERE = Path(__file__).parent
PYTHON = os.environ.get("FUMEHOOD_PYTHON", sys.executable)
FOLDER = Path(os.environ.get("FUMEHOOD_TASKS", "fumehood-tasks"))
MOST_MESSAGES, SCORE_SECONDS = 200, 4_000
WORKSPACE = "fumehood_workspace"


@task
def planted() -> Task:
    """Six variants whose truth is known by construction; no download, minutes on two cores."""
    return _task("planted")


@task
def own_variant() -> Task:
    """Write a better variant; every claim is tested again with fresh seeds."""
    return _task("own_variant")


@task
def paper_ideas() -> Task:
    """Six ideas of a language model on SmolLM2-135M, against measured truth; over an hour."""
    return _task("paper_ideas")


@task
def hunt() -> Task:
    """Find the latents of three planted features with few questions; minutes on two cores."""
    return _task("hunt")


def _task(name: str) -> Task:
    asked = _ours("-c", f"from problems import PROBLEMS; print(PROBLEMS[{name!r}].task)")
    return Task(
        dataset=[Sample(input=asked.strip(), id=name)],
        solver=researcher(name),
        scorer=calibrated_claims(name),
        message_limit=MOST_MESSAGES,
    )


def _ours(*arguments: str) -> str:
    """Run a program with fumehood's Python in this folder; return its output."""
    done = subprocess.run(
        [PYTHON, *arguments],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=SCORE_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"fumehood's part failed: {done.stderr[-2000:]}")
    return done.stdout


@agent
def researcher(problem: str) -> Agent:
    """An agent with fumehood's tools and an editor, in a new workspace with the problem."""

    async def execute(state: AgentState) -> AgentState:
        workspace = (FOLDER / f"{problem}-{uuid.uuid4().hex[:8]}").absolute()
        _ours("problems.py", problem, str(workspace))
        store().set(WORKSPACE, str(workspace))
        # Hunts are off unless they are named.
        toolsets = ["--toolsets", "hunt,jobs"] if problem == "hunt" else []
        server = mcp_server_stdio(
            name="fumehood",
            command=PYTHON,
            args=["-m", "fumehood", "serve", "--workspace", str(workspace), *toolsets],
        )
        worker = react(
            prompt="You are an interpretability researcher. Measure before you claim.",
            tools=[server, write_file(workspace), read_file(workspace)],
        )
        return await worker(state)

    return execute


def _inside(workspace: Path, path: str) -> Path | None:
    """Return the path in the workspace; None for internal files and files outside."""
    root = workspace.resolve()
    found = (root / path).resolve()
    if not found.is_relative_to(root) or found == root:
        return None
    return None if found.relative_to(root).parts[0].startswith(".") else found


@tool
def write_file(workspace: Path) -> Tool:
    """Return a tool that writes a text file of the workspace."""

    async def execute(path: str, text: str) -> str:
        """Write a text file of the workspace, e.g. sandboxes/task/variants/mine.py.

        Args:
            path: Path within the workspace.
            text: The whole content.
        """
        file = _inside(workspace, path)
        if file is None:
            return "Only files of the workspace can be written."
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return f"Wrote {path}."

    return execute


@tool
def read_file(workspace: Path) -> Tool:
    """Return a tool that reads a text file of the workspace."""

    async def execute(path: str) -> str:
        """Read a text file of the workspace, e.g. sandboxes/task/AGENTS.md.

        Args:
            path: Path within the workspace.
        """
        file = _inside(workspace, path)
        if file is None or not file.is_file():
            return "There is no such file in the workspace."
        return file.read_text(encoding="utf-8", errors="replace")[:30_000]

    return execute


@scorer(metrics=[mean(), stderr()])
def calibrated_claims(problem: str) -> Scorer:
    """Right claims minus wrong ones, over the number of questions; -1 for changed receipts."""

    async def score(state: TaskState, target: Target) -> Score:
        found = json.loads(_ours("claims.py", problem, str(store().get(WORKSPACE))))
        return Score(
            value=float(found["score"]),
            answer=json.dumps(found["claims"]),
            explanation=json.dumps(found, indent=1),
        )

    return score
