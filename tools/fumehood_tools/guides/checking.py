"""Run every block of a Markdown file behind the glass, and say what became of each.

The blocks of one task of a guide run one after the other in one process, as a reader would run
them; those of any other Markdown file all belong to one task. A block that ends its process costs
the others nothing: they run again without it. There is no network, no GPU and no other process,
the environment is read-only, and time, memory, output and files have limits.

Costs the imports of each task (10 s with sae-bench) plus the work of the blocks.
"""

import ast
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from fumehood_tools.errors import GlassTooWeak
from fumehood_tools.glass import (
    STRENGTH,
    ChildLimits,
    ChildOutcome,
    GlassAsked,
    GlassChild,
    GlassLevel,
    Nursery,
    choose_level,
)
from fumehood_tools.guides.blocks import Block
from fumehood_tools.guides.classify import Names, Verdict, classify, verdict
from fumehood_tools.guides.environments import Environment
from fumehood_tools.guides.facts import Facts, read_facts
from fumehood_tools.guides.report import CheckedBlock, Quoted
from fumehood_tools.quoting import quotable
from fumehood_tools.temporary import scratch_folder

LOOK_SECONDS = 0.01
MOST_RESTARTS = 8
PROGRAM = "guide_child.runner"
Report = Callable[[int, int], None]


class Bounds(NamedTuple):
    """Limits of a check. block_seconds: for one block with its imports."""

    block_seconds: float = 120.0
    memory_gb: float = 6.0
    scratch_gb: float = 1.0
    threads: int = 2


class _Ran(NamedTuple):
    """What one process did. facts: of the blocks that came to their end, by position.

    stopped: the block in which the process ended, and how; None if all came to their end.
    """

    facts: dict[int, Facts]
    stopped: tuple[int, Verdict] | None


class BlockRun:
    """The run of all blocks of one file in one environment."""

    def __init__(
        self,
        name: str,
        text: str,
        tasks: Sequence[Sequence[Block]],
        environment: Environment,
        bounds: Bounds,
    ) -> None:
        self.name, self.text, self.tasks = name, text, tasks
        self.environment, self.bounds = environment, bounds
        self.blocks = [block for task in tasks for block in task]

    def checked(self, level: GlassLevel, report: Report) -> tuple[CheckedBlock, ...]:
        """Run all blocks and return their classes. Raises RunFailed if the glass fails."""
        modules = imported(self.blocks)
        profile, kernels = self.environment.profile(modules), self.environment.kernels(modules)
        verdicts: list[tuple[Verdict, str]] = []
        with (
            scratch_folder(None, "fumehood-guide-") as root,
            Nursery(
                root, level=level, threads=self.bounds.threads, kernels=kernels, profile=profile
            ) as nursery,
        ):
            for number, task in enumerate(self.tasks):
                report(len(verdicts), len(self.blocks))
                verdicts += self._task(nursery, root / f"task-{number}", task)
        quoted = Quoted(self.text.splitlines())
        found = enumerate(zip(self.blocks, verdicts, strict=True), 1)
        return tuple(self._result(number, block, *told, quoted) for number, (block, told) in found)

    def _result(
        self, number: int, block: Block, found: Verdict, output: str, quoted: Quoted
    ) -> CheckedBlock:
        inside = range(block.line, block.line + block.code.count("\n") + 1)
        line = found.line if found.line in inside else None
        return CheckedBlock(
            number=number,
            line=line or block.line,
            section=quotable(block.section)[:200],
            outcome=found.outcome,
            why=quotable(found.why),
            do=found.do,
            quote=quoted.line(line or block.line),
            source_sha256=sha256(block.code + (block.expected or "")),
            output_sha256=output[:64],
        )

    def _task(
        self, nursery: Nursery, folder: Path, task: Sequence[Block]
    ) -> list[tuple[Verdict, str]]:
        """Run the blocks of one task, again without each one that ends the process."""
        ended: dict[int, Verdict] = {}
        facts: dict[int, Facts] = {}
        for attempt in range(MOST_RESTARTS + 1):
            rest = [number for number in range(len(task)) if number not in ended]
            if not rest:
                break
            ran = self._run(nursery, folder / str(attempt), task, rest)
            facts = ran.facts
            if ran.stopped is None:
                break
            ended[ran.stopped[0]] = ran.stopped[1]
        others = {
            name: block.line for block in self.blocks if block not in task for name in bound(block)
        }
        own = frozenset(name for block in task for name in defined(block))
        lost: dict[str, int] = {}
        found: list[tuple[Verdict, str]] = []
        for number, block in enumerate(task):
            fact = facts.get(number)
            names = Names(lost, others, own)
            if number in ended:
                told = ended[number]
            elif fact is not None:
                told = classify(fact, names)
            else:
                told = verdict("not_run", f"{len(ended)} blocks of its task ended the process")
            if fact is None or fact.error is not None:
                there = set(fact.bound) if fact else set()
                lost |= {name: block.line for name in bound(block) if name not in there}
            else:
                lost = {name: line for name, line in lost.items() if name not in bound(block)}
            found.append((told, fact.sha256 if fact else ""))
        return found

    def _run(
        self, nursery: Nursery, scratch: Path, task: Sequence[Block], which: list[int]
    ) -> _Ran:
        """Run some blocks of a task in one new process."""
        bounds = self.bounds
        limits = ChildLimits(
            wall_seconds=bounds.block_seconds * len(which) + 60,
            memory_gb=bounds.memory_gb,
            scratch_gb=bounds.scratch_gb,
            threads=bounds.threads,
        )
        with tempfile.TemporaryFile() as facts, _Numbered(facts) as handle:
            spec = {
                "file": Path(self.name).name,
                "handle": handle,
                "blocks": [_request(number, task[number]) for number in which],
            }
            with nursery.start(
                PROGRAM, spec, scratch=scratch, limits=limits, pass_fds=[handle]
            ) as child:
                outcome, late = self._watch(child, facts)
            lines = read_facts(facts)
        done = {it.block: it for it in lines if it.event == "end" and it.block in which}
        if outcome.exit_code == 0 and len(done) == len(which):
            return _Ran(done, None)
        started = [it.block for it in lines if it.event == "start" and it.block in which]
        at = next((it for it in reversed(started) if it not in done), which[0])
        tried = {it.event for it in lines if it.block == at}
        return _Ran(done, (at, _stopped(outcome, late, tried, bounds)))

    def _watch(self, child: GlassChild, facts: IO[bytes]) -> tuple[ChildOutcome, bool]:
        """Wait for a child; end it when one block takes too long, and say so."""
        size, since = -1, time.monotonic()
        while (outcome := child.poll()) is None:
            now = os.fstat(facts.fileno()).st_size
            if now != size:
                size, since = now, time.monotonic()
            elif time.monotonic() - since > self.bounds.block_seconds:
                child.end()
                return child.outcome(), True
            time.sleep(LOOK_SECONDS)
        return outcome, False


class _Numbered:
    """A copy of a file's descriptor, at a number that a child may keep."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def __enter__(self) -> int:
        self._handle = os.dup(self._file.fileno())
        return self._handle

    def __exit__(self, *exc: object) -> None:
        os.close(self._handle)


def _request(number: int, block: Block) -> dict[str, Any]:
    return {
        "index": number,
        "code": block.code,
        "line": block.line,
        "expected": block.expected,
    }


def _stopped(outcome: ChildOutcome, late: bool, tried: set[str], bounds: Bounds) -> Verdict:
    """Return the verdict about the block in which a process ended."""
    if late or outcome.timed_out:
        if "network" in tried:
            return verdict("needs_network", f"it waited more than {bounds.block_seconds:g} s")
        return verdict("timed_out", f"the limit is {bounds.block_seconds:g} s")
    if outcome.limit == "memory":
        return verdict("out_of_memory", f"the limit is {bounds.memory_gb:g} GiB")
    if outcome.limit in ("output", "scratch"):
        return verdict("too_much_output", f"the limit on its {outcome.limit} was reached")
    if outcome.limit == "threads":
        return verdict("needs_process", "it started too many threads")
    if "process" in tried:
        return verdict("needs_process", f"its process ended with code {outcome.exit_code}")
    return verdict("killed", f"exit code {outcome.exit_code}")


def _parsed(block: Block) -> ast.Module:
    try:
        return ast.parse(block.code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def imported(blocks: Sequence[Block]) -> set[str]:
    """Return the top-level modules that blocks import anywhere."""
    found = set()
    for block in blocks:
        for node in ast.walk(_parsed(block)):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names)


def bound(block: Block) -> set[str]:
    """Return the names that a block binds at its top level, also by import."""
    found = defined(block)
    for node in ast.walk(_parsed(block)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def defined(block: Block) -> set[str]:
    """Return the names of functions and classes that a block defines."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in ast.walk(_parsed(block)) if isinstance(node, kinds)}


def sha256(text: str) -> str:
    """Return the hex digest of a text."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def glass_level(asked: GlassAsked) -> GlassLevel:
    """Return the level of isolation at which blocks run. Raises GlassTooWeak."""
    level = choose_level(asked)
    if STRENGTH[level] < STRENGTH["landlock"]:
        raise GlassTooWeak(
            f"Blocks of guides run only where files can be protected from them, but the glass "
            f"would run at level {level}. Install bubblewrap, or use a Linux kernel of 5.13 or "
            "later with Landlock; `fumehood doctor` shows the levels of this machine."
        )
    return level
