"""Sandboxes with an evaluation of their own, through the tools and commands for all sandboxes."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fakes.custom_scores import put_custom_score
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.types import ImageContent, TextContent

from fumehood.app import build_server
from fumehood.cli import main
from fumehood_tools.custom.sealed import pinned, sealed_sha256
from fumehood_tools.sandbox.create import Sandbox, create_sandbox
from fumehood_tools.settings import Settings

pytestmark = [pytest.mark.child, pytest.mark.anyio]


async def call(client: Client, tool: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
    """Return text and structure of a call that must succeed."""
    result = await client.call_tool(tool, arguments)
    text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
    assert not result.is_error, text
    return text, result.structured_content or {}


@pytest.fixture
def scored(settings: Settings) -> Sandbox:
    box = create_sandbox(settings, "steer", source="steering")
    for seed in range(3):
        put_custom_score(settings, box, "mean_difference", seed, 0.8 + 0.01 * seed)
        put_custom_score(settings, box, "whitened", seed, 1.4 + 0.011 * seed)
        put_custom_score(settings, box, "zero", seed, 0.0)
    return box


def verified(
    settings: Settings, capsys: pytest.CaptureFixture[str], rescore: int = 0
) -> dict[str, Any]:
    """Return what `fumehood verify --json` prints."""
    here = ["--workspace", str(settings.workspace)]
    main(["verify", *here, "--rescore", str(rescore), "--json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


async def test_scores_of_a_custom_sandbox_are_read_compared_plotted_and_verified(
    settings: Settings, scored: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Client(build_server(settings)) as client:
        text, table = await call(client, "read_benchmarks", sandbox="steer")
        labels = [(row["label"], row.get("kind", "custom")) for row in table["rows"]]
        assert labels == [
            ("whitened", "baseline"),
            ("mean_difference", "baseline"),
            ("zero", "control"),
        ]
        assert table["rows"][1]["metrics"]["effect"] == [0.81, 0.01], table
        assert "no reviewer has pinned this code" in text and "no score yet: principal" in text
        text, one = await call(client, "read_benchmarks", sandbox="steer", variants=["whitened"])
        assert {row["seed"] for row in one["seed_rows"]} == {0, 1, 2} and "seed 2" in text
        text, compared = await call(client, "compare_variants", sandbox="steer")
        verdicts = {row["variant"]: row["verdict"] for row in compared["rows"]}
        assert verdicts == {"whitened": "better", "zero": "worse"}, text
        drawn = await client.call_tool("plot_benchmarks", {"sandbox": "steer"})
        assert any(isinstance(part, ImageContent) for part in drawn.content), drawn
        wrong = await client.call_tool("plot_benchmarks", {"sandbox": "steer", "metrics": ["l0"]})
        assert wrong.is_error and "effect" in str(wrong.content[0])
    plots = scored.results / "plots"
    with (plots / "benchmarks.csv").open(encoding="utf-8", newline="") as file:
        means = {row["label"]: float(row["effect_mean"]) for row in csv.DictReader(file)}
    assert means["mean_difference"] == pytest.approx(0.81) and means["zero"] == 0.0
    # Three metrics and the differences, each as a figure of its own, too.
    assert len(list(plots.glob("benchmarks*.svg"))) == 5
    assert verified(settings, capsys)["others"] == {"custom_score": 9}
    record = next(scored.results.glob("whitened/seed0-*")) / "custom_score.json"
    record.write_text(record.read_text("utf-8").replace("1.4", "2.4"), encoding="utf-8")
    found = verified(settings, capsys)
    assert not found["sound"] and found["others"] == {"custom_score": 8}


def test_only_a_person_at_a_terminal_accepts_changed_sealed_files(
    settings: Settings, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    box = create_sandbox(settings, "steer", source="steering")
    words = ["sandbox", "accept", "steer", "--workspace", str(settings.workspace)]
    assert main(words) == 2
    told = capsys.readouterr()
    assert "new: evaluation/evaluate.py" in told.out and "in a terminal" in told.err
    person, terminal = os.openpty()
    os.write(person, f"{sealed_sha256(box)[:8]}\n".encode())
    command = [sys.executable, "-m", "fumehood", *words]
    done = subprocess.run(command, stdin=terminal, env=environ, check=False, capture_output=True)
    for end in (person, terminal):
        os.close(end)
    assert done.returncode == 0, done.stderr
    assert pinned(settings.state, box) == sealed_sha256(box)


@pytest.mark.slow
async def test_variants_of_a_custom_sandbox_run_as_a_job_of_a_server_and_are_compared(
    settings: Settings,
    shared_cache: Path,
    environ: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    env = {**environ, "FUMEHOOD_CACHE": str(shared_cache)}
    args = ["-m", "fumehood", "serve", "--workspace", str(settings.workspace)]
    server = StdioServerParameters(command=sys.executable, args=args, env=env)
    names = ["mean_difference", "random_direction", "zero"]
    async with Client(server, read_timeout_seconds=300) as client:
        await call(client, "create_sandbox", name="steer", source="steering")
        broken = settings.sandboxes / "steer" / "variants" / "broken.py"
        broken.write_text(
            '"""Broken."""\n\nfrom core_own import BaseVectors\n\n\n'
            "class CustomVectors(BaseVectors):\n    pass\n",
            encoding="utf-8",
        )
        run = {"sandbox": "steer", "variants": names, "seeds": [0, 1, 2]}
        refused = await client.call_tool("run_variants", {**run, "l0_targets": [16]})
        assert refused.is_error and "variants and seeds only" in str(refused.content[0])
        _, started = await call(client, "run_variants", **{**run, "variants": [*names, "broken"]})
        while True:
            text, job = await call(client, "wait_for_job", job_id=started["job_id"])
            if job["status"] not in ("queued", "starting", "running"):
                break
        assert job["status"] == "succeeded" and "which says what failed and why" in text, text
        assert "(12 scores)" in text and "9 scored, 0 scored before, 3 failed" in text, text
        assert "broken seed 0: " in text and "NOT pinned by a reviewer" in text, text
        text, _ = await call(client, "read_job_log", job_id=started["job_id"])
        assert "start   steer: 12 of 12 have no score yet" in text, text
        for name in names:
            assert all(f"score   {name} seed {seed}: effect " in text for seed in range(3)), text
        assert text.count("produce broken seed") == 3 and "failed: " in text, text
        _, table = await call(client, "read_benchmarks", sandbox="steer", sort="effect")
        assert [(row["label"], row["stage"]) for row in table["failures"]] == [
            ("broken", "produce")
        ] * 3
        labels = [row["label"] for row in table["rows"]]
        assert labels[0] == "mean_difference" and set(labels) == set(names)
        _, compared = await call(client, "compare_variants", sandbox="steer")
        assert {row["variant"] for row in compared["rows"]} == {"random_direction", "zero"}
        assert all(row["effect"]["mean"] < 0 for row in compared["rows"])
        drawn = await client.call_tool("plot_benchmarks", {"sandbox": "steer"})
        assert any(isinstance(part, ImageContent) for part in drawn.content), drawn
        text, _ = await call(client, "validate_sandbox", sandbox="steer", budget="read")
        assert "FAILED" not in text, text
    cached = settings.model_copy(update={"cache": shared_cache})
    monkeypatch.setenv("FUMEHOOD_CACHE", str(cached.cache))
    found = verified(cached, capsys, rescore=2)
    assert found["sound"] and found["others"] == {"custom_score": 9}, found
    assert found["failures"] == 3
    assert len(found["rescored"]) == 2
    with (settings.sandboxes / "steer" / "evaluation" / "evaluate.py").open("a") as file:
        file.write("# mine\n")
    found = verified(cached, capsys, rescore=1)
    assert found["sound"] and [one["code"] for one in found["findings"]] == ["other_evaluator"]
