"""Which isolation this machine offers, and which is used.

    bubblewrap     own namespaces for files, processes, network, users; and all of landlock's
    landlock       Landlock (files, TCP), a system-call filter (no sockets, processes, signals to
                   others), own network and IPC namespaces where an ordinary user may have them
    sandbox-exec   macOS' profile language; written, not run by its authors
    rlimits        limits and a clean environment only: files, network and processes are open

Every level has limits on memory, time, threads, output and scratch, and kills whole groups.
"""

import functools
import shutil
import subprocess
import sys

from fumehood_tools.errors import GlassTooWeak
from fumehood_tools.glass.fumehood_child import landlock, seccomp
from fumehood_tools.settings import GlassAsked, GlassLevel

# sandbox-exec shuts files and network as landlock does.
STRENGTH: dict[GlassLevel, int] = {
    "bubblewrap": 3,
    "landlock": 2,
    "sandbox-exec": 2,
    "rlimits": 1,
}
_TRIAL = ("--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--proc", "/proc")


@functools.cache
def available_levels() -> tuple[GlassLevel, ...]:
    """Return the levels that work on this machine, best first. Tries bubblewrap once (20 ms)."""
    levels: list[GlassLevel] = []
    if _bubblewrap_works():
        levels.append("bubblewrap")
    if separates_siblings():
        levels.append("landlock")
    if sys.platform == "darwin" and shutil.which("sandbox-exec"):
        levels.append("sandbox-exec")
    return (*levels, "rlimits")


def separates_siblings() -> bool:
    """Return whether a child can shut itself off from others forked from the same parent."""
    return landlock.abi() > 0 and seccomp.is_offered()


def choose_level(asked: GlassAsked = "auto", minimum: GlassLevel = "rlimits") -> GlassLevel:
    """Return the level to use: the one asked for, else the best. Raises GlassTooWeak."""
    there = available_levels()
    level = there[0] if asked == "auto" else asked
    if level not in there:
        raise GlassTooWeak(
            f"FUMEHOOD_GLASS={level}, but this machine offers {', '.join(there)}. "
            f"{_cure(level)} or set FUMEHOOD_GLASS=auto."
        )
    if STRENGTH[level] < STRENGTH[minimum]:
        raise GlassTooWeak(
            f"sandbox.toml demands limits.glass = {minimum!r}; here it would be {level}. "
            f"{_cure(minimum)}, or lower limits.glass."
        )
    return level


def _cure(level: GlassLevel) -> str:
    if level == "bubblewrap":
        return "Install bubblewrap (apt-get install bubblewrap, dnf install bubblewrap)"
    if level == "landlock":
        return "Use a Linux kernel of 5.13 or later with Landlock, on x86_64 or aarch64"
    return "Use macOS with sandbox-exec"


def _bubblewrap_works() -> bool:
    program = shutil.which("bwrap")
    if program is None or sys.platform != "linux":
        return False
    try:
        done = subprocess.run(
            [program, *_TRIAL, "/bin/true"], capture_output=True, timeout=10, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0
