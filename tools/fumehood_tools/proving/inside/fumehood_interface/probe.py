"""Import the `core` that is in view, and say what is wrong with it.

The program `fumehood_interface.probe`. Its spec: {"names": [names that core must have], "out":
folder}. Writes interface.json into `out`: {"error": text or null, "file", "line", "missing": […]}.
"""

import importlib
import json
import traceback
from pathlib import Path
from typing import Any


def main(spec: dict[str, Any]) -> int:
    """Import core and write what was found. Returns 0."""
    said: dict[str, Any] = {"error": None, "file": "", "line": None, "missing": []}
    try:
        core = importlib.import_module("core")
    except BaseException as error:  # noqa: BLE001  (whatever a foreign module raises)
        said["error"] = f"{type(error).__name__}: {error}"
        for frame in traceback.extract_tb(error.__traceback__):
            if "/core/" in frame.filename:
                said["file"] = "core/" + frame.filename.rpartition("/core/")[2]
                said["line"] = frame.lineno
    else:
        said["missing"] = [name for name in spec["names"] if not hasattr(core, name)]
    out = Path(spec["out"])
    out.mkdir(parents=True, exist_ok=True)
    (out / "interface.json").write_text(json.dumps(said), encoding="utf-8")
    return 0
