"""Put the page together: one HTML file with its style, its script and its data inside.

The data stand in a script element as JSON with `<`, `>` and `&` escaped, so no text of a variant
can end it; the page's own policy (CSP) lets nothing be loaded from anywhere.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fumehood_tools.files import write_text

HERE = Path(__file__).resolve().parent
PAGE = Path("results") / "page" / "index.html"
_ESCAPED = "<>&\u2028\u2029"


def write_page(folder: Path, content: Mapping[str, Any]) -> Path:
    """Write the page of the sandbox in folder; return its path. Raises StorageFailed."""
    target = folder / PAGE
    write_text(target, page_html(content))
    return target


def page_html(content: Mapping[str, Any] | None) -> str:
    """Return the page with this content; without any it waits for a client's (see `app_html`)."""
    parts = {
        name: (HERE / f"page.{name}").read_text(encoding="utf-8") for name in ("html", "css", "js")
    }
    data = "" if content is None else json.dumps(content, ensure_ascii=False, allow_nan=False)
    for character in _ESCAPED:
        data = data.replace(character, f"\\u{ord(character):04x}")
    page = parts["html"].replace("/*CSS*/", parts["css"])
    before, after = page.split("/*DATA*/")
    return before + data + after.replace("/*JS*/", parts["js"])


def app_html() -> str:
    """Return the page as the view of an MCP App: its data come with the tool's result."""
    return page_html(None)
