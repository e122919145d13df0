"""Records of kinds other than score are signed and listed, and their files and subjects checked."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fumehood_tools import receipts
from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.receipts import Draft, RecordWriter, Subject
from fumehood_tools.registry.kinds import RecordKind, register_kind

PLAN = RecordKind("draft", "studies/*")
PLACE = "studies/first"
CONTENT = {"question": "Does a gain per latent help?", "seeds": 3}


@pytest.fixture(autouse=True)
def _plans(own_kinds: None) -> None:
    register_kind(PLAN)


@pytest.fixture
def writer(bench: Any) -> RecordWriter:
    return RecordWriter(bench.settings.workspace, "studies")


def plan(writer: RecordWriter, place: str = PLACE, **more: Any) -> Path:
    """Write the record of a plan with one file; return its folder."""
    writer.write(Draft("draft", place, CONTENT, {"notes.txt": b"Nothing was run yet."}, **more))
    return writer.workspace / place


def test_a_plan_is_counted_beside_scores(bench: Any, verify: Any, writer: RecordWriter) -> None:
    bench.score("topk")
    plan(writer)
    code, [last] = verify()
    assert code == 0
    assert "1 scores, 0 failures and 1 of kind draft with a sound receipt" in last
    record = json.loads((writer.workspace / PLACE / "draft.json").read_text(encoding="utf-8"))
    assert record["question"] == CONTENT["question"]
    assert record["files"]["notes.txt"]["bytes"] == 20


def edit_record(folder: Path) -> None:
    path = folder / "draft.json"
    path.write_text(path.read_text(encoding="utf-8").replace("gain", "loss"), encoding="utf-8")


def edit_file(folder: Path) -> None:
    (folder / "notes.txt").write_text("Everything was run", encoding="utf-8")


def edit_file_in_size(folder: Path) -> None:
    (folder / "notes.txt").write_bytes(b"Nothing was run YET.")


def delete_file(folder: Path) -> None:
    (folder / "notes.txt").unlink()


def move(folder: Path) -> None:
    folder.rename(folder.with_name("second"))


def copy(folder: Path) -> None:
    shutil.copytree(folder, folder.with_name("second"))


def delete(folder: Path) -> None:
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("tamper", "code"),
    [
        (edit_record, "edited"),
        (edit_file, "file_edited"),
        (edit_file_in_size, "file_edited"),
        (delete_file, "file_edited"),
        (move, "deleted"),
        (copy, "copied"),
        (delete, "deleted"),
    ],
)
def test_what_was_done_to_a_plan_is_found(
    verify: Any, writer: RecordWriter, tamper: Any, code: str
) -> None:
    tamper(plan(writer))
    assert any(f"[{code}]" in line for line in verify.wrong())


def test_a_plan_that_is_replaced_is_no_deletion_and_the_older_one_cannot_come_back(
    verify: Any, writer: RecordWriter
) -> None:
    folder = plan(writer)
    older = (folder / "draft.json").read_bytes()
    writer.write(Draft("draft", PLACE, {**CONTENT, "seeds": 5}, {"notes.txt": b"."}))
    assert verify()[0] == 0
    (folder / "draft.json").write_bytes(older)
    (folder / "notes.txt").write_bytes(b"Nothing was run yet.")
    [line] = verify.wrong()
    assert "[put_back]" in line


def test_a_plan_that_a_crash_kept_out_of_the_ledger_is_entered_by_the_next_writer(
    bench: Any, verify: Any, writer: RecordWriter
) -> None:
    folder = plan(writer)
    ledger = bench.settings.state / "receipts.jsonl"
    head = bench.settings.state / "receipts.head.json"
    before = ledger.read_bytes(), head.read_bytes()
    plan(writer, "studies/second")
    ledger.write_bytes(before[0])
    head.write_bytes(before[1])
    code, lines = verify()
    assert code == 0 and "studies/second: not in the ledger" in lines[0]
    RecordWriter(bench.settings.workspace, "studies")
    code, [last] = verify()
    assert code == 0 and "2 of kind draft" in last and folder.is_dir()


def test_a_folder_that_a_crash_left_half_written_is_no_finding(
    verify: Any, writer: RecordWriter
) -> None:
    folder = plan(writer)
    shutil.copytree(folder, folder.with_name(".new-a1b2c3"))
    code, [last] = verify()
    assert code == 0 and "1 of kind draft" in last


def test_a_plan_about_a_score_is_held_to_that_score(
    bench: Any, verify: Any, writer: RecordWriter
) -> None:
    folder = bench.score("topk")
    mac = receipts.mac_of(json.loads((folder / "score.json").read_text(encoding="utf-8")))
    plan(writer, subject=Subject(bench.place(folder), mac))
    assert verify()[0] == 0
    plan(writer, "studies/second", subject=Subject(bench.place(folder), "0" * 64))
    [line] = verify.wrong()
    assert "studies/second: about a record of" in line and "[no_subject]" in line


def test_a_plan_about_a_score_that_was_replaced_or_withdrawn_says_so(
    bench: Any, verify: Any, writer: RecordWriter
) -> None:
    folder = bench.score("topk")
    mac = receipts.mac_of(json.loads((folder / "score.json").read_text(encoding="utf-8")))
    plan(writer, subject=Subject(bench.place(folder), mac))
    verify("--withdraw", bench.place(folder))
    code, lines = verify()
    assert code == 0
    assert any(f"note: {PLACE}: about a record" in line for line in lines)


@pytest.mark.child
def test_a_process_that_does_not_know_the_kind_verifies_its_receipts_all_the_same(
    bench: Any, writer: RecordWriter
) -> None:
    folder = plan(writer)

    def verified() -> subprocess.CompletedProcess[str]:
        place = ["--workspace", str(bench.settings.workspace), "--rescore", "0"]
        command = [sys.executable, "-m", "fumehood", "verify", *place]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    done = verified()
    assert done.returncode == 0 and "1 of kind draft" in done.stdout, done.stderr
    edit_file(folder)
    done = verified()
    assert done.returncode == 1 and "notes.txt is not the file that was recorded" in done.stdout


def test_what_is_no_kind_no_place_and_no_file_name_is_refused(
    bench: Any, writer: RecordWriter
) -> None:
    with pytest.raises(UnknownName, match="kind of record"):
        writer.write(Draft("plain", PLACE, CONTENT))
    for place in ("studies/../sandboxes/x", "/studies/x", "studies//x", ".fumehood/x", "other/x"):
        with pytest.raises(BadRequest):
            writer.write(Draft("draft", place, CONTENT))
    for name in ("../x", "a/b", "draft.json", ""):
        with pytest.raises(BadRequest):
            writer.write(Draft("draft", PLACE, CONTENT, {name: b""}))
    with pytest.raises(BadRequest, match=r"cannot be at studies/first/deeper.*like studies/\*"):
        writer.write(Draft("draft", f"{PLACE}/deeper", CONTENT))
    with pytest.raises(BadRequest, match="Two kinds"):
        register_kind(RecordKind("draft", "elsewhere/*"))
