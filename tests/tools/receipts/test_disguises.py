"""Forgeries that look valid: other JSON spellings, other kinds, misleading names, two writers."""

import base64
import json
import os
import shutil
import tarfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from fumehood.cli import main
from fumehood_tools import receipts
from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.bench.table import BenchmarkTable, read_benchmarks
from fumehood_tools.errors import BadRequest, StorageFailed
from fumehood_tools.locking import exclusive
from fumehood_tools.receipts import Draft, Entry, LedgerReader, RecordWriter, Subject, open_book
from fumehood_tools.receipts.ledger import LEDGER_FILE, LOCK_FILE
from fumehood_tools.receipts.reader import CHECKPOINT_FILE
from fumehood_tools.registry import kinds as registry
from fumehood_tools.registry.kinds import RecordKind, register_kind
from fumehood_tools.registry.metrics import Metric
from fumehood_tools.settings import Settings, load_settings

FIXTURE = Path(__file__).parents[2] / "fixtures" / "workspace_1.tar.xz"
PLAN = RecordKind("draft", "studies/*")
DEPTH = Metric("depth", "depth")
PROBE = RecordKind("probe", "sandboxes/*/results/*/seed*/probe", (DEPTH,))
ASIDE = RecordKind("aside", "sandboxes/*/aside/*", (DEPTH,))


@pytest.fixture(autouse=True)
def _kinds() -> Iterator[None]:
    added = (PLAN, PROBE, ASIDE)
    for kind in added:
        register_kind(kind)
    yield
    for kind in added:
        del registry._KINDS[kind.name]


@pytest.fixture
def older(tmp_path: Path) -> Settings:
    with tarfile.open(FIXTURE) as archive:
        archive.extractall(tmp_path / "ws", filter="data")
    return load_settings(tmp_path / "ws", {"FUMEHOOD_CACHE": str(tmp_path / "cache")})


def table_of(bench: Any, shelf: Shelf | None = None) -> BenchmarkTable:
    return read_benchmarks(bench.sandbox("box").folder, shelf=shelf)


def shown(bench: Any) -> set[str]:
    return {f"{row.variant} {seed}" for row in table_of(bench).rows for seed in row.seeds}


def receipt_of(folder: Path) -> str:
    return receipts.mac_of(json.loads((folder / "score.json").read_text(encoding="utf-8")))


SPELLINGS = {
    "slashes escaped": lambda line: line.replace("/", "\\/"),
    "letters escaped": lambda line: line.replace("sandboxes/box", "\\u0073andboxes/box"),
    "spaces": lambda line: line.replace('":"', '": "'),
    "a place said twice": lambda line: line.replace("{", '{"place":"elsewhere",', 1),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_ledger_whose_lines_are_spelled_otherwise_is_broken(
    bench: Any, verify: Any, stored: Any, name: str
) -> None:
    verify("--withdraw", "box/topk")
    shutil.rmtree(stored["standard"])
    path = bench.settings.state / LEDGER_FILE
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(map(SPELLINGS[name], lines)), encoding="utf-8")
    assert any("[ledger_broken]" in line for line in verify.wrong())
    assert "ledger of receipts is edited" in table_of(bench).text()


def test_a_failure_of_format_1_does_not_count_as_a_record_of_another_kind(
    older: Settings, capsys: Any
) -> None:
    for path in older.sandboxes.glob("box/results/broken/seed*/failure.json"):
        path.rename(path.with_name("draft.json"))
    code = main(["verify", "--workspace", str(older.workspace), "--rescore", "0"])
    said = capsys.readouterr().out
    assert code == 1 and said.count("[misplaced]") == 2
    table = read_benchmarks(older.sandboxes / "box")
    assert any("not of this folder" in left.reason for left in table.left_out)


def test_a_reader_of_an_empty_ledger_takes_over_no_checkpoint_without_its_lines(
    tmp_path: Path,
) -> None:
    state, under = tmp_path / ".fumehood", receipts.results_of("box")
    key = receipts.make_key(state)
    reader = LedgerReader(state)
    assert not reader.book(under).standing
    places = [f"{under}/topk/seed{number}" for number in range(300)]
    receipts.append(state, key, [Entry("written", "score", p, p) for p in places])
    LedgerReader(state).adopt(under)
    assert (state / CHECKPOINT_FILE).exists()
    assert reader.book(under).standing == open_book(state).standing


TALKING = {
    "a line": "seed0\nworkspace 0: all is as it was measured",
    "a terminal's command": "seed0\x1b[8m",
    "no text": os.fsdecode(b"seed0\xff"),
}


@pytest.mark.parametrize("name", TALKING)
def test_a_folder_whose_name_talks_says_nothing_in_findings_and_tables(
    bench: Any, verify: Any, stored: Any, name: str
) -> None:
    shutil.copytree(stored["topk"], stored["topk"].with_name(TALKING[name]))
    (stored["topk 1"] / "sae.safetensors").unlink()
    code, lines = verify()
    assert code == 1 and all(line.isprintable() for line in lines)
    assert "1 problem found" in lines[-1]
    assert table_of(bench).model_dump_json()


def test_what_a_killed_writer_left_is_no_record(bench: Any, verify: Any) -> None:
    writer = RecordWriter(bench.settings.workspace, "studies")
    writer.write(Draft("draft", "studies/first", {"seeds": 3}))
    first = bench.settings.workspace / "studies/first"
    shutil.copytree(first, first.with_name(".new-k3x9"))
    assert verify()[0] == 0
    with pytest.raises(BadRequest):
        writer.write(Draft("draft", "studies/.new-k3x9", {"seeds": 3}))


@pytest.mark.parametrize("kind", ["link", "file"])
def test_a_record_takes_the_place_of_whatever_lies_there(
    bench: Any, verify: Any, tmp_path: Path, kind: str
) -> None:
    folder = bench.failure("topk")
    shutil.rmtree(folder)
    kept = tmp_path / "kept"
    kept.mkdir()
    folder.symlink_to(kept) if kind == "link" else folder.write_text("", encoding="utf-8")
    assert bench.score("topk") == folder and not folder.is_symlink()
    assert verify()[0] == 0 and kept.is_dir()


def test_a_record_that_cannot_be_written_gives_up_nothing(bench: Any, verify: Any) -> None:
    writer = RecordWriter(bench.settings.workspace, "studies")
    writer.write(Draft("draft", "studies/first", {"seeds": 3}))
    folder = bench.settings.workspace / "studies/first"
    missing = {"notes.txt": bench.settings.workspace / "nowhere"}
    with pytest.raises(StorageFailed):
        writer.write(Draft("draft", "studies/first", {"seeds": 5}, missing))
    assert verify()[0] == 0
    shutil.rmtree(folder)
    [line] = verify.wrong()
    assert "[deleted]" in line


def test_a_file_of_a_record_cannot_be_called_like_another_record(bench: Any) -> None:
    writer = RecordWriter(bench.settings.workspace, "studies")
    with pytest.raises(BadRequest, match="plain file name"):
        writer.write(Draft("draft", "studies/first", {}, {"score.json": b"{}"}))


def test_two_writers_at_one_place_leave_the_record_that_the_ledger_knows(
    bench: Any, verify: Any
) -> None:
    """Two writers wait while a third holds the ledger's lock; the last one to write counts."""
    workspace, places = bench.settings.workspace, [f"studies/{number}" for number in range(8)]
    writers = [RecordWriter(workspace, "studies") for _ in range(2)]

    def write(number: int, place: str) -> None:
        writers[number].write(Draft("draft", place, {"writer": number}))

    def holds(number: int, place: str) -> bool:
        path = workspace / place / "draft.json"
        return path.exists() and f'"writer": {number}' in path.read_text(encoding="utf-8")

    with ThreadPoolExecutor(16) as pool:
        with exclusive(bench.settings.state / LOCK_FILE):
            done = []
            for number in range(2):
                done += [pool.submit(write, number, place) for place in places]
                until = time.monotonic() + 1
                while time.monotonic() < until and not all(holds(number, p) for p in places):
                    pass
        for one in done:
            one.result()
    assert verify.wrong() == []


def test_an_export_names_what_was_withdrawn_also_when_its_files_are_gone(
    bench: Any, verify: Any, stored: Any, tmp_path: Path
) -> None:
    verify("--withdraw", "box/topk")
    shutil.rmtree(stored["topk"])
    to = tmp_path / "receipts.jsonl"
    assert verify("--export", str(to))[0] == 0
    index = json.loads(base64.b64decode(json.loads(to.read_bytes().splitlines()[-1])["payload"]))
    both = sorted(bench.place(stored[name]) for name in ("topk", "topk 1"))
    assert index["predicate"]["withdrawn"] == both


def test_a_line_that_nobody_signed_says_nothing_to_the_terminal(
    bench: Any, verify: Any, capsys: Any, tmp_path: Path
) -> None:
    bench.score("topk")
    to = tmp_path / "receipts.jsonl"
    verify("--export", str(to))
    lie = "x\n1 receipts of workspace 0: all signed, none is missing\x1b[8m"
    payload = json.dumps({"predicateType": "x", "predicate": {"place": lie}}).encode()
    signature = {"keyid": "\x1b[2J\n", "sig": ""}
    envelope = {
        "payloadType": "application/vnd.in-toto+json",
        "payload": base64.b64encode(payload).decode(),
        "signatures": [signature],
    }
    to.write_bytes(json.dumps(envelope).encode() + b"\n" + to.read_bytes())
    code = main(["verify", str(to), "--key", f"{to}.pub"])
    lines = capsys.readouterr().out.split("\n")
    assert code == 1 and all(line.isprintable() for line in lines)
    assert [line for line in lines if line.startswith("1 receipts")] == lines[-2:-1]


def evaluate(bench: Any, place: str, kind: str, folder: Path, depth: float) -> Path:
    """Record the result of another evaluator for a score."""
    subject = Subject(bench.place(folder), receipt_of(folder))
    writer = RecordWriter(bench.settings.workspace, "sandboxes/box")
    writer.write(Draft(kind, place, {"metrics": {"depth": depth}}, {}, subject))
    return Path(bench.settings.workspace / place)


def depth_of(bench: Any, shelf: Shelf | None = None) -> float | None:
    [row] = table_of(bench, shelf).rows
    measured = row.metrics.get("depth")
    return measured.mean if measured is not None else None


def test_of_two_evaluations_in_one_second_the_later_one_counts(bench: Any) -> None:
    folder = bench.score("topk")
    for place, depth in (("z", 0.9), ("a", 0.1)):
        evaluate(bench, f"sandboxes/box/aside/{place}", "aside", folder, depth)
    assert depth_of(bench) == 0.1


def test_an_evaluation_in_the_folder_of_its_score_is_read_anew_when_it_changes(bench: Any) -> None:
    folder = bench.score("topk")
    place = f"{bench.place(folder)}/probe"
    shelf = Shelf(bench.settings.state, lambda: time.time() + 3600)
    assert depth_of(bench, shelf) is None
    probe = evaluate(bench, place, "probe", folder, 0.9)
    assert depth_of(bench, shelf) == 0.9
    shutil.rmtree(probe)
    assert depth_of(bench, shelf) is None


def test_what_a_score_measured_is_not_replaced_by_what_another_kind_measured(bench: Any) -> None:
    known = registry.known_metrics()
    again = RecordKind("again", "sandboxes/*/again/*", (known["l0"], known["explained_variance"]))
    register_kind(again)
    try:
        folder = bench.score("topk")
        subject = Subject(bench.place(folder), receipt_of(folder))
        content = {"metrics": {"l0": 1.0, "explained_variance": 0.99}}
        writer = RecordWriter(bench.settings.workspace, "sandboxes/box")
        writer.write(Draft("again", "sandboxes/box/again/a", content, {}, subject))
        [row] = table_of(bench).rows
        assert (row.metrics["l0"].mean, row.metrics["explained_variance"].mean) == (32.0, 0.73)
    finally:
        del registry._KINDS["again"]


@pytest.mark.parametrize("name", ["receipts.jsonl", "receipts.head.json", "receipt.key"])
def test_a_pipe_in_the_place_of_the_ledger_is_not_waited_for(
    bench: Any, stored: Any, capsys: Any, name: str
) -> None:
    path = bench.settings.state / name
    path.unlink()
    os.mkfifo(path)
    place = ["--workspace", str(bench.settings.workspace)]
    assert main(["verify", *place, "--rescore", "0"]) == 1
    said = capsys.readouterr()
    assert "FIFO" in said.err or "[ledger_broken]" in said.out


def test_a_pipe_in_the_place_of_a_record_is_named_without_the_folders_of_this_machine(
    bench: Any, stored: Any, verify: Any
) -> None:
    for path in stored["topk"], stored["topk 1"]:
        (path / "score.json").unlink()
        os.mkfifo(path / "score.json")
    assert all("score.json is damaged (a FIFO" in line for line in verify.wrong())
    [left] = table_of(bench).left_out
    assert left.count == 2 and str(bench.settings.workspace) not in left.reason
