"""The ledger: one signed line per receipt ever written, so that one that goes missing shows.

`.fumehood/receipts.jsonl` only grows. Each line is signed together with the line before it, and
`receipts.head.json` signs how many lines there are: a line that is edited, taken out or cut off
shows. A crash leaves a receipt without its line, or a line that the head does not count yet: both
are told from tampering, and fixed by the next writer. A head is there before the key is, so that
a ledger that is gone whole shows too.

Lines are written in format 2: {action, kind, place, receipt, time, trial?, mac}. Lines of format 1,
whose action was the kind of a score or a failure, are read and verified as ever; a ledger that an
older version began holds both.

Reading verifies every line; appending costs the same however long the ledger is. `reader.py` is for
a process that asks more than once.
"""

import json
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import read_json, write_json
from fumehood_tools.locking import exclusive
from fumehood_tools.plain_files import open_plain
from fumehood_tools.receipts.key import Key, load_key, write_key
from fumehood_tools.receipts.places import place_of_format_1
from fumehood_tools.receipts.trials import TRIED

LEDGER_FILE, HEAD_FILE, LOCK_FILE = "receipts.jsonl", "receipts.head.json", "receipts.lock"
_LINE, _LINE_1 = "fumehood ledger line 2", "fumehood ledger line 1"
_HEAD = "fumehood ledger head 1"
_START = ""
_LONGEST_LINE = 4096
"""Bytes. A line of ours has some 300."""

Action = Literal["written", "supersede", "withdraw"]


class Entry(NamedTuple):
    """What a line is to say. trial: what the record is a try of, see `trials.py`.

    kind: of the record; supersede: the receipt at that place is about to be replaced by a newer
    one.
    """

    action: Action
    kind: str
    place: str
    receipt: str
    trial: str = ""


class LedgerLine(NamedTuple):
    """One line. In format 1 trial may be empty, and is the kind of what was given up."""

    action: Action
    kind: str
    place: str
    receipt: str
    time: str
    mac: str
    trial: str = ""


class Chain(NamedTuple):
    """The first lines of a ledger, verified: bytes, lines, and the mac of the last one."""

    size: int
    lines: int
    last: str


NOTHING = Chain(0, 0, _START)


class Ledger(NamedTuple):
    """What a ledger says. `broken` is None, or what is wrong with it."""

    lines: list[LedgerLine]
    broken: str | None
    behind: bool
    """Whether a crash left a torn line, or lines that the head does not count."""

    def standing(self) -> dict[str, LedgerLine]:
        """Return place -> its newest line."""
        return {line.place: line for line in self.lines}

    def tried(self) -> dict[str, set[str]]:
        """Return place -> all that was ever tried there, also what was given up since."""
        found: dict[str, set[str]] = {}
        for line in self.lines:
            if line.action == "written" and line.kind in TRIED:
                found.setdefault(line.place, set()).add(line.trial)
        return found

    def places_of(self) -> dict[str, str]:
        """Return mac of a receipt -> the place it was written to."""
        return {line.receipt: line.place for line in self.lines if line.action == "written"}


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
    head, raw = read_head(state, key), read_bytes(state)
    lines, chain = verify_lines(raw, key, NOTHING)
    return Ledger(lines, *verdict(raw, head, NOTHING, lines, chain))


def verify_lines(raw: bytes, key: Key, start: Chain) -> tuple[list[LedgerLine], Chain]:
    """Return the lines behind `start` up to the first that is not ours, and the chain they make."""
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
    """Return what is wrong with a ledger, and whether a crash left it behind.

    lines: those behind `start` that were verified; the head may not count fewer than start has.
    """
    if isinstance(head, str):
        return head, False
    rest = raw[chain.size :]
    broken = None
    if chain.lines < head.lines:
        how = "gone" if not raw else "edited or cut" if rest else "cut"
        broken = f"the ledger of receipts is {how}: {chain.lines} of {head.lines} lines are whole"
    elif b"\n" in rest:
        broken = f"the ledger of receipts was edited: line {chain.lines + 1} is not ours"
    elif head.last != [start.last, *(line.mac for line in lines)][head.lines - start.lines]:
        broken = "the ledger of receipts is not the one its head was signed for"
    return broken, broken is None and (bool(rest) or chain.lines > head.lines)


def append(state: Path, key: Key, entries: Iterable[Entry]) -> None:
    """Append lines.

    Raises StorageFailed; a broken ledger stays so.

    Costs two syncs, however many entries and however long the ledger. Only one that does not end
    as its head says is read whole: after a crash it is fixed, after tampering its head stays.
    """
    with exclusive(state / LOCK_FILE):
        end = _end(state, key)
        last, count, time = end.last, end.lines, datetime.now(UTC).isoformat(timespec="seconds")
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
            # A head over a broken chain would hide the break.
            write_json(state / HEAD_FILE, _head(count, last, key))


class _End(NamedTuple):
    """Where the next line goes."""

    lines: int
    last: str
    broken: bool


def _end(state: Path, key: Key) -> _End:
    """Return the end of the ledger, fixed where a crash tore it."""
    head = read_head(state, key)
    # A last line that was put there to please us breaks the chain for every reader all the same.
    if isinstance(head, LedgerHead) and _last_mac(state / LEDGER_FILE) == head.last:
        return _End(head.lines, head.last, broken=False)
    raw = read_bytes(state)
    lines, chain = verify_lines(raw, key, NOTHING)
    broken, behind = verdict(raw, head, NOTHING, lines, chain)
    if behind:
        _drop_torn(state / LEDGER_FILE)
    return _End(chain.lines, chain.last, broken is not None)


def _last_mac(path: Path) -> str | None:
    """Return the mac that the last line carries, unverified; None when it is not a whole line."""
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
    """Cut what a crash left of a line that was never whole."""
    try:
        with path.open("r+b") as file:
            content = file.read()
            file.truncate(content.rfind(b"\n") + 1)
    except OSError as error:
        raise StorageFailed.from_os_error(error, "Fixing the ledger of receipts") from error


def _line(raw: bytes, last: str, key: Key) -> LedgerLine | None:
    """Return the line after the one with the mac `last`; None when it is not ours."""
    try:
        content: dict[str, Any] = json.loads(raw)
        line = read_line(content)
        # Readers look for words in the bytes: the same content spelled otherwise is not ours.
        if _bytes(content) != raw:
            return None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    purpose = _LINE if "kind" in content else _LINE_1
    signed = b'["%s",%s]' % (last.encode(), raw.replace(b'"mac":"%s",' % line.mac.encode(), b"", 1))
    return line if line.mac == key.mac(purpose, signed) else None


def read_line(content: dict[str, Any]) -> LedgerLine:
    """Return what the JSON of a line says, of either format; its mac is not looked at.

    Raises TypeError, KeyError or AttributeError for what is not a line.
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
    """How many lines were signed for, and the mac of the last of them."""

    lines: int
    last: str


def _head(count: int, last: str, key: Key) -> dict[str, Any]:
    return {"count": count, "last": last, "mac": key.mac(_HEAD, _bytes([count, last]))}


def read_head(state: Path, key: Key) -> LedgerHead | str:
    """Return the head, or what is wrong with it."""
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
    """Return the ledger's bytes; none when it is not there. Raises StorageFailed."""
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
