"""A reader that keeps verified lines gives the same result as one that reads everything, whatever
changed in between."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fumehood_tools import receipts
from fumehood_tools.receipts import Entry, LedgerReader, open_book
from fumehood_tools.receipts import results_of as under
from fumehood_tools.receipts.ledger import HEAD_FILE, LEDGER_FILE
from fumehood_tools.receipts.reader import CHECKPOINT_FILE

TOPK_0 = f"{under('box0')}/topk/seed0"
Damage = Callable[[Path, Path], None]


def edit(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Change a file in place and restore its mtime."""
    before = path.stat()
    with path.open("r+b") as file:
        content = change(file.read())
        file.seek(0)
        file.write(content)
        file.truncate()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def written(sandbox: str, run: str, receipt: str) -> Entry:
    return Entry("written", "score", f"{under(sandbox)}/topk/{run}", receipt)


def lines_of(content: bytes) -> list[bytes]:
    return content.splitlines(keepends=True)


DAMAGES: dict[str, Damage] = {
    "nothing": lambda ledger, head: None,
    "last line cut": lambda ledger, head: edit(ledger, lambda c: b"".join(lines_of(c)[:-1])),
    "line cut out": lambda ledger, head: edit(ledger, lambda c: b"".join(lines_of(c)[1:])),
    "same size": lambda ledger, head: edit(ledger, lambda c: c.replace(b"seed1", b"seed9", 1)),
    "line added": lambda ledger, head: edit(ledger, lambda c: c + b"{}\n"),
    "torn": lambda ledger, head: edit(ledger, lambda c: c + b'{"action":"sc'),
    "head behind": lambda ledger, head: head.write_bytes((head.parent / "before").read_bytes()),
    "head edited": lambda ledger, head: edit(head, lambda c: c.replace(b"count", b"c0unt")),
    "head gone": lambda ledger, head: head.unlink(),
    "ledger gone": lambda ledger, head: ledger.unlink(),
    "key gone": lambda ledger, head: ledger.with_name("receipt.key").unlink(),
    "key of another": lambda ledger, head: ledger.with_name("receipt.key").write_bytes(b"k" * 32),
}


@pytest.fixture
def later() -> Callable[[], float]:
    """A clock an hour ahead, by which all files count as settled."""
    return lambda: time.time() + 3600


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """The state folder of a workspace with a ledger long enough for a checkpoint."""
    state = tmp_path / ".fumehood"
    key = receipts.make_key(state)
    entries = [written(f"box{n % 3}", f"seed{n}", f"{n:064x}") for n in range(300)]
    receipts.append(state, key, entries[:-1])
    (state / "before").write_bytes((state / HEAD_FILE).read_bytes())
    receipts.append(state, key, entries[-1:])
    LedgerReader(state).adopt(under("box1"))
    assert (state / CHECKPOINT_FILE).exists()
    return state


def same_as_everything(reader: LedgerReader, sandbox: str) -> None:
    """Assert that the book of one sandbox equals that part of a book that was read from scratch."""
    ours, whole = reader.book(under(sandbox)), open_book(reader.state)
    prefix = f"{under(sandbox)}/"
    assert (ours.key, ours.broken, ours.behind) == (whole.key, whole.broken, whole.behind)
    assert ours.standing == {p: x for p, x in whole.standing.items() if p.startswith(prefix)}
    assert ours.places == {mac: p for mac, p in whole.places.items() if p.startswith(prefix)}
    for mac, place in whole.places.items():
        assert (ours.places.get(mac) or ours.elsewhere(mac)) == place


@pytest.mark.parametrize("name", DAMAGES)
def test_a_reader_with_a_memory_says_what_one_without_says(
    long: Path, later: Callable[[], float], name: str
) -> None:
    before = LedgerReader(long, later)
    same_as_everything(before, "box1")
    DAMAGES[name](long / LEDGER_FILE, long / HEAD_FILE)
    for reader in (before, LedgerReader(long, later)):
        for sandbox in ("box1", "box2", "none"):
            same_as_everything(reader, sandbox)


def test_lines_of_other_processes_are_read_on(long: Path, later: Callable[[], float]) -> None:
    reader, key = LedgerReader(long, later), receipts.load_key(long)
    assert key is not None
    for number in range(3):
        same_as_everything(reader, "box0")
        receipts.append(long, key, [Entry("supersede", "score", TOPK_0, f"{number}")])
        entry = written(f"box{number}", f"late{number}", f"late {number}")
        receipts.append(long, key, [entry])
    same_as_everything(reader, "box0")
    assert f"{under('box0')}/topk/late0" in reader.book(under("box0")).standing


@pytest.mark.parametrize("name", ["läb", 'quo"te', "back\\slash", "box"])
def test_a_sandbox_of_any_name_has_its_own_lines(tmp_path: Path, name: str) -> None:
    key = receipts.make_key(tmp_path)
    others = [f"{name}2", f"x{name}", "box1"]
    for number, sandbox in enumerate([name, *others]):
        receipts.append(tmp_path, key, [written(sandbox, "seed0", f"{number}")])
    book = LedgerReader(tmp_path).book(under(name))
    assert list(book.standing) == [f"{under(name)}/topk/seed0"]


@pytest.mark.parametrize(
    "forge",
    [
        lambda content: content.update(mac="0" * 64),
        lambda content: content["content"].__setitem__(1, 299),
        lambda content: content.pop("content"),
        lambda content: content.update(content=["300", None, 1, {}]),
    ],
)
def test_a_forged_checkpoint_is_passed_over(long: Path, bench: Any, forge: Any) -> None:
    bench.edit(long / CHECKPOINT_FILE, forge)
    same_as_everything(LedgerReader(long), "box1")


def test_a_checkpoint_does_not_hide_an_edit_of_what_it_vouched_for(long: Path) -> None:
    edit(long / LEDGER_FILE, lambda content: content.replace(b"seed1", b"seed9", 1))
    assert "edited or cut: 1 of 300" in (LedgerReader(long).book(under("box1")).broken or "")
    same_as_everything(LedgerReader(long), "box1")


def test_an_old_checkpoint_hides_no_line_written_since(long: Path) -> None:
    key = receipts.load_key(long)
    assert key is not None
    place = f"{under('box1')}/topk/seed1"
    receipts.append(long, key, [Entry("withdraw", "score", place, "1")])
    same_as_everything(LedgerReader(long), "box1")
    assert LedgerReader(long).book(under("box1")).standing[place].action == "withdraw"


@pytest.mark.parametrize(
    "damage",
    [
        lambda content, last: content.replace(b"seed1", b"seed9", 1),
        lambda content, last: b"".join(lines_of(content)[:5]) + lines_of(content)[-1],
        lambda content, last: b"".join(lines_of(content)[:5]) + b'{"mac": "%s"}\n' % last.encode(),
        lambda content, last: b"".join(lines_of(content)[:-1]),
        lambda content, last: content + lines_of(content)[-1],
        lambda content, last: content + b"not JSON\n",
        lambda content, last: b"",
    ],
    ids=["edited", "middle cut", "last forged", "last cut", "last twice", "junk", "emptied"],
)
def test_a_line_that_is_added_hides_no_break(long: Path, damage: Any) -> None:
    key = receipts.load_key(long)
    assert key is not None
    last = json.loads((long / HEAD_FILE).read_text(encoding="utf-8"))["last"]
    edit(long / LEDGER_FILE, lambda content: damage(content, last))
    assert open_book(long).broken
    for _ in range(2):
        receipts.append(long, key, [written("box1", "new", "new")])
        assert open_book(long).broken
        same_as_everything(LedgerReader(long), "box1")
