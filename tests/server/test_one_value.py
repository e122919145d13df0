"""A wing with a tool, a setting, a kind of record with two metrics, and a subcommand.

The value HAZE below declares all of it. Nothing else in fumehood refers to it.
"""

import argparse
import json
from pathlib import Path
from typing import Annotated, Any

import pytest
from fakes.records import put_score
from mcp import Client
from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel

from fumehood.app import build_server
from fumehood.cli import main
from fumehood.instructions import Guidance, Sentence
from fumehood.tooling import Toolbox, answer
from fumehood.wings import WINGS, Command, Wing, declared_by
from fumehood_tools.receipts import Draft, RecordWriter, Subject, mac_of, place_of
from fumehood_tools.registry.kinds import RecordKind
from fumehood_tools.registry.metrics import Metric
from fumehood_tools.sandbox.create import Sandbox, create_sandbox, open_sandbox
from fumehood_tools.settings import Settings, load_settings
from fumehood_tools.wings.declared import Declared, Setting

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("own_kinds")]


class Measured(BaseModel):
    """The number of SAEs that were measured."""

    saes: int


def register(toolbox: Toolbox) -> None:
    """Declare the one tool of the wing."""

    @toolbox.tool(
        title="Measure haze",
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=False,
    )
    def measure_haze(sandbox: str) -> Annotated[CallToolResult, Measured]:
        """Measure the haze of every scored SAE. Next: read_benchmarks."""
        box, workspace = open_sandbox(toolbox.settings, sandbox), toolbox.settings.workspace
        writer = RecordWriter(workspace, place_of(box.folder, workspace))
        paths = sorted(box.results.glob("*/seed*/score.json"))
        for path in paths:
            score = json.loads(path.read_text(encoding="utf-8"))
            haze = toolbox.settings.of(FACTOR) * (1 if score["variant"] == "mine" else 3)
            content = {"metrics": {"haze": haze + 0.001 * score["seed"], "glare": 7.0}}
            place = place_of(box.folder / "haze" / f"{path.parts[-3]}-{path.parts[-2]}", workspace)
            about = Subject(place_of(path.parent, workspace), mac_of(score))
            files: dict[str, bytes | Path] = {"haze.txt": b"how it was measured"}
            writer.write(Draft("haze", place, content, files, about))
        return answer(f"measured {len(paths)} SAEs", Measured(saes=len(paths)))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the argument of the subcommand."""
    parser.add_argument("--times", type=float, default=1.0)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Run the subcommand."""
    print(f"factor {options.times * settings.of(FACTOR)}")
    return 0


FACTOR = Setting("HAZE_FACTOR", 0.5, "what haze is multiplied with")
HAZE = Wing(
    name="haze",
    door=register,
    guidance=Guidance(rules=(Sentence("measure_haze: less is better.", ("measure_haze",)),)),
    commands=(Command("haze", "print the factor", __name__),),
    declared=Declared(
        settings=(FACTOR,),
        kinds=(
            RecordKind(
                "haze",
                "sandboxes/*/haze/*",
                (
                    Metric("haze", "haze", digits=3, better="lower", margin=0.01, smallest=1e-3),
                    Metric("glare", "glare", digits=1),
                ),
            ),
        ),
    ),
)
ALL = (*WINGS, HAZE)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    environ = {"FUMEHOOD_CACHE": str(tmp_path / "cache"), "HAZE_FACTOR": "0.1"}
    return load_settings(tmp_path / "workspace", environ, declared=declared_by(ALL))


@pytest.fixture
def box(settings: Settings) -> Sandbox:
    """A sandbox with scores of a baseline at three levels and of one variant between them."""
    box = create_sandbox(settings, "box", subject="synthetic", layer=0, corpus="synthetic")
    (box.variants / "mine.py").write_text('"""Mine."""\n', encoding="utf-8")
    for seed in range(3):
        for k in (16, 32, 64):
            changed: dict[str, Any] = {"parameters": {"K": k}} if k != 32 else {}
            put_score(box, "topk", float(k), 0.7 + 0.001 * (k + seed), seed, **changed)
        put_score(box, "mine", 40.0, 0.75, seed)
    put_score(box, "untrained", 32.0, 0.05)
    return box


async def called(client: Client, tool: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
    result = await client.call_tool(tool, arguments)
    text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
    assert not result.is_error, text
    return text, result.structured_content or {}


def verified(settings: Settings, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    workspace = ["--workspace", str(settings.workspace), "--rescore", "0"]
    return main(["verify", *workspace], ALL), capsys.readouterr().out


@pytest.mark.child
async def test_one_value_adds_it_everywhere(
    settings: Settings, box: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Client(build_server(settings, wings=ALL)) as client:
        before, _ = await called(client, "read_benchmarks", sandbox="box")
        assert "haze" not in before
        # The tool is served.
        said, found = await called(client, "measure_haze", sandbox="box")
        assert found == {"saes": 13} and said == "measured 13 SAEs"
        # Its metrics appear in the table, the plot and the comparison.
        text, table = await called(client, "read_benchmarks", sandbox="box", sort="haze")
        [head] = [line for line in text.splitlines() if line.startswith("variant ")]
        assert "haze glare" in " ".join(head.split())
        assert table["rows"][0]["label"] == "mine"
        assert table["rows"][0]["metrics"]["haze"][0] == pytest.approx(0.101)
        plot, _ = await called(client, "plot_benchmarks", sandbox="box", metrics=["haze", "glare"])
        assert (
            "L0 against haze; right: L0 against glare" in plot and "Lowest haze: mine 0.101" in plot
        )
        compared, _ = await called(client, "compare_variants", sandbox="box", metric="haze")
        assert "haze against topk at the same L0" in compared
        assert "-0.200 [-0.200, -0.200]" in compared and "glare" in compared
    # Its receipts verify, but not after they are edited.
    code, said = verified(settings, capsys)
    assert code == 0 and "13 scores, 0 failures and 13 of kind haze" in said
    path = next((box.folder / "haze").glob("mine-*/haze.json"))
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"glare": 7.0', '"glare": 1.0'), encoding="utf-8")
    code, said = verified(settings, capsys)
    assert code == 1 and "the record was edited after it was signed" in said


def test_its_subcommand_reads_its_setting(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HAZE_FACTOR", "0.25")
    assert main(["haze", "--times", "2", "--workspace", str(tmp_path)], ALL) == 0
    assert capsys.readouterr().out == "factor 0.5\n"
