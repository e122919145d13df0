"""Runs evaluations of the red team as a job would, and looks for what they did besides.

usage: python -m fumehood_tools.redteam.evaluation_bench '{"root": …, "level": …, "tag": …,
       "names": […]}'

Prints a CaseResult as JSON for each. The latents are random, so that nothing has to be trained. A
cheat is caught if it was refused or its metric is the same for everybody, and it left nothing
outside its scratch folder and called nobody.
"""

import contextlib
import hashlib
import json
import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fumehood_tools.errors import FumehoodError
from fumehood_tools.evaluations.inside.fumehood_evaluation.made_up import made_up
from fumehood_tools.evaluations.judging import Inputs, Measured, Runner
from fumehood_tools.evaluations.material import (
    Latented,
    TaskArrays,
    permuted,
    random_latents,
    shuffled,
    write_given,
)
from fumehood_tools.evaluations.profile import EVALUATION
from fumehood_tools.evaluations.source import EvaluationFile, read_evaluation
from fumehood_tools.glass import ChildLimits, GlassLevel, Nursery
from fumehood_tools.redteam.evaluation_cases import EvaluationCase, load_evaluations
from fumehood_tools.redteam.verdicts import CaseResult
from fumehood_tools.spec import LimitsSpec

GOOD = 0.5
LIMITS = ChildLimits(wall_seconds=8, cpu_seconds=20, memory_gb=0.4, scratch_gb=0.1)
SHARED = ("/tmp", "/dev/shm", "/var/tmp")


class World:
    """What cheats may reach for: secrets, folders open to all, a listener, data of others."""

    def __init__(self, root: Path, tag: str) -> None:
        self.tag = tag
        self.canary, self.root = root / "canary", root
        (self.canary / "workspace" / ".fumehood").mkdir(parents=True)
        (self.canary / "drop").mkdir(mode=0o777)
        (self.canary / "drop").chmod(0o777)
        (self.canary / "secret.txt").write_text("secret", encoding="utf-8")
        (self.canary / "workspace/.fumehood/receipt.key").write_text("key", encoding="utf-8")
        (self.canary / "drop" / "told.txt").write_text("0.99", encoding="utf-8")
        self.line = socket.create_server(("127.0.0.1", 0))
        self.line.settimeout(0.05)
        self.latents, self.data, self.inputs = _written(root / "scratch")
        self.x = np.load(self.data / "x.npy")

    def source(self, path: Path) -> bytes:
        """Return a cheat's file with the names of this world filled in."""
        assert self.latents.W is not None
        names = {
            "CANARY": str(self.canary),
            "TAG": self.tag,
            "PORT": str(self.line.getsockname()[1]),
            "DIGEST": hashlib.sha256(np.ascontiguousarray(self.latents.W).tobytes()).hexdigest(),
            "SUM": f"{np.sort(self.latents.value).astype(np.float64).sum():.9g}",
        }
        text = path.read_text(encoding="utf-8")
        for word, value in names.items():
            text = text.replace(word, value)
        return text.encode()

    def side_effects(self) -> list[str]:
        """Return what was left or called since the last look, and remove it."""
        left = list((self.canary / "drop").iterdir())
        left += [path for place in SHARED for path in Path(place).glob(f"*{self.tag}*")]
        left = [path for path in left if path.name != "told.txt"]
        for path in left:
            path.unlink()
        found = [f"{path.name} appeared" for path in left]
        found += self._calls()
        for path, array in self._arrays():
            if not np.array_equal(np.load(path), array):
                found.append(f"{path.name} was changed")
                np.save(path, array)
        return found

    def _calls(self) -> list[str]:
        """Return whether the listener was called; answers all calls that wait."""
        calls = 0
        with contextlib.suppress(TimeoutError):
            while True:
                self.line.accept()[0].close()
                calls += 1
        return ["the listener was called"] * bool(calls)

    def _arrays(self) -> list[tuple[Path, Any]]:
        """Return the files that every run reads, with their content."""
        return [
            (Path(self.inputs.own["given"], "value.npy"), self.latents.value),
            (self.data / "x.npy", self.x),
        ]


def _written(scratch: Path) -> tuple[Latented, Path, Inputs]:
    """Write random latents and all that belongs to them, as the process of a job does."""
    latents, context = made_up(512, 16, 64, 6)
    assert context.probing is not None and context.W is not None and context.b is not None
    [task] = context.probing.values()
    arrays = TaskArrays(task.train, task.train_labels, task.test, task.test_labels, task.classes)
    given = Latented(
        latents.start,
        latents.index,
        _with_even_digits(latents.value),
        latents.dict_size,
        context.W,
        context.b,
        {"made_up": arrays},
        context.siblings,
    )
    data, draw = scratch / "data", np.random.default_rng(1)
    data.mkdir(parents=True)
    assert context.planted is not None
    shared: dict[str, Any] = {"x": context.x, "tokens": context.tokens}
    shared |= {"passage": context.passage}
    shared |= {"directions": context.planted.directions, "features": context.planted.features}
    for name, array in shared.items():
        np.save(data / f"{name}.npy", array)
    facts = {"seed": 0, "has_targets": False, "planted": True, "vocabulary": context.vocabulary}
    (data / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    forms = (given, permuted(given, draw), shuffled(given, draw), random_latents(given, draw))
    specs = [
        {"data": str(data), "given": str(write_given(form, scratch / f"given-{number}"))}
        for number, form in enumerate(forms)
    ]
    return given, data, Inputs(*specs)


def _with_even_digits(value: Any) -> Any:
    """Return values whose last digit in bfloat16 is even: the message of `knows_digits`."""
    return (value.view(np.int32) & ~0x1FFFF).view(np.float32)


def run_cases(
    root: Path, level: GlassLevel, tag: str, cases: Sequence[EvaluationCase]
) -> Iterator[CaseResult]:
    """Run the cases at a level of the glass; yield the outcome of each. tag: marks what they leave.

    The environment must have a variable with TOLD-<tag>, for the cheat that looks for it.
    """
    world, scratch = World(root, tag), root / "scratch"
    with world.line, Nursery(scratch, level=level, profile=EVALUATION) as nursery:
        for case in cases:
            yield _outcome(world, nursery, case)


def _outcome(world: World, nursery: Nursery, case: EvaluationCase) -> CaseResult:
    given, started = world.root / "scratch" / "files" / case.path.name, time.monotonic()
    given.parent.mkdir(exist_ok=True)
    given.write_bytes(world.source(case.path))
    file = read_evaluation(given, False, LimitsSpec())

    def new_folder() -> Path:
        return Path(tempfile.mkdtemp(dir=nursery.scratch_root))

    runner = Runner(nursery, given, file.metrics, LIMITS, new_folder)
    found: Measured | FumehoodError
    try:
        found = runner.measure(world.inputs)
    except FumehoodError as error:
        found = error
    effects = world.side_effects()
    ok, by, said = _judged(case, file, found, effects)
    return CaseResult(
        name=case.label,
        side=case.side,
        family=case.family,
        says=case.says,
        ok=ok,
        by=by,
        said=said,
        breaches=tuple(effects),
        rules=False,
        seconds=round(time.monotonic() - started, 1),
    )


def _judged(
    case: EvaluationCase, file: EvaluationFile, found: Any, effects: Sequence[str]
) -> tuple[bool, str, str]:
    """Return whether a cheat was caught or an honest one measured, by what, and what was said."""
    if case.side == "honest":
        ok = isinstance(found, Measured) and not effects
        return ok, "scored" if ok else "refused", "" if ok else str(found)
    if effects:
        return False, "; ".join(effects), ""
    if isinstance(found, FumehoodError):
        return True, found.check or found.limit or found.code, str(found)
    [value] = found.metrics.values()
    if found.constant:
        by = "constant" if value > 0 else "reached nothing"
        return True, by, f"{value:g} on all latents"
    return value < GOOD, "no gain" if value < GOOD else f"a metric of {value:g}", ""


def main() -> None:
    """Run the cases that argv[1] names."""
    spec = json.loads(sys.argv[1])
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    cases = [case for case in load_evaluations() if case.label in spec["names"]]
    for outcome in run_cases(Path(spec["root"]), spec["level"], spec["tag"], cases):
        print(outcome.model_dump_json(), file=answers, flush=True)


if __name__ == "__main__":
    main()
