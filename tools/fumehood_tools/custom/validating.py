"""Validate any sandbox: those with an evaluation of their own here, all others by proving.

A custom sandbox meets the same requirements. Its baselines produce and are evaluated in a copy;
where others have a packaged core, it has sealed files. The first validation that passes pins them,
so that later runs refuse others; a reviewer removes the pin to let a change in.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.custom.children import CustomChildren
from fumehood_tools.custom.inputs import inputs_of
from fumehood_tools.custom.reading import judge_reading, shared_texts
from fumehood_tools.custom.repeating import judge_repeat
from fumehood_tools.custom.run import CustomRun
from fumehood_tools.custom.scored import records_of
from fumehood_tools.custom.sealed import custom_of, pin, pinned, sealed_sha256
from fumehood_tools.custom.spikes import own_spikes
from fumehood_tools.errors import FumehoodError
from fumehood_tools.files import sha256_of, write_bytes
from fumehood_tools.glass import choose_level, remove_folder, scratch_folder
from fumehood_tools.jobs import Progress
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.proving.documents import judge_documents
from fumehood_tools.proving.folder import VARIANTS, SandboxFolder, look
from fumehood_tools.proving.manifest import judge_manifest
from fumehood_tools.proving.report import (
    OWN_EVALUATION,
    Fault,
    Report,
    Result,
    in_order,
    judged,
    not_tried,
)
from fumehood_tools.proving.request import ReportShelf, ValidationRequest, validation_id
from fumehood_tools.proving.scores import PartOfJob
from fumehood_tools.proving.sealed import trains
from fumehood_tools.proving.validate import validate_sandbox as validate_shipped
from fumehood_tools.sandbox.create import Sandbox, open_sandbox
from fumehood_tools.settings import Settings
from fumehood_tools.timestamps import now

SEED, OTHER_SEED = 0, 1
NUMBERS = (
    "2.1",
    "4.2",
    "4.3",
    "4.4",
    "4.5",
    "5.1",
    "5.2",
    "5.3",
    "6.2",
    "7.1",
    "7.2",
    "7.3",
    "7.4",
)
Produced = Mapping[tuple[str, int], str]


def validate_sandbox(
    request: ValidationRequest, settings: Settings, context: JobContext | None = None
) -> Report:
    """Validate a sandbox of any kind; see proving.validate."""
    started = time.monotonic()
    folder = look(settings, request.sandbox)
    manifest = judge_manifest(folder)
    if manifest.spec is None or manifest.spec.custom is None:
        return validate_shipped(request, settings, context)
    box, kind = open_sandbox(settings, request.sandbox), manifest.spec.kind
    found = [*manifest.results, *judge_reading(folder, box, settings)]
    custom = custom_of(box)
    found += judge_documents(folder, kind, [Path(custom.interface).name, custom.evaluation])
    shelf, ident = ReportShelf(settings), validation_id(request, folder, settings)
    if request.budget != "read" and context is not None:
        bench = shelf.bench(folder.name, ident)
        try:
            found += _CustomProof(folder, box, settings, bench).results(context)
        except FumehoodError as error:
            found += [not_tried(number, str(error)) for number in NUMBERS]
        remove_folder(bench)
    report = Report(
        id=ident,
        sandbox=folder.name,
        budget=request.budget,
        glass=choose_level(settings.glass, manifest.spec.limits.glass),
        kind=OWN_EVALUATION,
        sealed=sealed_sha256(box),
        validated=now(),
        seconds=round(time.monotonic() - started, 1),
        results=in_order(found, "budget read: nothing is run"),
    )
    if report.passes and pinned(settings.state, box) is None:
        pin(settings.state, box)
    shelf.put(report)
    return report


class _Made(NamedTuple):
    """What variants produced. hashes: by name and seed; errors: by name."""

    hashes: dict[tuple[str, int], str]
    errors: dict[str, str]
    seconds: dict[str, float]


class _CustomProof:
    """The part of a validation that runs something, in a copy of the sandbox."""

    def __init__(
        self, folder: SandboxFolder, box: Sandbox, settings: Settings, bench: Path
    ) -> None:
        self._folder, self._bench = folder, bench
        self._settings = settings.model_copy(update={"workspace": bench / "workspace"})
        home = self._settings.sandboxes / folder.name
        for path in folder.files:
            write_bytes(home / path, folder.read(path))
        (home / "results").mkdir(exist_ok=True)
        self._box = open_sandbox(self._settings, folder.name)
        self._custom = custom_of(box)
        self._names = folder.variants()
        self._trained = [name for name in self._names if trains(folder, name)]

    def results(self, context: JobContext) -> list[Result]:
        """Return the results of NUMBERS. Raises FumehoodError if the inputs cannot be made."""
        context.report(Progress(done=0.0, total=1.0, phase="inputs and arrays"))
        made = self._made(context)
        honest = self._folder.source((self._trained or self._names)[0])
        spikes = own_spikes(self._bench / "canary", self._box.folder, self._custom, honest)
        for name, source in spikes.sources.items():
            write_bytes(self._box.variants / f"{name}.py", source)
        part = PartOfJob(context, context.report)
        run = CustomRun(self._settings, self._box.name, part)
        outcome = run.run([*self._names, *spikes.sources], [SEED])
        failures = {name.partition(" ")[0]: why for name, why in outcome["failed"].items()}
        records = {one["variant"]: one for one in records_of(self._settings, self._box)}
        scored = {name: one for name, one in records.items() if name in self._names}
        return [
            judged("2.1", self._interface(made), f"{self._custom.base_class} is there"),
            judged("4.2", self._errors(made.errors), f"{len(self._names)} produced"),
            judged("4.3", self._errors({n: w for n, w in failures.items() if n in self._names})),
            judged("4.4", self._other_bytes(made, scored), "equal to the byte"),
            judged("4.5", self._same_seeds(made.hashes)),
            *self._controls(made.hashes),
            judged("5.2", self._blanks(made.hashes)),
            judged("5.3", spikes.faults(records, failures), f"{len(spikes.sources)} cheats"),
            judged("6.2", self._slow(scored), "each took less than half of its limits"),
            judged("7.1", shared_texts(self._box)),
            judged("7.2", self._unverified(records, failures), f"{len(records)} verified"),
            self._better(scored),
            self._repeated(scored, context),
        ]

    def _made(self, context: JobContext) -> _Made:
        hashes: dict[tuple[str, int], str] = {}
        errors: dict[str, str] = {}
        seconds: dict[str, float] = {}
        with self._children(context) as children:
            for name in self._names:
                source = self._folder.source(name)
                wanted = ((name, SEED), (name, OTHER_SEED), (f"blank_{name}", SEED))
                try:
                    for called, seed in wanted:
                        produced, seconds[name] = children.produce(called, source, seed)
                        hashes[called, seed] = sha256_of(produced)
                except FumehoodError as error:
                    errors[name] = str(error)
        return _Made(hashes, errors, seconds)

    def _repeated(self, scored: Mapping[str, Mapping[str, Any]], context: JobContext) -> Result:
        """Evaluate one baseline's arrays again, in new processes."""
        name = next((name for name in self._trained if name in scored), None)
        if name is None:
            return not_tried("7.4", "no baseline has a score, see 4.3")
        context.report(Progress(done=0.95, total=1.0, phase="evaluate once more", message=name))
        [place] = self._box.results.glob(f"{name}/seed{SEED}-*")
        with self._children(context) as children:
            return judge_repeat(children, self._custom.metrics, scored[name], place)

    @contextmanager
    def _children(self, context: JobContext) -> Iterator[CustomChildren]:
        """Start the processes of variants and of the evaluation."""
        inputs = inputs_of(self._box, self._custom)
        level = choose_level(self._settings.glass, self._box.spec.limits.glass)
        with (
            scratch_folder(context.folder, "prove-") as scratch,
            CustomChildren(self._box, self._custom, inputs, level, scratch) as children,
        ):
            yield children

    def _errors(self, errors: Mapping[str, str]) -> Iterator[Fault]:
        for name, why in errors.items():
            yield Fault(why=why, file=f"{VARIANTS}/{name}.py")

    def _slow(self, scored: Mapping[str, Mapping[str, list[float]]]) -> Iterator[Fault]:
        limits = self._box.spec.limits
        for name, record in scored.items():
            produced, evaluated = record["seconds"]
            if produced > 30 * limits.train_minutes or evaluated > 30 * limits.score_minutes:
                why = f"It took {produced:.0f} s, and its evaluation {evaluated:.0f} s: more than "
                why += "half of limits.train_minutes or limits.score_minutes."
                yield Fault(why=why, file=f"{VARIANTS}/{name}.py")

    def _unverified(
        self, records: Mapping[str, object], failures: Mapping[str, str]
    ) -> Iterator[Fault]:
        for name in self._names:
            if name not in records and name not in failures:
                yield Fault(why="Its record does not verify.", file=f"{VARIANTS}/{name}.py")

    def _interface(self, made: _Made) -> Iterator[Fault]:
        if made.errors and not made.hashes:
            why = next(iter(made.errors.values()))
            yield Fault(why=f"No variant runs: {why}", file=self._custom.interface)

    def _other_bytes(self, made: _Made, scored: Mapping[str, Mapping[str, str]]) -> Iterator[Fault]:
        for name, record in scored.items():
            if made.hashes.get((name, SEED)) != record["produced_sha256"]:
                why = "Two runs with seed 0 gave different arrays."
                yield Fault(why=why, file=f"{VARIANTS}/{name}.py")

    def _same_seeds(self, hashes: Produced) -> Iterator[Fault]:
        for name in self._trained:
            first = hashes.get((name, SEED))
            if first is not None and first == hashes.get((name, OTHER_SEED)):
                why = "Seeds 0 and 1 gave the same arrays."
                yield Fault(why=why, file=f"{VARIANTS}/{name}.py")

    def _controls(self, hashes: Produced) -> Sequence[Result]:
        control = [name for name in self._names if name not in self._trained]
        return [judged("5.1", [], ", ".join(control))] if control else []

    def _blanks(self, hashes: Produced) -> Iterator[Fault]:
        for name in self._names:
            if hashes.get((name, SEED)) != hashes.get((f"blank_{name}", SEED)):
                why = "A copy under another name gave other arrays."
                yield Fault(why=why, file=f"{VARIANTS}/{name}.py")

    def _better(self, scored: Mapping[str, Mapping[str, dict[str, float]]]) -> Result:
        declared = {one.name: one for one in self._custom.metrics}
        headline = self._custom.headline
        sign = -1.0 if declared[headline].better == "lower" else 1.0
        values = {name: sign * one["metrics"][headline] for name, one in scored.items()}
        ours = [value for name, value in values.items() if name in self._trained]
        theirs = [value for name, value in values.items() if name not in self._trained]
        if not ours or not theirs:
            return not_tried("7.3", "a baseline or a control has no score, see 4.3 and 5.1")
        said = f"{headline} {sign * max(ours):.3f}, controls {sign * max(theirs):.3f}"
        return judged("7.3", [] if max(ours) > max(theirs) else [Fault(why=f"{said}.")], said)
