"""The trials of one variant's file, made from records and plans: values, state and objective.

A trial is one set of values of the file's constants without its KNOB, which only chooses the L0.
Its objective is the mean difference from the baseline at equal L0, over its levels and seeds, as
compare_variants computed it. Light.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from fumehood_tools.compare.report import Level
from fumehood_tools.files import digest_of
from fumehood_tools.jobs import JobStore
from fumehood_tools.records.labelling import Packaged, label_of
from fumehood_tools.records.parameters import Value, combinations
from fumehood_tools.records.scores import Failure, Score
from fumehood_tools.studies.entries import Experiment, Plan
from fumehood_tools.studies.running import is_active
from fumehood_tools.studies.suggesting.board import Board
from fumehood_tools.studies.suggesting.ranges import ValueRange
from fumehood_tools.studies.suggesting.sampling import PastTrial

Values = dict[str, Value]


class TunedFile(NamedTuple):
    """A variant as its file is now. own: the value of every constant but the knob."""

    variant: str
    sha256: str
    knob: str | None
    own: Values

    def values_of(self, changed: Mapping[str, Value]) -> Values:
        """Return the value of every constant, where some were changed in a copy."""
        return {**self.own, **{name: changed[name] for name in changed if name in self.own}}

    def made(self, record: Score | Failure) -> bool:
        """Whether a record is about this version of the file."""
        is_same = (record.variant, record.file_version) == (self.variant, self.sha256)
        return is_same and record.control is None


def key_of(values: Mapping[str, Value]) -> str:
    """Return a text that two sets of values share only if they are equal, with their types."""
    return digest_of(sorted((name, repr(value)) for name, value in values.items()))


def measured(
    file: TunedFile,
    scores: Sequence[Score],
    levels: Mapping[str, Level],
    packaged: Packaged,
    sign: int,
) -> list[PastTrial]:
    """Return one trial per set of values that was scored.

    levels: label -> difference from the baseline. sign: -1 if lower is better. A trial that could
    not be compared at equal L0 is FAIL: it says nothing about its values.
    """
    labels: dict[str, dict[str, None]] = defaultdict(dict)
    values: dict[str, Values] = {}
    for score in scores:
        own = file.values_of(score.parameters)
        labels[key_of(own)][label_of(score, packaged)] = None
        values[key_of(own)] = own
    trials = []
    for key, own in values.items():
        effects = [levels[label].effect for label in labels[key] if label in levels]
        seeds = sum(effect.seeds for effect in effects)
        if seeds:
            mean = sum(effect.mean * effect.seeds for effect in effects) / seeds
            trials.append(PastTrial(values=own, state="COMPLETE", objective=sign * mean))
        else:
            trials.append(PastTrial(values=own, state="FAIL"))
    return trials


def failed(
    file: TunedFile, failures: Iterator[Failure] | Sequence[Failure], scored: set[str]
) -> list[PastTrial]:
    """Return one trial per set of values that only failed.

    PRUNED, unless a limit of time or memory was reached: that depends on the machine.
    """
    found: dict[str, PastTrial] = {}
    for failure in failures:
        own = file.values_of(failure.parameters)
        if key_of(own) not in scored:
            state = "FAIL" if failure.limit else "PRUNED"
            found[key_of(own)] = PastTrial.model_validate({"values": own, "state": state})
    return list(found.values())


def planned(
    board: Board, sandbox: str, file: TunedFile, known: set[str], jobs: JobStore
) -> list[PastTrial]:
    """Return the sets of values that plans named, that were started and have no record.

    RUNNING while a job of the plan lives. Otherwise FAIL: they were cut short.
    """
    found: dict[str, PastTrial] = {}
    for study in board.studies:
        started = [said for _, said in study.only(Experiment)]
        for entry, plan in study.only(Plan):
            ids = [one.job_id for one in started if one.plan == entry.number]
            if not ids or plan.sandbox != sandbox or not _is_about(plan, file):
                continue
            state = "RUNNING" if any(map(is_active(jobs), ids)) else "FAIL"
            for changed in combinations(plan.grid):
                own = file.values_of(changed)
                if key_of(own) not in known:
                    found[key_of(own)] = PastTrial.model_validate({"values": own, "state": state})
    return list(found.values())


def checked(
    trials: Sequence[PastTrial], ranges: Sequence[ValueRange]
) -> tuple[list[Values], list[str]]:
    """Return the values that were cut short and may be proposed again, and a note on the others.

    Optuna would take a value outside of a range as it is, so they are checked here.
    """
    fitting, notes = [], []
    for trial in trials:
        wrong = [one for one in ranges if not one.has(trial.values[one.name])]
        if wrong:
            named = ", ".join(f"{one.name}={trial.values[one.name]!r}" for one in wrong)
            notes.append(f"A try that was cut short is not proposed again: {named} cannot be run.")
        else:
            fitting.append(trial.values)
    return fitting, notes


def _is_about(plan: Plan, file: TunedFile) -> bool:
    wanted = file.variant, file.sha256
    return any((one.name, one.file_sha256) == wanted for one in plan.variants)
