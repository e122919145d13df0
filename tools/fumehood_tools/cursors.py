"""Opaque cursors: where the next page of a list begins, as one word that a caller hands back."""

import base64
import json
from typing import Any

from fumehood_tools.errors import BadRequest


def cursor_of(kind: str, *position: str | int | None) -> str:
    """Return the cursor of a position in lists of one kind."""
    return base64.urlsafe_b64encode(json.dumps([kind, *position]).encode()).decode("ascii")


def position_of(cursor: str, kind: str, parts: int, last: type[str] | type[int] = int) -> list[Any]:
    """Return the parts of a position, of which the last is a name or a number that counts from 0.

    Raises BadRequest for anything but a cursor of this kind.
    """
    try:
        content = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii")))
    except (ValueError, RecursionError):
        content = None
    found, *position = content if isinstance(content, list) and content else [None]
    end = position[-1] if len(position) == parts else None
    if found != kind or type(end) is not last or (isinstance(end, int) and end < 0):
        raise BadRequest(
            "Invalid cursor. Pass next_cursor of an earlier result of this tool, unchanged; or no "
            "cursor, to begin with the first page."
        )
    return position


def offset_of(cursor: str | None, kind: str) -> int:
    """Return the number that is all of a cursor's position; 0 without one. Raises BadRequest."""
    return 0 if cursor is None else int(position_of(cursor, kind, 1)[0])
