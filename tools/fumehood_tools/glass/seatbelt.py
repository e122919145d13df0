"""macOS: the profile under which sandbox-exec runs a nursery. Written for macOS 13 and later.

Not run by its authors, who have no Mac at hand: the text is tested, its effect is not.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from fumehood_tools.glass.profiles import SAE, GlassProfile
from fumehood_tools.glass.view import common_view

# What any program needs before its own code runs.
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
    """Return the text for sandbox-exec: no network, no exec but Python's, files by name only."""
    common = common_view(seen)
    view = [*_SYSTEM, *common, *map(str, readable)]
    lines = [_OPENING, "(allow process-exec " + _paths(common) + ")"]
    lines.append("(allow file-read* " + _paths(view) + ")")
    lines.append("(allow file-read* file-write* " + _paths([str(scratch_root)]) + ")")
    return "\n".join(lines) + "\n"


def command(scratch_root: Path, readable: Iterable[Path], seen: GlassProfile) -> list[str]:
    """Return what stands before the program."""
    return ["sandbox-exec", "-p", profile(scratch_root, readable, seen)]


def _paths(paths: Iterable[str]) -> str:
    # The profile language quotes strings as JSON does; sandbox-exec wants real paths.
    real = dict.fromkeys(str(Path(path).resolve()) for path in paths)
    return " ".join(f"(subpath {json.dumps(path)})" for path in real)
