"""Choose among the isolation levels that this machine supports.

    bubblewrap     separate namespaces for files, processes, network and users, plus everything that
                   landlock does
    landlock       Landlock (files, TCP), a system-call filter (no sockets, no new processes, no
                   signals to others), and separate network and IPC namespaces where the kernel
                   allows them to ordinary users
    sandbox-exec   macOS sandbox profiles; written, but never run by the authors
    rlimits        only limits and a clean environment; files, network and processes are open

Every level limits memory, time, threads, output and scratch space, and kills whole process groups.
"""

import functools
import shutil
import subprocess
import sys

from fumehood_tools.errors import GlassTooWeak
from fumehood_tools.glass.fumehood_child import landlock, seccomp
from fumehood_tools.settings import GlassAsked, GlassLevel

# sandbox-exec restricts files and network as landlock does, so both have the same rank.
STRENGTH: dict[GlassLevel, int] = {
    "bubblewrap": 3,
    "landlock": 2,
    "sandbox-exec": 2,
    "rlimits": 1,
}
_TRIAL = ("--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--proc", "/proc")


@functools.cache
def available_levels() -> tuple[GlassLevel, ...]:
    """Return the levels that work here, strongest first. Runs bubblewrap once as a test (20 ms)."""
    levels: list[GlassLevel] = []
    if _bubblewrap_works():
        levels.append("bubblewrap")
    if separates_siblings():
        levels.append("landlock")
    if sys.platform == "darwin" and shutil.which("sandbox-exec"):
        levels.append("sandbox-exec")
    return (*levels, "rlimits")


def separates_siblings() -> bool:
    """Return True if children forked from the same parent can be isolated from each other."""
    return landlock.abi() > 0 and seccomp.is_offered()


def choose_level(asked: GlassAsked = "auto", minimum: GlassLevel = "rlimits") -> GlassLevel:
    """Return the level to use: the one asked for, or the strongest for "auto".

    Raises GlassTooWeak if the level is not available or is weaker than `minimum`.
    """
    there = available_levels()
    level = there[0] if asked == "auto" else asked
    if level not in there:
        raise GlassTooWeak(
            f"FUMEHOOD_GLASS={level}, but this machine offers {', '.join(there)}. "
            f"{_cure(level)}, or set FUMEHOOD_GLASS=auto."
        )
    if STRENGTH[level] < STRENGTH[minimum]:
        raise GlassTooWeak(
            f"sandbox.toml requires limits.glass = {minimum!r}, but the glass would run at the "
            f"weaker level {level}. {_cure(minimum)}, or lower limits.glass."
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
