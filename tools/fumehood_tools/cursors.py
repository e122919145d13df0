"""Opaque cursors: a string that a caller passes back to get the next page of a list."""

import base64
import json
from typing import Any

from fumehood_tools.errors import BadRequest


def cursor_of(kind: str, *position: str | int | None) -> str:
    """Return the cursor for a position. kind: the list to which it belongs, checked on return."""
    return base64.urlsafe_b64encode(json.dumps([kind, *position]).encode()).decode("ascii")


def position_of(cursor: str, kind: str, parts: int, last: type[str] | type[int] = int) -> list[Any]:
    """Return the position in a cursor: `parts` values, with the last of type `last` (int: from 0).

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
            "Invalid cursor. Pass next_cursor from an earlier result of this tool, unchanged, or "
            "omit the cursor to start with the first page."
        )
    return position


def offset_of(cursor: str | None, kind: str) -> int:
    """Return the offset that a cursor contains, or 0 if there is no cursor.

    Raises BadRequest if the cursor is damaged or belongs to another tool.
    """
    return 0 if cursor is None else int(position_of(cursor, kind, 1)[0])
