"""Headless Chromium, in which a script reads a page."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((found for name in NAMES if (found := shutil.which(name))), None)
# Chromium's window is at least 500 pixels wide, so a narrow page is shown in a frame.
FRAME = """<!doctype html><iframe id="frame" width="{width}" height="900" style="border: 0"
srcdoc="{page}"></iframe><script>
document.getElementById("frame").addEventListener("load", (event) => {{
  const report = event.target.contentDocument.getElementById("report").cloneNode(true);
  document.body.append(report);
}});
</script>"""
needs_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs a browser")


def browse(page: Path, width: int) -> tuple[dict[str, Any], list[str]]:
    """Return what the page's script left in <pre id="report">, and the lines of the console."""
    assert CHROMIUM is not None, "no browser"
    if width < 500:
        inside = html.escape(page.read_text(encoding="utf-8"), quote=True)
        page = page.with_name("frame.html")
        page.write_text(FRAME.format(width=width, page=inside), encoding="utf-8")
    done = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            f"--user-data-dir={page.parent / 'profile'}",
            f"--window-size={max(width, 500)},900",
            "--virtual-time-budget=5000",
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=True,
    )
    found = re.search(r'<pre id="report">(.*?)</pre>', done.stdout, re.S)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert found, (done.stdout[-500:], console)
    return json.loads(html.unescape(found[1])), console
