"""Opaque cursors: where a next page begins, as one word that a caller hands back."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from fumehood_tools.errors import BadRequest


def cursor_of(position: Sequence[Any]) -> str:
    """Return JSON-like parts as a cursor."""
    return base64.urlsafe_b64encode(json.dumps(list(position)).encode()).decode("ascii")


def position_of(cursor: str, parts: int) -> list[Any]:
    """Return so many parts of a cursor; the last one is an offset. Raises BadRequest."""
    try:
        position = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii")))
    except (ValueError, TypeError):
        position = None
    if (
        not isinstance(position, list)
        or len(position) != parts
        or not isinstance(position[-1], int)
        or position[-1] < 0
    ):
        raise BadRequest("This cursor is none. Take next_cursor of a result.")
    return position
