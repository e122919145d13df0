"""The real server with an extra wing for tests, whose tools start test jobs or misbehave.

Run as a script, it serves over stdio. The workspace comes from the environment, the names of the
toolsets from the command line; without names it has all.
"""

import os
import sys
import time
from typing import Annotated

from mcp.types import CallToolResult
from pydantic import BaseModel

from fumehood.app import build_server
from fumehood.tooling import Toolbox, answer
from fumehood.wings import WINGS, Wing
from fumehood_tools.settings import load_settings

WORKER = """
import sys, time
from pathlib import Path
from fumehood_tools.jobs import Progress
from fumehood_tools.jobs.worker import JobContext
ctx = JobContext.from_environment()
gate, steps = Path(sys.argv[1]), 5
print("the worker says hello", flush=True)
for step in range(steps):
    ctx.report(Progress(done=step + 1, total=steps, phase="count", message=f"step {step + 1}",
                        rate=None, rate_unit=None, eta_seconds=None))
    time.sleep(0.05)
end = time.monotonic() + 60
while not gate.exists() and time.monotonic() < end:
    time.sleep(0.02)
names = [f"a variant with a long name, seed {seed}" for seed in range(60)]
ctx.finish({"steps": steps, "scored": names, "next": "Call read_benchmarks."})
"""


HALF = """
from fumehood_tools.jobs.worker import JobContext
said = ["6 of 12 SAEs FAILED: topk seed 0; 6 SAEs trained and scored", "- 6 x (quoted): no"]
JobContext.from_environment().finish({"summary": said, "failed": {"topk seed 0": "no"}})
"""


class Started(BaseModel):
    job_id: str


class Said(BaseModel):
    text: str


def register(toolbox: Toolbox) -> None:
    """Declare the tools of this wing."""

    @toolbox.tool(
        title="Start a job that ends when a file appears",
        read_only=False,
        destructive=False,
        idempotent=False,
        open_world=False,
    )
    def start_test_job(gate: str) -> Annotated[CallToolResult, Started]:
        """Start a tiny job."""
        argv = [sys.executable, "-c", WORKER, gate]
        job = toolbox.jobs.submit("test", argv, title="tiny", cwd=None)
        return answer(job.job_id, Started(job_id=job.job_id))

    @toolbox.tool(
        title="Start a job that prints a lot",
        read_only=False,
        destructive=False,
        idempotent=False,
        open_world=False,
    )
    def start_noisy_job() -> Annotated[CallToolResult, Started]:
        """Start a job that prints long, colored lines."""
        argv = [sys.executable, "-c", "for i in range(300): print(f'\\x1b[31m{i} ' + 'x' * 900)"]
        job = toolbox.jobs.submit("test", argv, title="noisy")
        return answer(job.job_id, Started(job_id=job.job_id))

    @toolbox.tool(
        title="Start a job that fails in part",
        read_only=False,
        destructive=False,
        idempotent=False,
        open_world=False,
    )
    def start_half_job() -> Annotated[CallToolResult, Started]:
        """Start a job some parts of which fail."""
        job = toolbox.jobs.submit("test", [sys.executable, "-c", HALF], title="half")
        return answer(job.job_id, Started(job_id=job.job_id))

    @toolbox.tool(
        title="Print to the wire",
        read_only=True,
        destructive=False,
        idempotent=True,
        open_world=False,
    )
    def print_noise() -> Annotated[CallToolResult, Said]:
        """Print to stdout, which the protocol uses."""
        print("stray print", flush=True)
        os.write(1, b"stray write\n")
        os.system("echo stray child")
        return answer("quiet", Said(text="quiet"))

    @toolbox.tool(
        title="Block a thread",
        read_only=True,
        destructive=False,
        idempotent=True,
        open_world=False,
    )
    def block_thread(seconds: float) -> Annotated[CallToolResult, Said]:
        """Block a thread, as a slow disk would."""
        time.sleep(seconds)
        return answer("done", Said(text="done"))


WING = Wing("misbehaving", register)


if __name__ == "__main__":
    build_server(load_settings(), sys.argv[1:] or None, wings=(*WINGS, WING)).run("stdio")
