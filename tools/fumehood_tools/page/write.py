"""Assemble the page: one HTML file that contains its style, script and data.

The data are JSON in a script element with `<`, `>` and `&` escaped, so that no text from a variant
can close the element. The page's content security policy (CSP) forbids loading anything.
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
    """Write the page of the sandbox in folder and return its path. Raises StorageFailed."""
    target = folder / PAGE
    write_text(target, page_html(content))
    return target


def page_html(content: Mapping[str, Any] | None) -> str:
    """Return the page with this content. Without content it waits for an MCP client to send it."""
    names = ("page.html", "page.css", "page.js", "forests.js")
    page, style, script, forests = ((HERE / name).read_text(encoding="utf-8") for name in names)
    data = "" if content is None else json.dumps(content, ensure_ascii=False, allow_nan=False)
    for character in _ESCAPED:
        data = data.replace(character, f"\\u{ord(character):04x}")
    script = script.replace("/*FORESTS*/", forests)
    before, after = page.replace("/*CSS*/", style).split("/*DATA*/")
    return before + data + after.replace("/*JS*/", script)


def app_html() -> str:
    """Return the page for an MCP App, which gets its data with the tool's result."""
    return page_html(None)
