"""The ledger: one signed line per receipt ever written, so that one that goes missing shows.

`.fumehood/receipts.jsonl` only grows. Each line is signed together with the line before it, and
`receipts.head.json` signs how many lines there are: a line that is edited, taken out or cut off
shows. A crash leaves a receipt without its line, or a line that the head does not count yet: both
are told from tampering, and mended by the next writer. A head is there before the key is, so that
a ledger that is gone whole shows too.
"""

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import read_json, write_json
from fumehood_tools.locking import exclusive
from fumehood_tools.receipts.key import Key, load_key, write_key

LEDGER_FILE, HEAD_FILE, LOCK_FILE = "receipts.jsonl", "receipts.head.json", "receipts.lock"
_LINE, _HEAD = "fumehood ledger line 1", "fumehood ledger head 1"
_START = ""

Action = Literal["score", "failure", "supersede", "withdraw"]


class Line(NamedTuple):
    """One line. `supersede`: the receipt at that place is about to be replaced by a newer one."""

    action: Action
    place: str
    receipt: str
    time: str
    mac: str


class Ledger(NamedTuple):
    """What a ledger says. `broken` is None, or what is wrong with it."""

    lines: list[Line]
    broken: str | None
    behind: bool
    """Whether a crash left a torn line, or lines that the head does not count."""

    def standing(self) -> dict[str, Line]:
        """Return place -> its newest line."""
        return {line.place: line for line in self.lines}

    def places_of(self) -> dict[str, str]:
        """Return mac of a receipt -> the place it was written to."""
        written = ("score", "failure")
        return {line.receipt: line.place for line in self.lines if line.action in written}


def make_key(state: Path) -> Key:
    """Return the workspace's key, made now if there is none; two processes get the same one.

    Raises StorageFailed, also when a ledger is there whose key is gone.
    """
    if (key := load_key(state)) is not None:
        return key
    with exclusive(state / LOCK_FILE):
        if (key := load_key(state)) is not None:
            return key
        if _size(state / LEDGER_FILE):
            raise StorageFailed(
                "The workspace's key is gone, the ledger of its receipts is there. Put "
                ".fumehood/receipt.key back from a backup; or, to start anew without the old "
                "scores, move .fumehood/receipts.* away."
            )
        key = Key.fresh()
        write_json(state / HEAD_FILE, _head(0, _START, key))
        write_key(state, key)
    return key


def read_ledger(state: Path, key: Key) -> Ledger:
    """Return the ledger as it is; lines after a broken one are not believed."""
    head = _read_head(state, key)
    raw = _read(state / LEDGER_FILE)
    lines, rest = _chain(raw, key)
    if isinstance(head, str):
        return Ledger(lines, head, behind=False)
    broken = None
    if len(lines) < head.lines:
        how = "gone" if not raw else "edited or cut" if rest else "cut"
        broken = f"the ledger of receipts is {how}: {len(lines)} of {head.lines} lines are whole"
    elif b"\n" in rest:
        broken = f"the ledger of receipts was edited: line {len(lines) + 1} is not ours"
    elif head.last != ([_START] + [line.mac for line in lines])[head.lines]:
        broken = "the ledger of receipts is not the one its head was signed for"
    behind = broken is None and (bool(rest) or len(lines) > head.lines)
    return Ledger(lines, broken, behind=behind)


def append(state: Path, key: Key, entries: Iterable[tuple[Action, str, str]]) -> None:
    """Append (action, place, mac of the receipt). Raises StorageFailed; a broken ledger stays so.

    Costs one read of the ledger and two syncs, however many entries.
    """
    with exclusive(state / LOCK_FILE):
        held = read_ledger(state, key)
        if held.behind:
            _drop_torn(state / LEDGER_FILE)
        last = held.lines[-1].mac if held.lines else _START
        count, time = len(held.lines), datetime.now(UTC).isoformat(timespec="seconds")
        written = b""
        for action, place, receipt in entries:
            content = {"action": action, "place": place, "receipt": receipt, "time": time}
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
        if held.broken is None:
            # A head over a broken chain would hide the break.
            write_json(state / HEAD_FILE, _head(count, last, key))


def _drop_torn(path: Path) -> None:
    """Cut what a crash left of a line that was never whole."""
    try:
        with path.open("r+b") as file:
            content = file.read()
            file.truncate(content.rfind(b"\n") + 1)
    except OSError as error:
        raise StorageFailed.from_os_error(error, "Mending the ledger of receipts") from error


def _chain(raw: bytes, key: Key) -> tuple[list[Line], bytes]:
    """Return the lines up to the first that is not ours, and the bytes from there on."""
    lines: list[Line] = []
    last, start = _START, 0
    while (end := raw.find(b"\n", start)) >= 0:
        line = _line(raw[start:end], last, key)
        if line is None:
            break
        lines.append(line)
        last, start = line.mac, end + 1
    return lines, raw[start:]


def _line(raw: bytes, last: str, key: Key) -> Line | None:
    try:
        content: dict[str, Any] = json.loads(raw)
        line = Line(**content)
    except (ValueError, TypeError, RecursionError):
        return None
    del content["mac"]
    return line if line.mac == key.mac(_LINE, _bytes([last, content])) else None


class _Head(NamedTuple):
    lines: int
    last: str


def _head(count: int, last: str, key: Key) -> dict[str, Any]:
    return {"count": count, "last": last, "mac": key.mac(_HEAD, _bytes([count, last]))}


def _read_head(state: Path, key: Key) -> _Head | str:
    """Return the head, or what is wrong with it."""
    try:
        if not (state / HEAD_FILE).exists():
            return f"the head of the ledger is gone (.fumehood/{HEAD_FILE})"
        head = read_json(state / HEAD_FILE)
        if head == _head(head["count"], head["last"], key):
            return _Head(head["count"], head["last"])
    except (StorageFailed, KeyError, TypeError, RecursionError):
        pass
    return f"the head of the ledger was edited (.fumehood/{HEAD_FILE})"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise StorageFailed.from_os_error(error, "Reading the ledger of receipts") from error


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _bytes(content: Any) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
