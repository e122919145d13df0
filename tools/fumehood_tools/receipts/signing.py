"""A receipt: a record with `"receipt": {"workspace", "kind", "place", "mac"}`.

The mac is HMAC-SHA256 over the kind, the place and all the rest of the record; receipts of format 1
say neither kind nor place, and are verified as ever. What is signed is the JSON itself, not what a
model makes of it: a field that was edited, added or taken away is found, whether or not anything
reads it.
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
    """Why a record does not count."""

    code: Code
    text: str


def sign(record: Mapping[str, Any], key: Key, kind: str, place: str) -> dict[str, Any]:
    """Return the record with its receipt; one it had before is replaced."""
    content = {name: value for name, value in record.items() if name != RECEIPT}
    mac = key.mac(_PURPOSE, _canonical([kind, place, content]))
    receipt = {"workspace": key.workspace, "kind": kind, "place": place, "mac": mac}
    return {**content, RECEIPT: receipt}


def check(record: Mapping[str, Any], key: Key, kind: str, place: str) -> Problem | None:
    """Return what is wrong with the receipt of a record that lies at a place; None: it is ours."""
    receipt = record.get(RECEIPT)
    if not isinstance(receipt, dict) or not isinstance(receipt.get("mac"), str):
        return Problem("unsigned", "a record without a receipt; run_variants makes one with it")
    if receipt.get("workspace") != key.workspace:
        return Problem(
            "other_workspace",
            "a receipt of another workspace; a score counts where it was made, run_variants here",
        )
    try:
        expected = _expected(record, receipt, key)
    except RecursionError:
        return Problem("damaged", "a record of hundreds of levels: none of ours")
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
    """Return the receipt that a record must have, in the format of the one it has."""
    if "kind" in receipt or "place" in receipt:
        kind, place = str(receipt.get("kind")), str(receipt.get("place"))
        signed: dict[str, Any] = sign(record, key, kind, place)[RECEIPT]
        return signed
    content = {name: value for name, value in record.items() if name != RECEIPT}
    return {"workspace": key.workspace, "mac": key.mac(_PURPOSE_1, _canonical(content))}


def _misplaced_1(record: Mapping[str, Any], kind: str, place: str) -> Problem | None:
    """Return what is wrong with where a record of format 1 lies, which says variant and seed."""
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
    """Return the mac in a record that has been checked."""
    mac: str = record[RECEIPT]["mac"]
    return mac


def read_record(path: str) -> dict[str, Any]:
    """Return a record's JSON.

    Raises FileNotFoundError, StorageFailed when it is damaged or names a key twice.
    """
    name = os.path.basename(path)
    try:
        with open_plain(path, MOST_BYTES) as file:
            record = json.loads(file.read().decode("utf-8"), object_pairs_hook=unambiguous)
    except FileNotFoundError:
        raise
    except NotPlain as error:
        raise StorageFailed(f"{name} is damaged ({error.strerror})") from error
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"Reading {name}") from error
    except (ValueError, RecursionError) as error:
        raise StorageFailed(f"{name} is damaged ({_shortly(error)})") from error
    if not isinstance(record, dict):
        raise StorageFailed(f"{name} is damaged (no JSON object)")
    return record


def unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; for `json.loads`. Raises ValueError when it names a key twice."""
    content = dict(pairs)
    if len(content) != len(pairs):
        # Readers of other make may take the first of two, we the last: neither is meant.
        raise ValueError("a key stands twice in one object")
    return content


def _canonical(content: Any) -> bytes:
    return _ENCODER.encode(content).encode()


def _shortly(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:80]}"
