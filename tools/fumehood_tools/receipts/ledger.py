"""The ledger: one signed line per receipt ever written, so that a missing receipt is detected.

`.fumehood/receipts.jsonl` is append-only. It is a hash chain: each line is signed together with the
MAC of the line before it, and `receipts.head.json` is a signed count of the lines. So a line that
is edited, removed or cut off is detected. A crash can leave a receipt without its line, or a line
that the head does not count yet; both differ from tampering, and the next writer repairs them. The
head is created before the key, so that a missing ledger is detected too.

A line with the action "begun" has no receipt: a training has begun whose outcome will be at the
place. A place with more beginnings than outcomes had trainings that were stopped.

Lines are written in format 2: {action, kind, place, receipt, time, trial?, mac}. In format 1, which
older versions wrote, `action` is "score" or "failure" instead of "written", and there is no kind.
Such lines are still read and verified, and a ledger may contain both formats.

Reading verifies every line. Appending takes the same time however long the ledger is. A process
that reads more than once should use `reader.py`.
"""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import read_json, write_json
from fumehood_tools.locking import exclusive
from fumehood_tools.plain_files import open_plain
from fumehood_tools.receipts.key import Key, load_key, write_key
from fumehood_tools.receipts.places import place_of_format_1
from fumehood_tools.receipts.trials import TRIED, spot_of, without_spot
from fumehood_tools.timestamps import now

LEDGER_FILE, HEAD_FILE, LOCK_FILE = "receipts.jsonl", "receipts.head.json", "receipts.lock"
_LINE, _LINE_1 = "fumehood ledger line 2", "fumehood ledger line 1"
_HEAD = "fumehood ledger head 1"
_START = ""
_LONGEST_LINE = 4096
"""Bytes. A typical line has about 300."""

Action = Literal["written", "supersede", "withdraw", "begun"]


class Entry(NamedTuple):
    """The content of a line before it is signed.

    action "supersede": the receipt at the place is about to be replaced by a newer one. "begun": a
    training begins there. kind: the kind of the record. receipt: the MAC of its receipt; "" if it
    has none. trial: see `trials.py`.
    """

    action: Action
    kind: str
    place: str
    receipt: str
    trial: str = ""


class LedgerLine(NamedTuple):
    """One line of the ledger. In format 1, trial may be empty, and so is the kind of a record that
    was withdrawn or superseded."""

    action: Action
    kind: str
    place: str
    receipt: str
    time: str
    mac: str
    trial: str = ""


class Chain(NamedTuple):
    """A verified beginning of a ledger: bytes, number of lines, and the MAC of the last one."""

    size: int
    lines: int
    last: str


NOTHING = Chain(0, 0, _START)


class Ledger(NamedTuple):
    """The verified lines of a ledger. `broken` is None, or what is wrong with it."""

    lines: list[LedgerLine]
    broken: str | None
    behind: bool
    """Whether a crash left an incomplete line, or lines that the head does not count."""

    def standing(self) -> dict[str, LedgerLine]:
        """Return the newest line of each place."""
        return {line.place: line for line in self.lines if line.action != "begun"}

    def begun(self) -> dict[str, list[str]]:
        """Return the trial words of each place, one per training that was begun there."""
        found: dict[str, list[str]] = {}
        for line in self.lines:
            if line.action == "begun":
                found.setdefault(line.place, []).append(line.trial)
        return found

    def spots(self) -> dict[str, set[str]]:
        """Return the trial words of each place that say which layer was used, stopped ones too."""
        found: dict[str, set[str]] = {}
        for line in self.lines:
            if spot_of(line.trial):
                found.setdefault(line.place, set()).add(line.trial)
        return found

    def tried(self) -> dict[str, set[str]]:
        """Return the trial words of each place, including records withdrawn or replaced since."""
        found: dict[str, set[str]] = {}
        for line in self.lines:
            if line.action == "written" and line.kind in TRIED:
                found.setdefault(line.place, set()).add(without_spot(line.trial))
        return found

    def places_of(self) -> dict[str, str]:
        """Return the place of each receipt, by the receipt's MAC."""
        return {line.receipt: line.place for line in self.lines if line.action == "written"}


def make_key(state: Path) -> Key:
    """Return the workspace's key, and create it if there is none. Safe to call concurrently.

    Raises StorageFailed, also if the key is gone and its ledger is still there.
    """
    if (key := load_key(state)) is not None:
        return key
    with exclusive(state / LOCK_FILE):
        if (key := load_key(state)) is not None:
            return key
        if _size(state / LEDGER_FILE):
            raise StorageFailed(
                "The workspace's key is gone, but the ledger of its receipts is there. Restore "
                ".fumehood/receipt.key from a backup. Or, to start again without the old scores, "
                "move .fumehood/receipts.* away."
            )
        key = Key.fresh()
        write_json(state / HEAD_FILE, _head(0, _START, key))
        write_key(state, key)
    return key


def read_ledger(state: Path, key: Key) -> Ledger:
    """Return the verified ledger. Lines after a broken one are not included."""
    head, raw = read_head(state, key), read_bytes(state)
    lines, chain = verify_lines(raw, key, NOTHING)
    return Ledger(lines, *verdict(raw, head, NOTHING, lines, chain))


def verify_lines(raw: bytes, key: Key, start: Chain) -> tuple[list[LedgerLine], Chain]:
    """Return the lines after `start` up to the first invalid one, and the verified chain."""
    lines: list[LedgerLine] = []
    last, position = start.last, start.size
    while (end := raw.find(b"\n", position)) >= 0:
        line = _line(raw[position:end], last, key)
        if line is None:
            break
        lines.append(line)
        last, position = line.mac, end + 1
    return lines, Chain(position, start.lines + len(lines), last)


def verdict(
    raw: bytes, head: "LedgerHead | str", start: Chain, lines: Sequence[LedgerLine], chain: Chain
) -> tuple[str | None, bool]:
    """Return what is wrong with a ledger (or None), and whether a crash interrupted its last write.

    lines: the verified lines after `start`. The head must count at least as many lines as start.
    """
    if isinstance(head, str):
        return head, False
    rest = raw[chain.size :]
    broken = None
    if chain.lines < head.lines:
        how = "gone" if not raw else "edited or cut" if rest else "cut"
        broken = f"the ledger of receipts is {how}: {chain.lines} of {head.lines} lines are whole"
    elif b"\n" in rest:
        broken = f"the ledger of receipts was edited: line {chain.lines + 1} has a wrong signature"
    elif head.last != [start.last, *(line.mac for line in lines)][head.lines - start.lines]:
        broken = "the ledger of receipts is not the one that its head was signed for"
    return broken, broken is None and (bool(rest) or chain.lines > head.lines)


def append(state: Path, key: Key, entries: Iterable[Entry]) -> None:
    """Append one line per entry. Raises StorageFailed. A broken ledger stays broken.

    Costs two fsyncs, whatever the number of entries and the length of the ledger. Only a ledger
    that does not end as its head says is read whole. If a crash is the reason, it is repaired; if
    it was tampered with, the head is not updated.
    """
    with exclusive(state / LOCK_FILE):
        end = _end(state, key)
        last, count, time = end.last, end.lines, now()
        written = b""
        for entry in entries:
            content = {**entry._asdict(), "time": time}
            if not entry.trial:
                del content["trial"]
            last = key.mac(_LINE, _bytes([last, content]))
            written += _bytes({**content, "mac": last}) + b"\n"
            count += 1
        try:
            with (state / LEDGER_FILE).open("ab") as file:
                file.write(written)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageFailed.from_os_error(error, "Writing the ledger of receipts") from error
        if not end.broken:
            # A new head for a broken chain would hide the break.
            write_json(state / HEAD_FILE, _head(count, last, key))


class _End(NamedTuple):
    """The end of the ledger, where the next line goes: its lines, its last MAC, its state."""

    lines: int
    last: str
    broken: bool


def _end(state: Path, key: Key) -> _End:
    """Return the end of the ledger, after removing an incomplete line that a crash left."""
    head = read_head(state, key)
    # Only the last line's MAC is compared here. A forged last line with that MAC gains nothing:
    # every reader verifies the whole chain and finds it broken.
    if isinstance(head, LedgerHead) and _last_mac(state / LEDGER_FILE) == head.last:
        return _End(head.lines, head.last, broken=False)
    raw = read_bytes(state)
    lines, chain = verify_lines(raw, key, NOTHING)
    broken, behind = verdict(raw, head, NOTHING, lines, chain)
    if behind:
        _drop_torn(state / LEDGER_FILE)
    return _End(chain.lines, chain.last, broken is not None)


def _last_mac(path: Path) -> str | None:
    """Return the MAC in the last line, unverified; None if the line is incomplete."""
    try:
        with open_plain(path) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _LONGEST_LINE))
            lines = file.read().splitlines(keepends=True)
    except FileNotFoundError:
        return _START
    except OSError as error:
        raise StorageFailed.from_os_error(error, "Reading the ledger of receipts") from error
    if not lines:
        return _START
    try:
        return str(json.loads(lines[-1])["mac"]) if lines[-1].endswith(b"\n") else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _drop_torn(path: Path) -> None:
    """Remove the incomplete last line that a crash left."""
    try:
        with path.open("r+b") as file:
            content = file.read()
            file.truncate(content.rfind(b"\n") + 1)
    except OSError as error:
        raise StorageFailed.from_os_error(error, "Repairing the ledger of receipts") from error


def _line(raw: bytes, last: str, key: Key) -> LedgerLine | None:
    """Return the parsed line that follows the MAC `last`; None if its signature is not valid."""
    try:
        content: dict[str, Any] = json.loads(raw)
        line = read_line(content)
        # `reader` searches these bytes directly, so the same content in another JSON spelling is
        # not accepted.
        if _bytes(content) != raw:
            return None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    purpose = _LINE if "kind" in content else _LINE_1
    signed = b'["%s",%s]' % (last.encode(), raw.replace(b'"mac":"%s",' % line.mac.encode(), b"", 1))
    return line if line.mac == key.mac(purpose, signed) else None


def read_line(content: dict[str, Any]) -> LedgerLine:
    """Return the line in parsed JSON of either format. Its MAC is not checked.

    Raises TypeError, KeyError or AttributeError if the content is not a line.
    """
    if "kind" in content:
        return LedgerLine(**content)
    action = content["action"]
    written = action in TRIED
    return LedgerLine(
        **{
            **content,
            "action": "written" if written else action,
            "kind": action if written else "",
            "place": place_of_format_1(content["place"]),
        }
    )


class LedgerHead(NamedTuple):
    """The signed number of lines, and the MAC of the last of them."""

    lines: int
    last: str


def _head(count: int, last: str, key: Key) -> dict[str, Any]:
    return {"count": count, "last": last, "mac": key.mac(_HEAD, _bytes([count, last]))}


def read_head(state: Path, key: Key) -> LedgerHead | str:
    """Return the head, or a text that says what is wrong with it."""
    try:
        if not (state / HEAD_FILE).exists():
            return f"the head of the ledger is gone (.fumehood/{HEAD_FILE})"
        head = read_json(state / HEAD_FILE)
        if head == _head(head["count"], head["last"], key):
            return LedgerHead(head["count"], head["last"])
    except (StorageFailed, KeyError, TypeError, RecursionError):
        pass
    return f"the head of the ledger was edited (.fumehood/{HEAD_FILE})"


def read_bytes(state: Path) -> bytes:
    """Return the bytes of the ledger, or b"" if there is no ledger. Raises StorageFailed."""
    try:
        with open_plain(state / LEDGER_FILE) as file:
            return file.read()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise StorageFailed.from_os_error(error, "Reading the ledger of receipts") from error


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _bytes(content: Any) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
