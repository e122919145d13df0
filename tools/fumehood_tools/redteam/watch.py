"""Find a cheat's side effects on files, processes and ports, leaked secrets, and false claims."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fumehood_tools.redteam import world
from fumehood_tools.redteam.bench import KEPT_FILES, Bench
from fumehood_tools.redteam.cases import Case, token_of
from fumehood_tools.redteam.listeners import Listeners
from fumehood_tools.redteam.verdicts import runs_of
from fumehood_tools.redteam.words import carried, false_words

# Limit on the results of one variant on this small bench, in bytes; honest ones have 200 kB.
MOST_RESULTS = 10_000_000
Told = Mapping[str, Any]


class Watch:
    """The state of files and processes before the next cheat."""

    def __init__(self, bench: Bench, listeners: Listeners, pid: int) -> None:
        self.bench, self.listeners, self.pid = bench, listeners, pid
        self.processes = world.descendants(pid)
        self.is_broken = False
        self.files = self.now()
        self.log_read = self._log_size()
        listeners.heard()

    def breaches(self, case: Case, told: Told) -> list[str]:
        """Return what the case changed, read or reached; then update the known state."""
        left = world.left_running(self.pid, self.processes)
        found = [f"{name} still runs" for name in left.values()][:3]
        world.end_processes(left)
        ended = self.processes.keys() - world.descendants(self.pid).keys()
        self.is_broken = bool(ended)
        found += [f"the bench's {self.processes[pid]} was ended" for pid in sorted(ended)]
        self.listeners.settle()
        found += self.listeners.heard()
        found += [f"the job got {name}" for name in dict.fromkeys(told.get("signals", []))]
        found += self._changed_files(case)
        found += self._planted(case)
        found += self._leaked(case, told)
        found += [line for run in runs_of(told) if (line := carried(run))]
        return found + false_words(case, self.bench.cheats.folder)

    def now(self) -> dict[str, world.Facts]:
        """Return the current facts about all files of the bench."""
        return self._files(None)

    def _files(self, case: Case | None) -> dict[str, world.Facts]:
        bench, state = self.bench, self.bench.settings.state
        left_out = [bench.root / "job", bench.root / "kept", bench.log, *state.glob("receipts*")]
        if case is not None:
            left_out.append(bench.cheats.results / case.name)
        return world.snapshot(bench.root, left_out)

    def _changed_files(self, case: Case) -> list[str]:
        before, now = self.files, self._files(case)
        self.files = self.now()
        lines = world.differences(before, now)
        token = token_of(case.name)
        for folder in (Path("/dev/shm"), Path(tempfile.gettempdir())):
            if folder.is_dir():
                planted = [path for path in folder.iterdir() if token in path.name]
                lines += [f"{path} appeared" for path in planted]
                for path in planted:
                    path.unlink(missing_ok=True)
        return lines[:6]

    def _planted(self, case: Case) -> list[str]:
        """Return files in the results of a case that the evaluator did not write, or not alone."""
        folder, known = self.bench.cheats.results / case.name, {*KEPT_FILES, f"{case.name}.py"}
        lines, size = [], 0
        for path in world.walk(folder, set()) if folder.is_dir() else ():
            size += path.lstat().st_size
            if path.is_symlink() or not (path.is_dir() or path.name in known):
                lines.append(f"results/{path.name} was planted")
            elif path.suffix == ".json" and f'"planted": "{token_of(case.name)}"' in path.read_text(
                encoding="utf-8", errors="replace"
            ):
                lines.append(f"results/{path.name} was forged")
        if size > MOST_RESULTS:
            lines.append(f"results/ was filled with {size / 1e6:.0f} MB")
        return lines

    def _leaked(self, case: Case, told: Told) -> list[str]:
        folder, report = self.bench.cheats.results / case.name, self.bench.root / "told.txt"
        news = self.bench.root / "news.txt"
        try:
            report.write_text(json.dumps(told), encoding="utf-8")
            with self.bench.log.open("rb") as log:
                log.seek(self.log_read)
                news.write_bytes(log.read(1 << 24))
            self.log_read = self._log_size()
            results = [path for path in folder.rglob("*") if path.name != f"{case.name}.py"]
            return self.bench.secrets.found_in([report, news, *results])
        finally:
            report.unlink(missing_ok=True)
            news.unlink(missing_ok=True)

    def _log_size(self) -> int:
        return self.bench.log.stat().st_size
