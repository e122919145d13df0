"""Do slow work that comes once per machine before it is needed: compile kernels, list fonts.

On a new machine, the first check_variant would otherwise wait half a minute for the compiler, and
the first plot for the fonts. The work begins when a sandbox is created, in the background, while
the agent reads the rules and writes its variant. The harvest begins when a variant is checked: by
then sandbox.toml says what the run will need.
"""

import contextlib
import subprocess
import threading

from fumehood.tooling import Toolbox
from fumehood_tools.bench.fonts import list_fonts
from fumehood_tools.glass import compiled_kernels
from fumehood_tools.jobs.models import Status
from fumehood_tools.jobs.table import TABLE_FILE
from fumehood_tools.settings import Settings
from fumehood_tools.spec import SandboxSpec


def warm_up(toolbox: Toolbox) -> None:
    """Start the work, once per server. A server that ends does not wait for it."""
    toolbox.service("warming", lambda: _started(toolbox.settings))


def harvest_ahead(toolbox: Toolbox, spec: SandboxSpec) -> None:
    """Start the harvest of a sandbox, unless this server changes nothing or a job is at work."""
    if toolbox.read_only:
        return
    # Not needed for a server to start.
    from fumehood_tools.runs.ahead import HarvestAhead

    ahead = toolbox.service(
        "harvest ahead", lambda: HarvestAhead(toolbox.settings, lambda: _is_working(toolbox))
    )
    ahead.begin(spec)


def _is_working(toolbox: Toolbox) -> bool:
    """Return whether a job waits or runs. Creates no table of jobs to find out."""
    if not (toolbox.settings.state / TABLE_FILE).exists():
        return False
    unfinished: tuple[Status, ...] = ("queued", "starting", "running")
    return any(toolbox.jobs.list(status, limit=1).total for status in unfinished)


def _started(settings: Settings) -> threading.Thread:
    thread = threading.Thread(target=_prepare, args=(settings,), name="warming", daemon=True)
    thread.start()
    return thread


def _prepare(settings: Settings) -> None:
    compiled_kernels(settings.cache)
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        list_fonts(settings.cache / "matplotlib")
