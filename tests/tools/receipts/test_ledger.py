"""The ledger reveals tampering, and recovers from crashes."""

import json
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from fumehood_tools import receipts
from fumehood_tools.bench.table import read_benchmarks
from fumehood_tools.errors import StorageFailed
from fumehood_tools.receipts import Entry
from fumehood_tools.receipts.ledger import HEAD_FILE, LEDGER_FILE, read_ledger
from fumehood_tools.records.scores import Score


@pytest.fixture
def ledger(bench: Any) -> Path:
    """The ledger of a workspace with three scores."""
    for seed in range(3):
        bench.score("topk", seed)
    path: Path = bench.settings.state / LEDGER_FILE
    return path


def test_the_key_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: receipts.make_key(tmp_path), range(8)))
    assert len(keys) == 1
    [key] = keys
    assert key == receipts.load_key(tmp_path) and len(key.secret) == 32
    assert stat.S_IMODE((tmp_path / "receipt.key").stat().st_mode) == 0o600
    assert key.secret.hex() not in repr(key) and key.workspace in repr(key)


def test_a_cut_ledger_is_found(bench: Any, verify: Any, ledger: Path) -> None:
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(b"".join(lines[:-1]))
    [line] = verify.wrong()
    assert line == (
        "wrong: ledger: the ledger of receipts is cut: 2 of 3 lines are whole [ledger_broken]"
    )
    assert "ledger of receipts is cut" in read_benchmarks(bench.sandbox("box").folder).text()


@pytest.mark.parametrize("keep_head", [True, False])
def test_a_ledger_that_is_gone_is_found(verify: Any, ledger: Path, keep_head: bool) -> None:
    ledger.unlink()
    if not keep_head:
        ledger.with_name(HEAD_FILE).unlink()
    [line] = verify.wrong()
    assert "wrong: ledger: " in line and "gone" in line


def test_a_line_taken_out_of_the_middle_is_found(verify: Any, ledger: Path) -> None:
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(lines[0] + lines[2])
    assert any("edited or cut: 1 of 3" in line for line in verify.wrong())


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("seed1", "seed9"),
        lambda text: text.replace('"written"', '"withdraw"', 1),
        lambda text: text + "{}\n",
        lambda text: "x" + text,
    ],
    ids=["place", "action", "line added", "line damaged"],
)
def test_an_edited_ledger_is_found(verify: Any, ledger: Path, change: Any) -> None:
    ledger.write_text(change(ledger.read_text(encoding="utf-8")), encoding="utf-8")
    assert any("wrong: ledger: " in line and "edited" in line for line in verify.wrong())


def test_an_edited_head_is_found(bench: Any, verify: Any, ledger: Path) -> None:
    def fewer(head: dict[str, Any]) -> None:
        head["count"] = 2

    ledger.write_bytes(b"".join(ledger.read_bytes().splitlines(keepends=True)[:-1]))
    bench.edit(ledger.with_name(HEAD_FILE), fewer)
    assert any("the head of the ledger was edited" in line for line in verify.wrong())


def test_a_key_that_is_gone_is_said_and_never_replaced(
    bench: Any, verify: Any, ledger: Path
) -> None:
    ledger.with_name("receipt.key").unlink()
    assert any("key is gone" in line for line in verify.wrong())
    assert read_benchmarks(bench.sandbox("box").folder).rows == []
    with pytest.raises(StorageFailed, match="backup"):
        bench.score("topk", 3)
    assert not ledger.with_name("receipt.key").exists()


def test_a_new_key_does_not_make_old_receipts_ours(bench: Any, verify: Any, ledger: Path) -> None:
    for path in bench.settings.state.glob("receipt*"):
        path.unlink()
    bench.score("standard")
    found = verify.wrong()
    assert len(found) == 3 and all("[other_workspace]" in line for line in found)


def test_a_crash_before_the_ledger_is_no_alarm_and_is_mended(
    bench: Any, verify: Any, ledger: Path
) -> None:
    before, head = ledger.read_bytes(), ledger.with_name(HEAD_FILE).read_bytes()
    late = bench.score("standard")
    ledger.write_bytes(before)
    ledger.with_name(HEAD_FILE).write_bytes(head)
    code, lines = verify()
    assert code == 0 and lines[0].startswith(f"note: {bench.place(late)}: not in the ledger")
    bench.recorder()
    assert verify() == (0, [lines[1]])
    shutil.rmtree(late)
    assert "[deleted]" in verify.wrong()[0]


def test_a_crash_while_a_line_was_written_is_no_alarm_and_is_mended(
    bench: Any, verify: Any, ledger: Path
) -> None:
    whole = ledger.read_bytes()
    ledger.write_bytes(whole + b'{"action":"score","mac":"12')
    code, lines = verify()
    assert code == 0 and "a crash interrupted" in lines[0]
    bench.recorder()
    assert ledger.read_bytes() == whole and len(verify()[1]) == 1


def test_a_crash_before_the_head_is_no_alarm_and_is_mended(
    bench: Any, verify: Any, ledger: Path
) -> None:
    head = ledger.with_name(HEAD_FILE)
    before = head.read_bytes()
    bench.score("standard")
    head.write_bytes(before)
    code, lines = verify()
    assert code == 0 and "a crash interrupted" in lines[0]
    bench.recorder()
    assert len(verify()[1]) == 1 and head.read_bytes() != before


def test_a_crash_while_a_failure_was_replaced_is_no_alarm(bench: Any, verify: Any) -> None:
    folder = bench.failure("topk")
    state, key = bench.settings.state, receipts.load_key(bench.settings.state)
    old = receipts.open_book(state).standing[bench.place(folder)].receipt
    receipts.append(state, key, [Entry("supersede", "failure", bench.place(folder), old)])
    assert verify()[0] == 0
    shutil.rmtree(folder)
    assert verify()[0] == 0


def test_many_writers_at_once_lose_no_line(tmp_path: Path) -> None:
    key = receipts.make_key(tmp_path)

    def write(number: int) -> None:
        place = f"sandboxes/box/results/topk/seed{number}"
        receipts.append(tmp_path, key, [Entry("written", "score", place, str(number))])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(32)))
    held = read_ledger(tmp_path, key)
    assert held.broken is None and not held.behind
    assert {line.receipt for line in held.lines} == {str(number) for number in range(32)}


def test_a_replaced_failure_is_no_deletion_and_its_score_is_reused(bench: Any, verify: Any) -> None:
    folder = bench.failure("topk")
    item = bench.item("topk")
    assert bench.recorder().done(item) is None
    assert bench.score("topk") == folder
    assert verify()[0] == 0 and bench.recorder().done(item) is not None


def test_a_forged_score_is_not_reused_by_the_next_run(bench: Any, ledger: Path) -> None:
    item = bench.item("topk")
    assert bench.recorder().done(item) is not None
    bench.edit(item.folder / "score.json", lambda record: record["metrics"].update(l0=1.0))
    assert bench.recorder().done(item) is None


def test_a_failure_names_the_check_and_the_limit_and_no_path_of_this_machine(bench: Any) -> None:
    message = f"{bench.settings.workspace}/.fumehood/jobs/x.py: too much"
    folder = bench.failure("topk", check="output_sign", limit="memory", message=message)
    text = (folder / "failure.json").read_text(encoding="utf-8")
    assert str(bench.settings.workspace) not in text
    table = read_benchmarks(bench.sandbox("box").folder)
    [failed] = table.failures
    assert (failed.check, failed.limit) == ("output_sign", "memory")
    assert "run_failed: output_sign" in table.text()


def test_a_score_says_where_it_was_trained_and_where_it_was_scored(bench: Any) -> None:
    record = json.loads((bench.score("topk") / "score.json").read_text(encoding="utf-8"))
    trained, scored = (record["provenance"][part] for part in ("trained", "scored"))
    assert (trained["threads"], trained["glass"]) == (1, "rlimits")
    assert (scored["threads"], scored["glass"]) == (2, "landlock")
    for where in (trained, scored):
        assert where["device"] == "cpu"
        assert "cores" in where["machine"]
        assert where["versions"].keys() >= {"python", "torch", "sae-bench"}
    place = Score.model_validate(record).provenance.place
    assert place.startswith("trained: cpu, 1 thread, rlimits; ")
    assert "; scored: cpu, 2 threads, landlock; " in place
    # The score is as trustworthy as the weaker isolation of the two.
    assert record["glass"] == "rlimits"


def test_a_score_made_behind_weaker_glass_than_is_demanded_now_is_not_reused(bench: Any) -> None:
    bench.score("topk")
    path = bench.sandbox("box").folder / "sandbox.toml"
    text = path.read_text(encoding="utf-8")
    assert 'glass = "rlimits"' in text
    path.write_text(text.replace('glass = "rlimits"', 'glass = "landlock"'), encoding="utf-8")
    assert bench.recorder().done(bench.item("topk")) is None
