"""Reflections and reports through a real client and server, and the command `fumehood study`."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from fumehood.app import build_server
from fumehood.cli import main
from fumehood_tools.hunts.journal import enter
from fumehood_tools.hunts.records import (
    Concept,
    HuntOpened,
    HuntProbe,
    HuntScore,
    Measure,
    RepeatScore,
)
from fumehood_tools.settings import Settings

pytestmark = [pytest.mark.anyio]

PARTS = {
    "plan": "There is no plan: {{study#plans}}.",
    "code": "None.",
    "walk_through": "It was opened.",
    "results": "None yet.",
    "limitations": "Nothing was measured.",
}


async def call(client: Client, tool: str, **arguments: Any) -> tuple[str, Any]:
    """Return text and structure of a call."""
    result = await client.call_tool(tool, arguments)
    text = result.content[0].text  # type: ignore[union-attr]
    return ("ERROR " if result.is_error else "") + text, result.structured_content


async def test_a_study_is_reflected_on_reported_exported_and_verified(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Client(build_server(settings)) as client:
        await call(client, "open_study", study="threshold", question="Does it help?")
        said, _ = await call(
            client,
            "record_reflection",
            study="threshold",
            insight="It gains 0.03.",
            next_step="Go on.",
            evidence=["entry:1"],
        )
        assert said.startswith("ERROR") and "'0.03' is a number that no evidence has" in said
        said, found = await call(
            client,
            "record_reflection",
            study="threshold",
            insight="Nothing is known yet.",
            next_step="Plan 3 seeds.",
            evidence=["entry:1"],
            notes=[{"kind": "hypothesis", "text": "It helps."}],
        )
        assert found["entries"] == [2, 3] and found["evidence"]["entry:1"] == "entry 1 (study)"
        assert "plan_experiment" in said
        said, _ = await call(
            client, "write_report", study="threshold", title="Nothing", **{**PARTS, "code": "0.5"}
        )
        assert "code, line 1, column 1: '0.5' is a typed number" in said
        said, report = await call(
            client, "write_report", study="threshold", title="Nothing", **PARTS
        )
        assert report["entry"] == 4 and "fumehood study export" in report["next"]
        assert (settings.workspace / report["html"]).is_file()
    where = ["--workspace", str(settings.workspace)]
    archive = tmp_path / "study.zip"
    assert main(["study", "export", "threshold", *where, "--to", str(archive), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["receipts"] == 4 and made["wrong"] == []
    assert main(["verify", str(archive), "--key", f"{archive}.pub", "--json"]) == 0
    checked = json.loads(capsys.readouterr().out)
    assert checked["sound"] and checked["head"] == made["head"]
    assert main(["verify", str(archive), "--head", "0123456789"]) == 1
    assert "an older copy that was put back" in capsys.readouterr().out


async def test_the_command_lists_reads_and_gives_out_reports(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--workspace", str(settings.workspace)]
    async with Client(build_server(settings)) as client:
        await call(client, "open_study", study="threshold", question="Does it help?")
        assert main(["study", "report", "threshold", *where, "--to", str(tmp_path / "out")]) == 1
        assert "Call write_report first" in capsys.readouterr().err
        _, report = await call(client, "write_report", study="threshold", title="No", **PARTS)
    assert main(["study", "list", *where, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"study": "threshold", "entries": 2}]
    assert main(["study", "read", "threshold", *where, "--full"]) == 0
    assert "Does it help?" in capsys.readouterr().out
    assert main(["study", "report", "threshold", *where, "--to", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "report.html").is_file()
    assert main(["verify", *where, "--rescore", "0"]) == 0
    assert "1 of kind report" in capsys.readouterr().out
    markdown = settings.workspace / report["markdown"]
    markdown.write_text("# Better\n", encoding="utf-8")
    assert main(["study", "report", "threshold", *where, "--to", str(tmp_path / "out")]) == 1
    assert "report.md is not the file that was recorded" in capsys.readouterr().err
    assert main(["verify", *where, "--rescore", "0"]) == 1
    assert main(["study", "export", "threshold", *where, "--to", "x.tar"]) == 2


def enter_hunt(settings: Settings, name: str, score: float | None) -> None:
    """Enter a hunt with two questions, as its tools and its job do."""
    measure = Measure(
        value=0.91, random=0.5, random_spread=0.1, best=0.95, best_latent=3, score=score
    )
    opened = HuntOpened(
        sae="sandboxes/box/results/topk/seed0-1",
        sae_receipt="0" * 64,
        weights_sha256="0" * 64,
        subject="synthetic",
        layer=0,
        site="resid_post",
        dict_size=8,
        family="planted",
        concepts=[Concept(word=str(one), told="a feature") for one in (1, 2, 3)],
        questions=16,
        control_seeds=[1],
        tries=[1, 2, 1],
        written="2026-11-30T00:00:00+00:00",
    )
    enter(settings.workspace, name, "0a", opened)
    for latent in ("3", "4"):
        enter(
            settings.workspace,
            name,
            "1",
            HuntProbe(repeat=1, asked="latent", content=latent, written=opened.written),
        )
    if score is not None:
        repeat = RepeatScore(
            repeat=1,
            word="1",
            latent=3,
            positives=90,
            tokens=900,
            detection=measure,
            f1=0.8,
            f1_best=0.9,
            steering=measure,
            damage=0.1,
            damage_random=0.1,
            damage_best=None,
            best_latent=3,
            best_both=1.0,
            score=score,
        )
        scored = HuntScore(
            score=score,
            low=None,
            high=None,
            repeats=[repeat],
            tries=[1, 2, 1],
            answers=[],
            seconds=1.0,
            written=opened.written,
        )
        enter(settings.workspace, name, "0", scored)


async def test_a_study_and_its_report_name_the_hunts_since_it_was_opened(
    settings: Settings,
) -> None:
    enter_hunt(settings, "before", 0.5)
    async with Client(build_server(settings)) as client:
        await call(client, "open_study", study="found", question="Can it be found?")
        said, _ = await call(client, "read_study", study="found")
        assert "hunt" not in said.partition("Next:")[0]
        enter_hunt(settings, "one", 0.75)
        enter_hunt(settings, "two", None)
        shutil.rmtree(settings.workspace / "hunts" / "two")
        said, _ = await call(client, "read_study", study="found")
        assert "2 hunts since it was opened (0: a random direction): one (score 0.75, 2" in said
        assert "two (no score, 2 questions)" in said and "before" not in said
        note = {"kind": "decision", "text": "Go on."}
        await call(client, "record_reflection", study="found", notes=[note])
        _, page = await call(client, "write_report", study="found", title="Found", **PARTS)
    notebook = settings.workspace / "studies" / "found" / "notebook.md"
    assert "## Hunts" in notebook.read_text(encoding="utf-8")
    report = (settings.workspace / page["markdown"]).read_text(encoding="utf-8")
    assert "### Hunts" in report and "no claim rests on them" in report
    assert "AUROC 0.91, random 0.50" in report and "its task is gone" in report
