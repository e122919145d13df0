"""Records that were read once are trusted only as long as their files have not changed."""

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from fumehood_tools import receipts
from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.bench.table import BenchmarkTable, read_benchmarks
from fumehood_tools.receipts.ledger import LEDGER_FILE


@pytest.fixture
def shelf(bench: Any, stored: dict[str, Path]) -> Shelf:
    """A shelf that has read everything, with a clock by which all files are settled."""
    made = Shelf(bench.settings.state, lambda: time.time() + 3600)
    assert shown(bench, made) == {"topk 0", "topk 1", "standard 0"} and made.verified == 4
    return made


def table_of(bench: Any, shelf: Shelf) -> BenchmarkTable:
    return read_benchmarks(bench.sandbox("box").folder, shelf=shelf)


def shown(bench: Any, shelf: Shelf) -> set[str]:
    return {f"{row.variant} {seed}" for row in table_of(bench, shelf).rows for seed in row.seeds}


def in_place(folder: Path) -> None:
    """Improve a metric without changing the file's size, inode or mtime."""
    path = folder / "score.json"
    before, text = path.stat(), path.read_text(encoding="utf-8")
    path.write_text(text.replace("0.73", "0.99"), encoding="utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_ino, after.st_mtime_ns) == (
        *(before.st_size, before.st_ino, before.st_mtime_ns),
    )


def replaced(folder: Path) -> None:
    """Replace the record by an improved copy."""
    text = (folder / "score.json").read_text(encoding="utf-8").replace("0.73", "0.99")
    (folder / "new").write_text(text, encoding="utf-8")
    (folder / "new").replace(folder / "score.json")


def linked(folder: Path) -> None:
    """Replace the record by a link to an improved copy."""
    text = (folder / "score.json").read_text(encoding="utf-8").replace("0.73", "0.99")
    (folder / "other").write_text(text, encoding="utf-8")
    (folder / "score.json").unlink()
    (folder / "score.json").symlink_to("other")


def variant_edited(folder: Path) -> None:
    with (folder / "topk.py").open("ab") as file:
        file.write(b"# mine\n")


def weights_cut(folder: Path) -> None:
    os.truncate(folder / "sae.safetensors", 3)


@pytest.mark.parametrize("tamper", [in_place, replaced, linked, variant_edited, weights_cut])
def test_what_is_tampered_with_after_it_was_read_is_refused_all_the_same(
    bench: Any, stored: dict[str, Path], shelf: Shelf, tmp_path: Path, tamper: Any
) -> None:
    shutil.copytree(stored["topk"], tmp_path / "kept")
    tamper(stored["topk"])
    assert shown(bench, shelf) == {"topk 1", "standard 0"}
    assert any("topk/seed0" in left.examples[0] for left in table_of(bench, shelf).left_out)
    shutil.rmtree(stored["topk"])
    shutil.copytree(tmp_path / "kept", stored["topk"])
    assert "topk 0" in shown(bench, shelf)


def test_only_what_is_new_or_was_touched_is_verified_again(
    bench: Any, stored: dict[str, Path], shelf: Shelf
) -> None:
    assert len(shown(bench, shelf)) == 3 and shelf.verified == 4
    bench.score("standard", 1)
    assert "standard 1" in shown(bench, shelf) and shelf.verified == 5
    os.utime(stored["topk"] / "score.json")
    assert len(shown(bench, shelf)) == 4 and shelf.verified == 6
    bench.score("topk", sandbox="other")
    assert len(shown(bench, shelf)) == 4 and shelf.verified == 6


def test_what_was_written_a_moment_ago_is_not_taken_for_unchanged(
    bench: Any, stored: dict[str, Path]
) -> None:
    now = min(path.stat().st_ctime for path in stored["topk"].iterdir())
    shelf = Shelf(bench.settings.state, lambda: now)
    assert shown(bench, shelf) == shown(bench, shelf) and shelf.verified == 8


def test_what_the_ledger_says_later_counts_for_what_was_read_before(
    bench: Any, stored: dict[str, Path], shelf: Shelf, verify: Any, tmp_path: Path
) -> None:
    shutil.copytree(stored["gated"], tmp_path / "kept")
    bench.score("gated")
    assert "gated 0" in shown(bench, shelf)
    verify("--withdraw", bench.place(stored["topk"]))
    assert shown(bench, shelf) == {"topk 1", "standard 0", "gated 0"}
    shutil.rmtree(stored["gated"])
    shutil.copytree(tmp_path / "kept", stored["gated"])
    assert any("put back" in left.reason for left in table_of(bench, shelf).left_out)
    shutil.rmtree(stored["standard"])
    assert bench.place(stored["standard"]) in table_of(bench, shelf).warnings[0]


def test_a_copy_from_another_sandbox_is_known_for_one(
    bench: Any, stored: dict[str, Path], shelf: Shelf
) -> None:
    theirs = bench.score("standard", 1, sandbox="other")
    shutil.copytree(theirs, stored["standard"].parent / theirs.name)
    assert "standard 1" not in shown(bench, shelf)
    reasons = [left.reason for left in table_of(bench, shelf).left_out]
    assert reasons == [f"a copy of the receipt of {bench.place(theirs)}"]


def test_a_ledger_edited_after_it_was_read_is_said_in_the_table(bench: Any, shelf: Shelf) -> None:
    path = bench.settings.state / LEDGER_FILE
    before, text = path.stat(), path.read_text(encoding="utf-8")
    path.write_text(text.replace("seed1", "seed9"), encoding="utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "ledger of receipts is edited or cut" in table_of(bench, shelf).text()


@pytest.mark.parametrize("change", ["gone", "another"])
def test_without_its_key_nothing_that_was_read_counts(
    bench: Any, shelf: Shelf, change: str
) -> None:
    key = bench.settings.state / "receipt.key"
    kept = key.read_bytes()
    key.unlink() if change == "gone" else key.write_bytes(b"k" * 32)
    assert shown(bench, shelf) == set()
    key.write_bytes(kept)
    assert len(shown(bench, shelf)) == 3


def test_records_of_sandboxes_not_asked_for_in_a_while_are_let_go(
    bench: Any, stored: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.score("topk", sandbox="other")
    monkeypatch.setattr("fumehood_tools.bench.shelf.MOST_KEPT", 4)
    shelf = Shelf(bench.settings.state, lambda: time.time() + 3600)
    for _ in range(2):
        read_benchmarks(bench.sandbox("box").folder, shelf=shelf)
    assert shelf.verified == 4
    for _ in range(2):
        read_benchmarks(bench.sandbox("other").folder, shelf=shelf)
    assert shelf.verified == 5
    assert len(shown(bench, shelf)) == 3 and shelf.verified == 9


def test_a_variant_that_was_edited_after_the_table_was_read_is_stale_in_the_next(
    bench: Any, shelf: Shelf
) -> None:
    path = bench.sandbox("box").variants / "topk.py"
    before = path.stat()
    text = path.read_text(encoding="utf-8").replace("K = 32", "K = 64")
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    rows = {row.variant: row.stale or "" for row in table_of(bench, shelf).rows}
    assert "changed" in rows["topk"] and not rows["standard"]


def test_every_receipt_is_checked_by_verify_whatever_was_read_before(
    bench: Any, stored: dict[str, Path], shelf: Shelf, verify: Any
) -> None:
    receipts.LedgerReader(bench.settings.state).adopt("sandboxes/box/results")
    in_place(stored["topk"])
    [line] = verify.wrong()
    assert "[edited]" in line
