"""Harvest for a sandbox before a run asks for it, in the background of a server.

On a new machine the first run waits for minutes: the subject is converted, and activations are
computed. This begins when the first variant is checked, because a run follows. A run that comes
before the end waits for the rest, as for any other harvest of the same data.

One harvest at a time, at low priority, only on a CPU, only with a subject that is on this machine,
only if it takes at most MOST_SECONDS, and not beside a job. It ends with the server at the latest:
a child whose pipe is closed ends at its next line. What it leaves unfinished, a run goes on with.
"""

import contextlib
import os
import threading
from collections.abc import Callable

from fumehood_tools.children import HUB_KEYS, LineChild
from fumehood_tools.errors import FumehoodError
from fumehood_tools.files import write_json
from fumehood_tools.machine import expected_device
from fumehood_tools.runs.harvesting import harvest_request, harvested
from fumehood_tools.runs.pace import expected
from fumehood_tools.settings import Settings
from fumehood_tools.spec import SandboxSpec
from fumehood_tools.subjects import embedded
from fumehood_tools.subjects.catalogue import local_folder

MOST_SECONDS = 900.0
"""The longest harvest that is begun without being asked for."""
NICENESS = 10
REQUEST, PRINTS = "harvest-ahead.json", "harvest-ahead.log"


class HarvestAhead:
    """The harvest that a server has in the background."""

    def __init__(self, settings: Settings, is_working: Callable[[], bool] = lambda: False) -> None:
        """is_working: whether a job of the workspace waits or runs."""
        self._settings, self._is_working = settings, is_working
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._begun: set[str] = set()

    def begin(self, spec: SandboxSpec) -> bool:
        """Start the harvest of a sandbox, once per server; return whether it was started."""
        with self._lock:
            request = harvest_request(spec, self._settings)
            key = repr(request)
            if key in self._begun or not self._is_wanted(spec):
                return False
            self._begun.add(key)
            self._thread = threading.Thread(target=self._run, args=(request,), daemon=True)
            self._thread.start()
            return True

    def has_ended(self, seconds: float) -> bool:
        """Wait up to `seconds` for the end of the harvest; return whether none is running."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    def _is_wanted(self, spec: SandboxSpec) -> bool:
        settings, name = self._settings, spec.subject.name
        if self._thread is not None and self._thread.is_alive():
            return False
        if expected_device(settings.device, settings.cache) != "cpu":
            return False
        if name != embedded.NAME and local_folder(name) is None:
            return False
        pace = expected(spec, settings.cache)
        return 0 < pace.activations + pace.probing <= MOST_SECONDS and not self._is_working()

    def _run(self, request: dict[str, object]) -> None:
        state = self._settings.state
        # Whatever goes wrong here, the run meets it again, and says it to who asked for the run.
        with contextlib.suppress(FumehoodError, OSError):
            write_json(state / REQUEST, request)
            with (
                (state / PRINTS).open("wb") as prints,
                LineChild(
                    "fumehood_tools.harvest", str(state / REQUEST), keys=HUB_KEYS, stderr=prints
                ) as child,
            ):
                os.setpriority(os.PRIO_PROCESS, child.process.pid, NICENESS)
                harvested(child, lambda _: None)
