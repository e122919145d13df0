"""A scripted agent carries a study from a paper to a report over stdio, while its server is killed.

Then the exported archive is verified from another workspace, with the public key alone.
"""

import os
import random
import re
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fakes.sandbox_files import change_setting
from fakes.study_agent import LOOP, STUDY, Agent, Found, begin, conclude, edited, loop, plan, report

from fumehood.cli import main
from fumehood_tools.settings import Settings

pytestmark = [pytest.mark.child, pytest.mark.anyio]

LOOPS = {"relook": "two_stage_topk", "frequency": "dynamic_k", "zoom": "feature_zoom_out"}


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    """A fresh workspace, with the cache of all tests."""
    return Settings(workspace=tmp_path / "workspace", cache=shared_cache)


@pytest.fixture
async def agent(settings: Settings) -> AsyncIterator[Agent]:
    """An agent in an empty workspace, whose server is not started yet."""
    agent = Agent(settings)
    yield agent
    await agent.stop()


def verify(archive: Path, tmp_path: Path) -> int:
    """Verify an archive from a second workspace, which is empty; return the exit code."""
    there = ["--workspace", str(tmp_path / "second")]
    key = archive.parent / "study.zip.pub"
    return main(["verify", str(archive), "--key", str(key), *there])


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


async def test_a_study_goes_from_a_paper_to_an_archive_that_a_stranger_verifies(
    agent: Agent, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = {"subject": "synthetic", "dict_size": 64, "train_tokens": 2_000, "eval_tokens": 512}
    await begin(agent, **small)
    number = await plan(agent, "relook", "two_stage_topk", 8)
    run = {"study": STUDY, "plan": number}
    started = await agent.call("run_variants", **run)
    agent.kill()
    again = await agent.ask("run_variants", **run)
    assert again["job_id"] == started["job_id"], "the job goes on without its server"
    await agent.ran(run)
    found = await conclude(agent, "relook", number)
    written = await report(agent, {"relook": found})
    kinds = [row["kind"] for row in await agent.entries()]
    assert kinds == ["study", *LOOP[:4], "report"]
    await agent.stop()

    archive = verified_elsewhere(settings, tmp_path, capsys)
    effect = re.search(r", by ([+−-]?[0-9.]+)", written)
    assert effect is not None, written[:3_000]
    changed = edited(archive, "report.md", effect[1].encode(), b"+0.9")
    assert verify(changed, tmp_path) == 1
    assert "report.md" in capsys.readouterr().out


@pytest.mark.slow
async def test_three_loops_lose_nothing_when_server_and_jobs_are_killed_twice_at_random(
    agent: Agent, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("FUMEHOOD_TEST_SEED") or random.SystemRandom().randrange(10_000))
    drawn = random.Random(seed)
    await begin(agent, dict_size=256, train_tokens=4_096, eval_tokens=1_016)
    change_setting(settings.sandboxes / "box", "scoring", "loss_rows", 2)
    ledger = settings.state / "receipts.jsonl"
    found: dict[str, Found] = {}
    kept: list[bytes] = []

    def kill() -> None:
        agent.kill(jobs=True)
        raw = ledger.read_bytes()
        kept.append(raw[: raw.rfind(b"\n") + 1])

    began = time.monotonic()
    found["relook"] = await loop(agent, "relook", LOOPS["relook"], 16)
    usual = time.monotonic() - began  # with the harvest, which later loops do without
    for name in ("frequency", "zoom"):
        after = drawn.uniform(0, usual / 2)
        with capsys.disabled():
            print(f"\nseed {seed}: server and jobs are killed {after:.1f} s after {name} begins")
        before, killer = len(kept), threading.Timer(after, kill)
        killer.start()
        found[name] = await loop(agent, name, LOOPS[name], 16)
        killer.cancel()
        killer.join(60)
        if len(kept) == before:
            kill()  # the loop was faster, so it is killed between two loops
    await report(agent, found)
    kinds = [row["kind"] for row in await agent.entries()]
    assert [kind for kind in kinds if kind != "experiment"] == [
        "study",
        *[kind for kind in LOOP[:4] if kind != "experiment"] * 3,
        "report",
    ]
    assert agent.kills == 2
    assert all(ledger.read_bytes().startswith(raw) for raw in kept), "every receipt is still there"
    await agent.stop()
    capsys.readouterr()
    assert main(["verify", "--workspace", str(settings.workspace)]) == 0, capsys.readouterr().out
    verified_elsewhere(settings, tmp_path, capsys)
