"""Run the suite: honest variants in parallel, then cheats one by one, with checks after each.

The whole suite takes 3 to 8 minutes on two cores, the fast subset less than a minute. A cheat that
ends or blocks the job counts as not caught; the job is then started again for the rest.
"""

import contextlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fumehood_tools.children import ChildEnded, LineChild
from fumehood_tools.deadlines import Deadline
from fumehood_tools.errors import RunFailed
from fumehood_tools.files import last_lines, write_text
from fumehood_tools.glass import scratch_folder
from fumehood_tools.kinds import kind_named
from fumehood_tools.redteam import world
from fumehood_tools.redteam.bench import Bench, make_bench
from fumehood_tools.redteam.cases import Case, fill_in, honest_twins
from fumehood_tools.redteam.listeners import Listeners
from fumehood_tools.redteam.report import Report, joined
from fumehood_tools.redteam.verdicts import (
    JUDGED,
    CaseResult,
    Frontier,
    judge_cheat,
    judge_honest,
    measured,
)
from fumehood_tools.redteam.watch import Watch
from fumehood_tools.registry.sae_metrics import SPARSITY
from fumehood_tools.sandbox.check import check_static
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.settings import GlassAsked

HANG_SECONDS = 100.0
Told = dict[str, Any]
Show = Callable[[CaseResult], None]


class Stopped(Exception):
    """The driver ended or hung before the next variant was done. The message says which."""


class DriverProcess:
    """The process of the job, which talks in lines of JSON. Leaving it kills all descendants."""

    def __init__(
        self, bench: Bench, sandbox: Sandbox, honest: bool, seeds: Mapping[str, Sequence[int]]
    ) -> None:
        spec = {
            "workspace": str(bench.settings.workspace),
            "cache": str(bench.settings.cache),
            "job": str(bench.root / "job" / sandbox.name),
            "glass": bench.settings.glass,
            "sandbox": sandbox.name,
            "seeds": {name: list(chosen) for name, chosen in seeds.items()},
            "honest": honest,
        }
        with bench.log.open("ab") as log:
            self._child = LineChild(
                "fumehood_tools.redteam.driver",
                json.dumps(spec),
                environ={"FUMEHOOD_CANARY": bench.environment_secret},
                session=True,
                stderr=log,
            )
        self.pid = self._child.process.pid
        self._waiting: list[Told] = []

    def __enter__(self) -> "DriverProcess":
        return self

    def __exit__(self, *exc: object) -> None:
        family = list(world.descendants(self.pid))
        self._child.close()
        world.end_processes(family)

    def go(self) -> None:
        """Tell the driver to continue with its next step."""
        with contextlib.suppress(ChildEnded):
            self._child.send("go")

    def next(self) -> Told:
        """Return the driver's next message. Raises Stopped if it ends, hangs or fails."""
        hung = Stopped(f"held the job up for {HANG_SECONDS:.0f} s")
        deadline = Deadline(HANG_SECONDS, lambda: hung)
        try:
            while not self._waiting:
                self._waiting += self._child.receive(min(1.0, deadline.left()))
        except ChildEnded as end:
            raise Stopped(f"took the job down (exit {end.exit_code})") from end
        told = self._waiting.pop(0)
        if "stopped" in told:
            raise Stopped(f"took the job down: {told['stopped'][:300]}")
        return told


class RedTeam:
    """One run of the suite at one level."""

    def __init__(self, bench: Bench, listeners: Listeners, show: Show) -> None:
        self.bench, self.listeners, self.show = bench, listeners, show
        self.scores: dict[str, Mapping[str, Any]] = {}
        self.level = "?"
        self._starts = 0
        self.witnesses: list[Told] = []
        self._driver: DriverProcess | None = None

    def run_honest(self, cases: Sequence[Case]) -> list[CaseResult]:
        """Train and score honest variants, with the static rules on."""
        told: dict[str, Told] = {}
        for case in cases:
            write_text(self.bench.honest.variants / f"{case.name}.py", case.source)
        names = [case.name for case in cases]
        seeds = dict.fromkeys(names, (0,))
        with DriverProcess(self.bench, self.bench.honest, True, seeds) as driver:
            driver.go()
            while len(told) < len(cases):
                try:
                    said = driver.next()
                except Stopped as reason:
                    told |= {name: {"message": str(reason)} for name in names if name not in told}
                    break
                self.level = said.get("glass", self.level)
                if "ended" in said:
                    told[said["ended"]] = said
        outcomes = [judge_honest(case, told.get(case.name), _rules(case)) for case in cases]
        for case, outcome in zip(cases, outcomes, strict=True):
            if outcome.ok:
                self.scores[case.name] = measured(told[case.name])
            self.show(outcome)
        return outcomes

    def run_cheats(self, cases: Sequence[Case]) -> list[CaseResult]:
        """Run cheats one by one, with the static rules off; restart the job if one stops it."""
        outcomes: list[CaseResult] = []
        while len(outcomes) < len(cases):
            for outcome in self._run_until_stopped(cases[len(outcomes) :]):
                outcomes.append(outcome)
                self.show(outcome)
        return outcomes

    def prepare(self, cases: Sequence[Case]) -> None:
        """Start the job for the cheats. It can load its data while the honest variants run."""
        # An honest variant (a witness) runs first: processes that exist after it belong to the
        # bench. The same variant runs last and must get the same metrics again.
        self._starts += 1
        first, last = (f"witness_{self._starts}_{place}" for place in ("first", "last"))
        for name in (first, last):
            write_text(
                self.bench.cheats.variants / f"{name}.py", honest_twins(cases[0].kind)[0].source
            )
        seeds = {first: (0,), **{case.name: case.entry.seeds for case in cases}, last: (0,)}
        self._driver = DriverProcess(self.bench, self.bench.cheats, False, seeds)
        self._write(cases, self._driver.pid)
        self._driver.go()

    def _run_until_stopped(self, cases: Sequence[Case]) -> Iterator[CaseResult]:
        if self._driver is None:
            self.prepare(cases)
        assert self._driver is not None
        with self._driver as driver:
            self._driver = None
            try:
                self.level = driver.next().get("glass", self.level)
                driver.go()
                self.witnesses.append(driver.next())
            except Stopped as reason:
                said = last_lines(self._log_tail(), 3)
                raise RunFailed(
                    f"The job of the suite did not start: {reason}. Its last output:\n{said}"
                ) from None
            self.bench.learn_secrets()
            self.bench.save()
            watch = Watch(self.bench, self.listeners, driver.pid)
            for case in cases:
                outcome, stopped = self._run_cheat(driver, watch, case)
                yield outcome
                if stopped:
                    return
            driver.go()
            try:
                self.witnesses.append(driver.next())
            except Stopped:
                self.witnesses.append({})
            driver.go()

    def close(self) -> None:
        """End a job that was prepared but not used."""
        if self._driver is not None:
            self._driver.__exit__()

    def _run_cheat(
        self, driver: DriverProcess, watch: Watch, case: Case
    ) -> tuple[CaseResult, bool]:
        """Run one cheat; return its outcome, and True if the job has to be started again."""
        started, runs = time.monotonic(), list[Told]()
        stopped, reasons = False, list[str]()
        try:
            for _ in case.entry.seeds:
                driver.go()
                runs.append(driver.next())
        except Stopped as reason:
            stopped, reasons = True, [str(reason)]
            runs.append({"message": last_lines(self._log_tail(), 3)})
        told = {**runs[-1], "earlier": runs[:-1]}
        breaches = [*reasons, *watch.breaches(case, told)]
        told["wall_seconds"] = round(time.monotonic() - started, 1)
        if breaches:
            self.bench.restore()
            watch.files = watch.now()
            # A job whose helpers died or whose ledger is damaged would refuse all later cheats.
            stopped |= watch.is_broken or any(".fumehood" in breach for breach in breaches)
        if stopped:
            shutil.rmtree(self.bench.settings.state, ignore_errors=True)
        return judge_cheat(case, told, breaches, self.frontier(), _rules(case)), stopped

    @property
    def harm(self) -> str | None:
        """How the metrics of a witness differ from those of the first one; None if they agree."""
        exact = (metric.key for metric in JUDGED if metric.rows != "probing")
        keys = (SPARSITY, *exact)
        own = self.witnesses[0].get("metrics") or {}
        for number, told in enumerate(self.witnesses, 1):
            metrics = told.get("metrics") or {}
            pairs = {key: (own[key], metrics[key]) for key in keys if key in own and key in metrics}
            if len(pairs) == len(keys) and all(abs(a - b) < 1e-3 for a, b in pairs.values()):
                continue
            numbers = [f"{key} {now} instead of {before}" for key, (before, now) in pairs.items()]
            said = "; ".join(numbers) or told.get("message") or "no answer, for the job was gone"
            return f"witness {number} of {len(self.witnesses)}: {said}"
        return None

    def _log_tail(self) -> str:
        with self.bench.log.open("rb") as log:
            log.seek(max(0, self.bench.log.stat().st_size - 4_000))
            return log.read().decode("utf-8", "replace")

    def frontier(self) -> Frontier:
        """Return the best metrics of the honest variants so far."""
        return Frontier(self.scores)

    def _write(self, cases: Sequence[Case], pid: int) -> None:
        """Write the cheats into the sandbox, with their placeholders filled in."""
        bench, listeners = self.bench, self.listeners
        places = {
            "SANDBOX": str(bench.cheats.folder),
            "WORKSPACE": str(bench.settings.workspace),
            "CACHE": str(bench.settings.cache),
            "CANARY": str(bench.canary),
            "JOB": str(bench.root / "job" / bench.cheats.name),
            "PORT": str(listeners.tcp_port),
            "UDP": str(listeners.udp_port),
            "SOCKET": str(listeners.path),
            "ABSTRACT": listeners.abstract,
            "LISTEN": str(listeners.knocked_port),
            "PID": str(pid),
        }
        for case in cases:
            write_text(bench.cheats.variants / f"{case.name}.py", fill_in(case, places))


def _rules(case: Case) -> bool:
    """Return True if the static rules would refuse the file."""
    source = fill_in(case, {}) if case.side == "cheat" else case.source
    found = check_static(source.encode(), case.name, kind_named(case.kind))
    return any(f.severity == "error" for f in found)


@contextlib.contextmanager
def temporary_root() -> Iterator[Path]:
    """Create a temporary folder that other users may read; remove it on exit."""
    with scratch_folder(None, "fumehood-redteam-") as root:
        root.chmod(0o755)
        yield root.resolve()


def run_redteam(
    cases: Sequence[Case], level: GlassAsked = "auto", show: Show = lambda outcome: None
) -> Report:
    """Run the cases at one level; return their outcomes. Removes everything it created."""
    kinds = dict.fromkeys(case.kind for case in cases)
    reports = [_run_kind([c for c in cases if c.kind == kind], level, show) for kind in kinds]
    return joined(reports)


def _run_kind(cases: Sequence[Case], level: GlassAsked, show: Show) -> Report:
    """Run the cases of one kind of sandbox, in a bench of their own."""
    started, kind = time.monotonic(), cases[0].kind
    honest = {case.name: case for case in cases if case.side == "honest"}
    twins = {case.name: case for case in honest_twins(kind)}
    cheats = [case for case in cases if case.side == "cheat"]
    with contextlib.ExitStack() as stack:
        bench = make_bench(stack.enter_context(temporary_root()), level, kind)
        with Listeners(bench.canary / "listener.sock") as listeners:
            team = stack.enter_context(contextlib.closing(RedTeam(bench, listeners, show)))
            if cheats:
                team.prepare(cheats)
            outcomes = team.run_honest(list({**honest, **(twins if cheats else {})}.values()))
            labels = {case.label for case in honest.values()}
            outcomes = [outcome for outcome in outcomes if outcome.name in labels]
            harm = None
            if cheats:
                outcomes += team.run_cheats(cheats)
                harm = team.harm
    seconds = round(time.monotonic() - started, 1)
    return Report(level=team.level, outcomes=tuple(outcomes), seconds=seconds, harm=harm)
