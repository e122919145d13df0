"""Requirements that need trainings and scores: 4.2 to 4.5, 5, 6.2 and 7."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.errors import FumehoodError
from fumehood_tools.files import read_json
from fumehood_tools.glass import GlassLevel
from fumehood_tools.jobs import Progress
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.proving.bench import ProvingBench
from fumehood_tools.proving.folder import VARIANTS, SandboxFolder
from fumehood_tools.proving.repeating import judge_repeat
from fumehood_tools.proving.report import Budget, Fault, Result, judged, not_tried
from fumehood_tools.proving.rows import shared_rows
from fumehood_tools.proving.scores import SEED, Outcome, PartOfJob, run_scores
from fumehood_tools.proving.sealed import baselines, trains
from fumehood_tools.proving.spikes import Spikes
from fumehood_tools.proving.trainings import BenchTrainings, Trained, Wanted
from fumehood_tools.registry.sae_metrics import QUALITY
from fumehood_tools.runs.harvesting import Harvest, harvest
from fumehood_tools.spec import SandboxSpec

OTHER_SEED = 1
START = "start_{name}"
HARVESTED, TRAINED = 0.1, 0.45
"""Shares of the whole validation that are over after each part."""
NUMBERS = ("4.2", "4.3", "4.4", "4.5", "5.1", "5.2", "5.3", "6.2", "7.1", "7.2", "7.3", "7.4")
Trainings = Mapping[tuple[str, int], Trained]


class Proof(NamedTuple):
    """What a validation runs on. spec: the sandbox's own settings, not those of the bench."""

    folder: SandboxFolder
    spec: SandboxSpec
    bench: ProvingBench
    budget: Budget
    level: GlassLevel


def judge_runs(proof: Proof, context: JobContext, scratch: Path) -> list[Result]:
    """Return the results of NUMBERS. Raises FumehoodError if the data cannot be made."""
    folder, bench = proof.folder, proof.bench
    names = baselines(folder, proof.spec.kind)
    trained = [name for name in names if trains(folder, name)]
    found = _data(bench, context)
    with BenchTrainings(bench, found, proof.level, scratch / "trainings") as trainings:
        wanted = list(_wanted(folder, names, trained))
        made = trainings.all(wanted, _teller(context, len(wanted)))
    usable = [name for name in names if made[name, SEED].error is None]
    spikes = Spikes(bench, proof.spec.kind, proof.budget)
    part = PartOfJob(context, lambda progress: context.report(_later(progress)))
    outcome = run_scores(bench, spikes, usable, part)
    control = [name for name in names if name not in trained]
    return [
        judged("4.2", _untrained(names, trained, made), f"{len(names)} trained"),
        _scored(usable, outcome),
        _repeated(trained, made, outcome),
        judged("4.5", _same_for_all_seeds(trained, made), f"{len(trained)} differ by seed"),
        *([judged("5.1", _control(control, made), ", ".join(control))] if control else []),
        judged("5.2", _blanks(trained, made), f"{len(trained)} renamed copies, equal to the byte"),
        _caught(spikes, outcome),
        judged("6.2", _too_long(proof, trained, made)),
        judged("7.1", _leaks(found)),
        _verified(usable, outcome),
        _better(trained, control, outcome),
        judge_repeat(bench, trained, outcome),
    ]


def _data(bench: ProvingBench, context: JobContext) -> Harvest:
    def told(progress: Progress) -> None:
        share = progress.done / progress.total if progress.total else 0.0
        context.report(
            Progress(
                done=share * HARVESTED, total=1.0, phase="activations", message=progress.message
            )
        )

    return harvest(bench.spec, bench.settings, context.folder, told)


def _teller(context: JobContext, total: int) -> Callable[[int, Wanted], None]:
    def told(number: int, one: Wanted) -> None:
        done = HARVESTED + (TRAINED - HARVESTED) * number / max(1, total)
        said = f"{number} of {total} done; {one.name} seed {one.seed}"
        context.report(Progress(done=done, total=1.0, phase="train", message=said))

    return told


def _later(progress: Progress) -> Progress:
    share = progress.done / progress.total if progress.total else 0.0
    done = TRAINED + (1.0 - TRAINED) * min(share, 1.0)
    return Progress(
        done=done, total=1.0, phase="score, with planted cheats:", message=progress.message
    )


def _wanted(
    folder: SandboxFolder, names: Sequence[str], trained: Sequence[str]
) -> Iterator[Wanted]:
    """Yield the trainings: two seeds of each baseline, their start, and a renamed copy."""
    for name in names:
        source = folder.source(name)
        start = source + b"\nTRAIN = False\n"
        yield Wanted(name, SEED, source)
        yield Wanted(START.format(name=name), SEED, start)
        if name in trained:
            yield Wanted(START.format(name=name), OTHER_SEED, start)
            yield Wanted(name, OTHER_SEED, source)
            yield Wanted(blank_of(name), SEED, source)


def blank_of(name: str) -> str:
    """Return another name for a variant, in which its own name does not occur."""
    return f"v{hashlib.sha256(name.encode()).hexdigest()[:10]}"


def _file(name: str) -> str:
    return f"{VARIANTS}/{name}.py"


def _untrained(names: Sequence[str], trained: Sequence[str], made: Trainings) -> Iterator[Fault]:
    for name in names:
        own, start = made[name, SEED], made[START.format(name=name), SEED]
        if own.error is not None:
            yield Fault(why=own.error, file=_file(name))
        elif name in trained and own.matrices == start.matrices:
            yield Fault(why="Training changes none of its matrices.", file=_file(name))


def _scored(usable: Sequence[str], outcome: Outcome) -> Result:
    if not usable:
        return not_tried("4.3", "no baseline was trained, see 4.2")
    if outcome.problem is not None and not outcome.records:
        return not_tried("4.3", f"the run ended early: {outcome.problem}")
    lacking = (name for name in usable if name not in outcome.records)
    faults = [
        Fault(why=outcome.failures.get(name, "It got no score."), file=_file(name))
        for name in lacking
    ]
    return judged("4.3", faults, f"{len(usable)} scored")


def _repeated(trained: Sequence[str], made: Trainings, outcome: Outcome) -> Result:
    both = [name for name in trained if made[name, SEED].sha256 and name in outcome.records]
    if not both:
        return not_tried("4.4", "no baseline was both trained and scored, see 4.2 and 4.3")
    faults = [
        Fault(why="Two trainings with seed 0 gave different weights.", file=_file(name))
        for name in both
        if outcome.records[name]["provenance"]["weights_sha256"] != made[name, SEED].sha256
    ]
    return judged("4.4", faults, f"{len(both)} trained twice, equal to the byte")


def _same_for_all_seeds(trained: Sequence[str], made: Trainings) -> Iterator[Fault]:
    for name in trained:
        start = START.format(name=name)
        for of, when in ((name, "gave the same weights"), (start, "began with the same weights")):
            first, second = made[of, SEED].matrices, made[of, OTHER_SEED].matrices
            if first and first == second:
                yield Fault(why=f"Seeds 0 and 1 {when}.", file=_file(name))
                break


def _control(control: Sequence[str], made: Trainings) -> Iterator[Fault]:
    for name in control:
        if made[name, SEED].matrices != made[START.format(name=name), SEED].matrices:
            yield Fault(why="It says TRAIN = False, and was trained.", file=_file(name))


def _blanks(trained: Sequence[str], made: Trainings) -> Iterator[Fault]:
    for name in trained:
        own, blank = made[name, SEED], made[blank_of(name), SEED]
        if own.sha256 is not None and own.sha256 != blank.sha256:
            why = "A copy of it under another name gave other weights"
            yield Fault(
                why=f"{why}: {blank.error}." if blank.error else f"{why}.", file=_file(name)
            )


def _caught(spikes: Spikes, outcome: Outcome) -> Result:
    if not outcome.records:
        return not_tried("5.3", "nothing was scored, see 4.3")
    if outcome.problem is not None:
        return not_tried("5.3", f"the run ended early: {outcome.problem}")
    caught = f"{len(spikes.planted)} cheats, 0 got through"
    return judged("5.3", spikes.faults(outcome.records, outcome.failures), caught)


def _too_long(proof: Proof, trained: Sequence[str], made: Trainings) -> Iterator[Fault]:
    short, whole = proof.bench.spec, proof.spec
    steps = short.steps * short.training.batch_size
    factor = whole.steps * whole.training.batch_size / steps
    for name in trained:
        minutes = made[name, SEED].seconds * factor / 60
        if minutes > whole.limits.train_minutes:
            limit = f"limits.train_minutes is {whole.limits.train_minutes:g}"
            yield Fault(why=f"It would train about {minutes:.0f} min; {limit}.", file=_file(name))


def _leaks(found: Harvest) -> Iterator[Fault]:
    try:
        split = read_json(found.activations.documents_file)
        documents = set(split["train"]) & set(split["eval"])
    except (FumehoodError, KeyError, TypeError) as error:
        yield Fault(why=f"The record of the split cannot be read: {error}.")
        return
    if documents:
        yield Fault(why=f"{len(documents)} documents are in both splits.")
    shared, total = shared_rows(found.activations)
    if shared:
        share = f"{shared} of {total} evaluation rows"
        yield Fault(why=f"{share} are, token for token, in the training split, too.")


def _verified(usable: Sequence[str], outcome: Outcome) -> Result:
    if not outcome.records:
        return not_tried("7.2", "nothing was scored, see 4.3")
    broken = [
        Fault(why=why, file=_file(name))
        for name, why in outcome.failures.items()
        if name in usable and "does not verify" in why
    ]
    return judged("7.2", broken, f"{len(outcome.records)} receipts verified")


def _better(trained: Sequence[str], control: Sequence[str], outcome: Outcome) -> Result:
    def quality(names: Sequence[str]) -> list[float]:
        return [outcome.records[one]["metrics"][QUALITY] for one in names if one in outcome.records]

    ours, theirs = quality(trained), quality(control)
    if not ours or not theirs:
        return not_tried("7.3", "a baseline or the control has no score, see 4.3 and 5.1")
    said = f"{QUALITY} {max(ours):.3f}, untrained {max(theirs):.3f}"
    return judged("7.3", [] if max(ours) > max(theirs) else [Fault(why=f"{said}.")], said)
