"""Cursors: opaque words that say where the next page of a list begins."""

import base64
import binascii

from fumehood_tools.errors import BadRequest


def cursor_at(offset: int) -> str:
    """Return the cursor of a page that begins at offset."""
    return base64.urlsafe_b64encode(f"rows:{offset}".encode()).decode()


def offset_of(cursor: str | None) -> int:
    """Return where a page begins; 0 without a cursor. Raises BadRequest."""
    if cursor is None:
        return 0
    try:
        word, _, number = base64.urlsafe_b64decode(cursor.encode()).decode().partition(":")
    except (binascii.Error, UnicodeError):
        word, number = "", ""
    if word != "rows" or not number.isdecimal():
        raise BadRequest(f"cursor={cursor!r} is none of ours. Pass the next_cursor of a page.")
    return int(number)
