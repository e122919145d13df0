"""A workspace of an earlier version (ledger format 1) is read, verified and extended.

The jobs of that version wrote tests/fixtures/workspace_1.tar.xz. Its sandbox `box` has two scores
of topk, three of the variant `mine` (one of them of an edited file) and two failures; one score was
withdrawn. Its key is used in no other workspace.
"""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from fakes.recorded_scores import record_score

from fumehood.cli import main
from fumehood_tools import receipts
from fumehood_tools.bench.table import read_benchmarks
from fumehood_tools.runs.items import Planner
from fumehood_tools.runs.recording import Recorder
from fumehood_tools.sandbox.create import open_sandbox
from fumehood_tools.settings import Settings, load_settings

FIXTURE = Path(__file__).parents[2] / "fixtures" / "workspace_1.tar.xz"
WHOLE = "4 scores and 2 failures with a sound receipt; all is as it was measured"


@pytest.fixture
def older(tmp_path: Path) -> Settings:
    with tarfile.open(FIXTURE) as archive:
        archive.extractall(tmp_path / "ws", filter="data")
    return load_settings(tmp_path / "ws", {"FUMEHOOD_CACHE": str(tmp_path / "cache")})


def verified(
    settings: Settings, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, list[str]]:
    workspace = ["--workspace", str(settings.workspace)]
    code = main(["verify", *workspace, "--rescore", "0", *arguments])
    return code, capsys.readouterr().out.splitlines()


def add_a_score(settings: Settings) -> Path:
    """Have the current evaluator record another seed of topk."""
    box = open_sandbox(settings, "box")
    item = Planner(box, "digest").item("topk", 7)
    out = settings.workspace.parent / "out"
    metrics = {"l0": 32.0, "explained_variance": 0.7, "mse": 1.0, "alive": 0.9}
    files = {name: name.encode() for name in ("sae.safetensors", "core.json")}
    return record_score(Recorder(settings, box, "landlock"), item, metrics, out, files)


def lines_of(settings: Settings) -> list[dict[str, Any]]:
    text = (settings.state / "receipts.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_it_is_sound_and_says_what_was_withdrawn(older: Settings, capsys: Any) -> None:
    assert all("kind" not in line for line in lines_of(older))
    code, [note, last] = verified(older, capsys)
    assert code == 0 and last.endswith(WHOLE)
    assert note.startswith("note: sandboxes/box/results/topk/seed1-b5780470: withdrawn by")


def test_its_scores_stand_in_the_table(older: Settings) -> None:
    table = read_benchmarks(open_sandbox(older, "box").folder)
    assert {row.label: row.seeds for row in table.rows} == {"topk": [0], "mine": [0]}
    assert {row.label: round(row.metrics["l0"].mean, 1) for row in table.rows}["mine"] == 8.0
    assert [failed.label for failed in table.failures] == ["broken", "broken"]
    assert any("withdrawn: 1" in warning for warning in table.warnings)


def test_a_score_of_today_is_added_and_the_mixed_ledger_is_whole(
    older: Settings, capsys: Any
) -> None:
    add_a_score(older)
    lines = lines_of(older)
    assert ["kind" in line for line in lines] == [False] * (len(lines) - 1) + [True]
    code, [*_, last] = verified(older, capsys)
    assert code == 0 and "5 scores and 2 failures" in last
    table = read_benchmarks(open_sandbox(older, "box").folder)
    # The evaluator has changed since, so its scores go into a separate table.
    assert [row.seeds for row in table.rows] == [[7]]
    assert [other.scores for other in table.other_settings] == [4]


def test_a_later_reader_with_a_memory_says_the_same(older: Settings) -> None:
    reader = receipts.LedgerReader(older.state)
    under = receipts.results_of("box")
    before = reader.book(under)
    add_a_score(older)
    now, whole = reader.book(under), receipts.open_book(older.state)
    assert len(now.standing) == len(before.standing) + 1
    assert now.standing == whole.standing and now.tried == whole.tried
    assert reader.sandboxes() == {"box"}


def test_an_old_place_can_be_withdrawn_by_its_short_and_its_long_name(
    older: Settings, capsys: Any
) -> None:
    code, lines = verified(older, capsys, "--withdraw", "box/mine")
    assert code == 0 and len(lines) == 3
    assert all(line.startswith("withdrawn: sandboxes/box/results/mine/seed") for line in lines)
    code, lines = verified(older, capsys, "--withdraw", "sandboxes/box/results/topk")
    assert lines == ["withdrawn: sandboxes/box/results/topk/seed0-01485b7c"]


EDITS = {
    "a line of format 1 edited": lambda text: text.replace('"score"', '"failure"', 1),
    "a line of format 1 taken out": lambda text: "".join(text.splitlines(keepends=True)[1:]),
    "made a line of format 2": lambda text: text.replace(
        '"action":"score"', '"action":"written","kind":"score"', 1
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_change_of_an_old_line_breaks_the_ledger(older: Settings, capsys: Any, name: str) -> None:
    add_a_score(older)
    path = older.state / "receipts.jsonl"
    path.write_text(EDITS[name](path.read_text(encoding="utf-8")), encoding="utf-8")
    code, lines = verified(older, capsys)
    assert code == 1 and any("[ledger_broken]" in line for line in lines)


def test_an_old_record_is_held_to_its_weights_its_source_and_its_folder(
    older: Settings, capsys: Any
) -> None:
    [topk] = older.sandboxes.glob("box/results/topk/seed0-*")
    with (topk / "sae.safetensors").open("r+b") as file:
        file.write(b"\1")
    [mine] = older.sandboxes.glob("box/results/mine/seed1-*")
    (mine / "mine.py").write_text("pass\n", encoding="utf-8")
    [broken] = older.sandboxes.glob("box/results/broken/seed0-*")
    broken.rename(broken.with_name("seed1-moved"))
    code, lines = verified(older, capsys)
    said = "\n".join(lines)
    assert code == 1
    assert "sae.safetensors is not the file that was scored [weights_swapped]" in said
    assert "the variant's file next to the record was edited [variant_edited]" in said
    assert "a record of broken seed 0, not of this folder [misplaced]" in said
