"""A small package in a virtual environment, and a guide to its older version with twelve faults.

The package is pure Python and is written by the test, so nothing is downloaded or installed.
"""

import sys
from pathlib import Path

PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
MOSSLIB = '''
import warnings

def grow(cells, rate=3):
    """Return the number of cells after a day."""
    return cells * rate

def measure_height(cells):
    return cells / 10

def gather(cells):
    warnings.warn("gather is deprecated, use collect", DeprecationWarning, stacklevel=2)
    return collect(cells)

def collect(cells):
    return list(range(cells))

def load(name):
    """Return a moss and its settings. There are no settings any more."""
    return Moss(), None

def to_gpu(moss):
    raise RuntimeError("No CUDA GPUs are available")

class Moss:
    def water(self, liters):
        return liters
'''
MEMBERS = {
    "Renamed API": (
        "import mosslib\nprint(mosslib.measure(20))",
        "api_changed",
        "measure_height",
    ),
    "Removed module": ("from mosslib.spores import spread", "api_changed", "mosslib.spores"),
    "Changed default": (
        "import mosslib\nassert mosslib.grow(5) == 10, mosslib.grow(5)",
        "wrong_output",
        "15",
    ),
    "Missing import": ("print(math.sqrt(4))", "context_missing", "math is not defined"),
    "Wrong output": (
        "import mosslib\nprint(len(mosslib.collect(3)))\n```\n```output\n4",
        "wrong_output",
        "'3', not '4'",
    ),
    "Deprecated call": ("import mosslib\nmosslib.gather(2)", "deprecated", "use collect"),
    "Silently none": (
        "import mosslib\nmoss, settings = mosslib.load('tortula')",
        "silently_none",
        "settings is None",
    ),
    "Network call": (
        "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:9/moss.json')",
        "needs_network",
        "URLError",
    ),
    "Graphics processor": (
        "import mosslib\nmosslib.to_gpu(mosslib.Moss())",
        "needs_gpu",
        "No CUDA GPUs",
    ),
    "Infinite loop": ("while True:\n    pass", "timed_out", "the limit is 3 s"),
    "Missing dependency": ("import fernlib", "missing_dependency", "fernlib is not installed"),
    "Lost context": ("print(healthy)", "context_missing", "another task binds it in line"),
    "A healthy task": (
        "import mosslib\nhealthy = mosslib.Moss().water(2)\nprint(healthy)\n```\n```output\n2",
        "passed",
        "",
    ),
}
FRONT = """---
package: mosslib
version: 1.0.0
environment: ours
python: "3.11"
date: 2026-11-30
ran: every block
---
# mosslib: grow mosses

Grows mosses.

## Cheat sheet

| you want | use |
|---|---|
| growth | `mosslib.grow` |

## Tasks
"""
TASK = """
### {title}

**Prerequisites**: none. **Expected outcome**: no error.

```python
{code}
```
"""
END = "\n## Gotchas\n\n- There is no `mosslib.plant`.\n\n## Integration\n"


def write_environment(folder: Path) -> Path:
    """Write a virtual environment that has mosslib 2.0.0; return its folder of packages."""
    site = folder / "lib" / PYTHON / "site-packages"
    (site / "mosslib").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\n", encoding="utf-8")
    (site / "mosslib" / "__init__.py").write_text(MOSSLIB, encoding="utf-8")
    facts = site / "mosslib-2.0.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: mosslib\nVersion: 2.0.0\n", "utf-8"
    )
    (facts / "RECORD").write_text(
        "mosslib/__init__.py,,\nmosslib-2.0.0.dist-info/RECORD,,\n", "utf-8"
    )
    return site


def guide_text(titles: list[str] | None = None) -> str:
    """Return the text of a guide with these tasks; all of them by default."""
    chosen = MEMBERS if titles is None else {title: MEMBERS[title] for title in titles}
    tasks = [TASK.format(title=title, code=code) for title, (code, _, _) in chosen.items()]
    return FRONT + "".join(tasks) + END
