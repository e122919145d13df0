"""Sign records: add `"receipt": {"workspace", "kind", "place", "mac"}` to a record, and check it.

The MAC is HMAC-SHA256 over the kind, the place and the rest of the record. Receipts of format 1
contain neither kind nor place, and are still verified. The MAC covers the JSON itself, not a parsed
pydantic model, so an edited, added or removed field is detected even if nothing reads it.
"""

import hmac
import json
import os
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from fumehood_tools.errors import StorageFailed
from fumehood_tools.plain_files import NotPlain, open_plain
from fumehood_tools.receipts.key import Key
from fumehood_tools.receipts.places import run_of

MOST_BYTES = 64 << 20
RECEIPT = "receipt"
_PURPOSE, _PURPOSE_1 = "fumehood receipt 2", "fumehood receipt 1"
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False)

Code = Literal[
    "damaged",
    "unsigned",
    "other_workspace",
    "edited",
    "misplaced",
    "copied",
    "put_back",
    "withdrawn",
    "variant_edited",
    "weights_missing",
    "weights_swapped",
    "file_edited",
    "key_missing",
]


class Problem(NamedTuple):
    """Why a record does not count: a stable code, and a text for people."""

    code: Code
    text: str


def sign(record: Mapping[str, Any], key: Key, kind: str, place: str) -> dict[str, Any]:
    """Return the record with a new receipt, which replaces an earlier one."""
    content = {name: value for name, value in record.items() if name != RECEIPT}
    mac = key.mac(_PURPOSE, _canonical([kind, place, content]))
    receipt = {"workspace": key.workspace, "kind": kind, "place": place, "mac": mac}
    return {**content, RECEIPT: receipt}


def check(record: Mapping[str, Any], key: Key, kind: str, place: str) -> Problem | None:
    """Return the problem with the receipt of a record at a place, or None if it is valid."""
    receipt = record.get(RECEIPT)
    if not isinstance(receipt, dict) or not isinstance(receipt.get("mac"), str):
        return Problem("unsigned", "a record without a receipt; run_variants writes signed ones")
    if receipt.get("workspace") != key.workspace:
        return Problem(
            "other_workspace",
            "a receipt of another workspace; scores count only where they were measured, so call "
            "run_variants here",
        )
    try:
        expected = _expected(record, receipt, key)
    except RecursionError:
        return Problem(
            "damaged", "a record nested hundreds of levels deep, which fumehood never writes"
        )
    same = hmac.compare_digest(expected["mac"].encode(), receipt["mac"].encode())
    if not same or receipt != expected:
        return Problem("edited", "the record was edited after it was signed")
    if "place" not in receipt:
        return _misplaced_1(record, kind, place)
    if receipt["place"] != place:
        return Problem("copied", f"a copy of the receipt of {receipt['place']}")
    if receipt["kind"] != kind:
        return Problem("misplaced", f"the record of a {receipt['kind']}, not of a {kind}")
    return None


def _expected(record: Mapping[str, Any], receipt: Mapping[str, Any], key: Key) -> dict[str, Any]:
    """Return the receipt that a record must have, in the same format as the one it has."""
    if "kind" in receipt or "place" in receipt:
        kind, place = str(receipt.get("kind")), str(receipt.get("place"))
        signed: dict[str, Any] = sign(record, key, kind, place)[RECEIPT]
        return signed
    content = {name: value for name, value in record.items() if name != RECEIPT}
    return {"workspace": key.workspace, "mac": key.mac(_PURPOSE_1, _canonical(content))}


def _misplaced_1(record: Mapping[str, Any], kind: str, place: str) -> Problem | None:
    """Return the problem if a record of format 1 is not in the folder of its variant and seed."""
    variant, run = run_of(place)
    own_kind = "score" if "metrics" in record else "failure"
    if (
        record.get("variant") != variant
        or run.split("-")[0] != f"seed{record.get('seed')}"
        or own_kind != kind
    ):
        mine = f"{record.get('variant')} seed {record.get('seed')}"
        return Problem("misplaced", f"a record of {mine}, not of this folder")
    return None


def mac_of(record: Mapping[str, Any]) -> str:
    """Return the MAC in a record that has been checked."""
    mac: str = record[RECEIPT]["mac"]
    return mac


def read_record(path: str) -> dict[str, Any]:
    """Return the parsed JSON of a record.

    Raises FileNotFoundError; StorageFailed if it is damaged or has a duplicate key.
    """
    name = os.path.basename(path)
    try:
        with open_plain(path, MOST_BYTES) as file:
            record = _DECODER.decode(file.read().decode("utf-8"))
    except FileNotFoundError:
        raise
    except NotPlain as error:
        raise StorageFailed(f"{name} is damaged ({error.strerror})") from error
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"Reading {name}") from error
    except (ValueError, RecursionError) as error:
        raise StorageFailed(f"{name} is damaged ({_shortly(error)})") from error
    if not isinstance(record, dict):
        raise StorageFailed(f"{name} is damaged (it is not a JSON object)")
    return record


def unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object. A hook for `json.loads` that raises ValueError for duplicate keys."""
    content = dict(pairs)
    if len(content) != len(pairs):
        # Of two equal keys some parsers use the first and some the last, so the content would be
        # ambiguous.
        raise ValueError("an object has the same key twice")
    return content


_DECODER = json.JSONDecoder(object_pairs_hook=unambiguous)


def _canonical(content: Any) -> bytes:
    return _ENCODER.encode(content).encode()


def _shortly(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:80]}"
