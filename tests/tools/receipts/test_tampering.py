"""Every known way to tamper with stored results, and the message about each of them."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from fumehood.cli import main
from fumehood_tools import receipts
from fumehood_tools.bench.table import BenchmarkTable, read_benchmarks
from fumehood_tools.files import write_json


def table_of(bench: Any) -> BenchmarkTable:
    return read_benchmarks(bench.sandbox("box").folder)


def shown(bench: Any) -> set[str]:
    return {f"{row.variant} {seed}" for row in table_of(bench).rows for seed in row.seeds}


def test_an_untouched_workspace_is_found_sound(bench: Any, verify: Any, stored: Any) -> None:
    code, lines = verify()
    assert code == 0 and len(lines) == 1
    assert "3 scores and 1 failures with a sound receipt; all is as it was measured" in lines[0]
    assert shown(bench) == {"topk 0", "topk 1", "standard 0"}


def test_an_edited_metric_is_found_and_not_shown(bench: Any, verify: Any, stored: Any) -> None:
    def better(record: dict[str, Any]) -> None:
        record["metrics"]["explained_variance"] = 0.99

    bench.edit(stored["topk"] / "score.json", better)
    [line] = verify.wrong()
    assert line == (
        f"wrong: {bench.place(stored['topk'])}: the record was edited after it was signed [edited]"
    )
    assert shown(bench) == {"topk 1", "standard 0"}
    assert "edited after it was signed" in table_of(bench).text()


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record.update(note="checked by hand"),
        lambda record: record.pop("inertness"),
        lambda record: record.update(seed=1),
        lambda record: record["receipt"].update(note="valid"),
        lambda record: record["data"].update(eval_tokens=100.0),
    ],
    ids=["field added", "field removed", "seed", "receipt", "number's type"],
)
def test_any_change_of_a_record_is_found(bench: Any, verify: Any, stored: Any, change: Any) -> None:
    bench.edit(stored["topk"] / "score.json", change)
    [line] = verify.wrong()
    assert "[edited]" in line and "topk 0" not in shown(bench)


def test_a_second_value_for_a_key_is_no_way_round(bench: Any, verify: Any, stored: Any) -> None:
    path = stored["topk"] / "score.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"seed": 0,', '"seed": 7, "seed": 0,', 1), encoding="utf-8")
    [line] = verify.wrong()
    assert "same key twice" in line and "topk 0" not in shown(bench)


def test_swapped_weights_are_found(bench: Any, verify: Any, stored: Any) -> None:
    name = "sae.safetensors"
    shutil.copyfile(stored["topk 1"] / name, stored["topk"] / name)
    [line] = verify.wrong()
    assert line == (
        f"wrong: {bench.place(stored['topk'])}: {name} is not the file that was scored "
        "[weights_swapped]"
    )


def test_weights_of_another_size_are_not_even_shown(bench: Any, verify: Any, stored: Any) -> None:
    (stored["topk"] / "sae.safetensors").write_bytes(b"other weights")
    (stored["standard"] / "sae.safetensors").unlink()
    lines = verify.wrong()
    assert [line.rpartition(" ")[2] for line in lines] == ["[weights_missing]", "[weights_swapped]"]
    assert shown(bench) == {"topk 1"}


def test_an_edited_variant_beside_a_score_is_found(bench: Any, verify: Any, stored: Any) -> None:
    path = stored["topk"] / "topk.py"
    path.write_text(path.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    [line] = verify.wrong()
    assert line == (
        f"wrong: {bench.place(stored['topk'])}: the variant's file next to the record was edited "
        "[variant_edited]"
    )
    assert shown(bench) == {"topk 1", "standard 0"}


def test_a_variant_edited_after_its_score_is_named_and_no_alarm(
    bench: Any, verify: Any, stored: Any
) -> None:
    path = bench.sandbox("box").variants / "topk.py"
    path.write_text(path.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    code, lines = verify()
    assert code == 0
    assert lines[0] == "note: box/topk: variants/topk.py was edited after it was scored [stale]"


def test_an_edited_result_file_of_sae_bench_is_found(bench: Any, verify: Any, stored: Any) -> None:
    (stored["topk"] / "core.json").write_text("{}", encoding="utf-8")
    (stored["topk"] / "train_log.jsonl").unlink()
    edited, gone = verify.wrong()
    assert "core.json was edited since the score was signed [file_edited]" in edited
    assert "train_log.jsonl is gone since the score was signed [file_edited]" in gone


def test_a_receipt_of_another_workspace_is_found(
    bench: Any, verify: Any, stored: Any, tmp_path: Path
) -> None:
    theirs = type(bench)(tmp_path / "elsewhere").score("gated", explained_variance=0.99)
    copied = bench.sandbox("box").results / "gated" / theirs.name
    shutil.rmtree(copied)
    shutil.copytree(theirs, copied)
    [line] = verify.wrong()
    assert line == (
        f"wrong: {bench.place(copied)}: a receipt of another workspace; scores count only where "
        "they were measured, so call run_variants here [other_workspace]"
    )
    assert "gated 0" not in shown(bench)
    assert "another workspace" in table_of(bench).text()


def test_a_receipt_that_claims_our_workspace_is_found(
    bench: Any, verify: Any, stored: Any, tmp_path: Path
) -> None:
    ours = json.loads((stored["topk"] / "score.json").read_text(encoding="utf-8"))
    theirs = type(bench)(tmp_path / "elsewhere").score("topk", explained_variance=0.99)

    def claim(record: dict[str, Any]) -> None:
        record["receipt"]["workspace"] = ours["receipt"]["workspace"]

    bench.edit(theirs / "score.json", claim)
    shutil.copyfile(theirs / "score.json", stored["topk"] / "score.json")
    [line] = verify.wrong()
    assert "[edited]" in line and "topk 0" not in shown(bench)


def test_a_deleted_receipt_is_found_and_said_in_the_table(
    bench: Any, verify: Any, stored: Any
) -> None:
    shutil.rmtree(stored["topk"])
    (stored["gated"] / "failure.json").unlink()
    failure, score = verify.wrong()
    assert score.startswith(
        f"wrong: {bench.place(stored['topk'])}: deleted: the receipt of a score of 20"
    )
    assert f"--withdraw {bench.place(stored['topk'])} [deleted]" in score
    assert failure.startswith(
        f"wrong: {bench.place(stored['gated'])}: deleted: the receipt of a failure of 20"
    )
    [warning, *_] = table_of(bench).warnings
    assert "Receipts of this sandbox were deleted: 2" in warning
    assert bench.place(stored["topk"]) in warning


def test_a_receipt_of_another_sandbox_is_found(bench: Any, verify: Any, stored: Any) -> None:
    theirs = bench.score("gated", sandbox="other", explained_variance=0.99)
    copied = bench.sandbox("box").results / "gated" / "seed0-ffffffff"
    shutil.copytree(theirs, copied)
    [line] = verify.wrong()
    assert f"a copy of the receipt of {bench.place(theirs)} [copied]" in line
    assert "gated 0" not in shown(bench)


def test_a_receipt_under_another_name_is_found(bench: Any, verify: Any, stored: Any) -> None:
    stored["topk"].rename(stored["standard"].parent / "seed0-ffffffff")
    found = verify.wrong()
    assert any("a copy of the receipt of" in line for line in found)
    assert any("[deleted]" in line and bench.place(stored["topk"]) in line for line in found)


def test_an_older_receipt_that_is_put_back_is_found(
    bench: Any, verify: Any, tmp_path: Path
) -> None:
    folder = bench.failure("topk")
    shutil.copytree(folder, tmp_path / "kept")
    assert bench.score("topk") == folder
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "kept", folder)
    [line] = verify.wrong()
    assert "an older receipt was put back to replace a newer one [put_back]" in line


def test_a_record_without_a_receipt_is_found(bench: Any, verify: Any, stored: Any) -> None:
    bench.edit(stored["topk"] / "score.json", lambda record: record.pop("receipt"))
    [line] = verify.wrong()
    assert "[unsigned]" in line and "run_variants" in line
    assert shown(bench) == {"topk 1", "standard 0"}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b"1" * 10_000])
def test_a_damaged_record_is_named(bench: Any, verify: Any, stored: Any, content: bytes) -> None:
    (stored["topk"] / "score.json").write_bytes(content)
    [line] = verify.wrong()
    assert "score.json is damaged" in line and bench.place(stored["topk"]) in line


def test_the_sandbox_that_is_asked_for_is_the_one_that_is_checked(
    bench: Any, verify: Any, stored: Any
) -> None:
    shutil.rmtree(bench.score("topk", sandbox="other"))
    assert verify.wrong("--sandbox", "box") == []
    [line] = verify.wrong("--sandbox", "other")
    assert "other/results/topk" in line


def test_findings_come_as_json_too(bench: Any, verify: Any, stored: Any) -> None:
    shutil.rmtree(stored["topk"])
    code, lines = verify("--json")
    report = json.loads("\n".join(lines))
    assert code == 1 and report["sound"] is False and report["scores"] == 2
    [finding] = report["findings"]
    assert (finding["place"], finding["code"]) == (bench.place(stored["topk"]), "deleted")


def test_a_withdrawn_receipt_is_no_alarm_and_stays_visible(
    bench: Any, verify: Any, stored: Any
) -> None:
    code, lines = verify("--withdraw", "box/topk")
    assert code == 0
    assert sorted(lines) == sorted(
        f"withdrawn: {bench.place(stored[name])}" for name in ("topk", "topk 1")
    )
    assert shown(bench) == {"standard 0"}
    shutil.rmtree(stored["topk"])
    assert verify.wrong() == []
    assert "[withdrawn]" in verify()[1][0]
    bench.score("topk")
    assert shown(bench) == {"standard 0", "topk 0"} and verify.wrong() == []


def test_a_place_that_never_was_cannot_be_withdrawn(
    bench: Any, verify: Any, stored: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["verify", "--workspace", str(bench.settings.workspace), "--withdraw", "box/topc"])
    assert code == 1 and "unknown_name" in capsys.readouterr().err


def test_an_empty_workspace_has_nothing_to_verify(bench: Any, verify: Any) -> None:
    before = sorted(bench.settings.state.rglob("*"))
    assert verify() == (0, ["nothing was signed in this workspace yet"])
    assert sorted(bench.settings.state.rglob("*")) == before


def test_scores_of_another_evaluator_are_not_scored_again_and_that_is_said(
    bench: Any, verify: Any, stored: Any
) -> None:
    state = bench.settings.state
    key = receipts.make_key(state)
    for name in ("topk", "topk 1", "standard"):
        path = stored[name] / "score.json"
        record = json.loads(path.read_text(encoding="utf-8"))
        record["provenance"]["evaluator_sha256"] = "e" * 16
        place = bench.place(stored[name])
        signed = receipts.sign(record, key, "score", place)
        write_json(path, signed)
        entry = receipts.Entry("written", "score", place, receipts.mac_of(signed))
        receipts.append(state, key, [entry])
    code, [note, last] = verify("--rescore", "2")
    assert code == 0 and "3 scores by another version of the evaluator" in note
    assert "3 scores and 1 failures" in last
