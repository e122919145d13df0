"""Do slow work that comes once per machine before it is needed: compile kernels, list fonts.

On a new machine, the first check_variant would otherwise wait half a minute for the compiler, and
the first plot for the fonts. The work begins when a sandbox is created, in the background, while
the agent reads the rules and writes its variant.
"""

import contextlib
import subprocess
import threading

from fumehood.tooling import Toolbox
from fumehood_tools.bench.fonts import list_fonts
from fumehood_tools.glass import compiled_kernels
from fumehood_tools.settings import Settings


def warm_up(toolbox: Toolbox) -> None:
    """Start the work, once per server. A server that ends does not wait for it."""
    toolbox.service("warming", lambda: _started(toolbox.settings))


def _started(settings: Settings) -> threading.Thread:
    thread = threading.Thread(target=_prepare, args=(settings,), name="warming", daemon=True)
    thread.start()
    return thread


def _prepare(settings: Settings) -> None:
    compiled_kernels(settings.cache)
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        list_fonts(settings.cache / "matplotlib")
