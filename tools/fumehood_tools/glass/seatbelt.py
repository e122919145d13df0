"""The sandbox-exec profile of a nursery on macOS. Written for macOS 13 and later.

The authors had no Mac. The tests check the text of the profile but not that macOS enforces it.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from fumehood_tools.glass.profiles import SAE, GlassProfile
from fumehood_tools.glass.view import common_view

# Files that macOS needs to start any program.
_SYSTEM = ("/usr/lib", "/System/Library", "/Library/Apple", "/private/var/db/dyld", "/dev/urandom")
_OPENING = """(version 1)
(deny default)
(allow process-fork)
(allow signal (target same-sandbox))
(allow sysctl-read)
(allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))
(allow file-read-metadata)
(allow file-read* (literal "/"))
(allow file-write-data file-read* (literal "/dev/null"))"""


def profile(scratch_root: Path, readable: Iterable[Path], seen: GlassProfile = SAE) -> str:
    """Return the profile: no network, only Python can be executed, only listed files are open."""
    common = common_view(seen)
    view = [*_SYSTEM, *common, *map(str, readable)]
    lines = [_OPENING, "(allow process-exec " + _paths(common) + ")"]
    lines.append("(allow file-read* " + _paths(view) + ")")
    lines.append("(allow file-read* file-write* " + _paths([str(scratch_root)]) + ")")
    return "\n".join(lines) + "\n"


def command(scratch_root: Path, readable: Iterable[Path], seen: GlassProfile) -> list[str]:
    """Return the arguments to put before the program's own."""
    return ["sandbox-exec", "-p", profile(scratch_root, readable, seen)]


def _paths(paths: Iterable[str]) -> str:
    # The profile language quotes strings like JSON. sandbox-exec needs paths without links.
    real = dict.fromkeys(str(Path(path).resolve()) for path in paths)
    return " ".join(f"(subpath {json.dumps(path)})" for path in real)
