"""Values to try for the constants of one variant, from all that was measured of its present file.

Every set of values is compared with the baseline at equal L0 by compare_variants, from receipts.
Optuna proposes new ones (sampling.py). Trials are made anew from the records at every call
(past_trials.py), and nothing else is stored. A set of values that was cut short is proposed again,
first.

Costs 2 s for the comparison and 1 s for Optuna, each in a child; nothing is written.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fumehood_tools.bench.collect import SandboxRecords
from fumehood_tools.children import ChildTask, ask_once
from fumehood_tools.compare import compare_variants
from fumehood_tools.compare.report import Level
from fumehood_tools.errors import BadRequest, FumehoodError, PartMissing, UnknownName
from fumehood_tools.files import digest_of
from fumehood_tools.installing import install_command
from fumehood_tools.jobs import JobStore
from fumehood_tools.plain_files import read_plain
from fumehood_tools.records.labelling import name_of
from fumehood_tools.records.levels import is_at, shown, usual_targets
from fumehood_tools.records.parameters import Value, constants_of
from fumehood_tools.records.scores import Score
from fumehood_tools.registry.lookup import judged_metrics, metric_named
from fumehood_tools.registry.sae_metrics import SPARSITY
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.sandbox.declarations import read_declarations
from fumehood_tools.studies.suggesting.answer import Found, Suggestion
from fumehood_tools.studies.suggesting.board import Board
from fumehood_tools.studies.suggesting.costs import Costs
from fumehood_tools.studies.suggesting.past_trials import (
    TunedFile,
    Values,
    checked,
    failed,
    key_of,
    measured,
    planned,
)
from fumehood_tools.studies.suggesting.ranges import ValueRange, range_of
from fumehood_tools.studies.suggesting.sampling import PastTrial, SamplingRequest

PROPOSALS = 4
STARTUP = 10
"""Measured trials from which on Optuna's TPE sampler uses them; before, it draws at random."""
_SECONDS, _MEMORY = 60, 2_000_000_000
_MOST_TARGETS = 3


Grid = dict[str, list[Value]]


class _Run(NamedTuple):
    """How proposals are run: at which L0s, and with which baseline."""

    targets: list[float]
    baseline: str


class Tuning:
    """What is needed to propose values for one variant."""

    def __init__(self, board: Board, box: Sandbox, jobs: JobStore, costs: Costs) -> None:
        """box: the sandbox of the variant."""
        self.board, self.box, self.jobs, self.costs = board, box, jobs, costs
        self.records: SandboxRecords = board.lab.found(box.name)
        self.packaged = board.packaged(box.name)

    def propose(self, variant: str, baseline: str, metric: str) -> Found:
        """Return sets of values to try, each with the call that runs it.

        Raises UnknownName for a variant or metric that does not exist, BadRequest for a file
        without constants to choose, PartMissing without Optuna, StorageFailed.
        """
        judged = metric_named(metric, judged_metrics())
        file = tuned_file(self.box, variant)
        scores = [one for one in self.records.scores.values() if file.made(one)]
        levels, notes = self._levels(scores, baseline, metric)
        trials = measured(file, scores, levels, self.packaged, judged.sign)
        known = {key_of(one.values) for one in trials}
        trials += failed(file, [f for f in self.records.failures.values() if file.made(f)], known)
        known |= {key_of(one.values) for one in trials}
        cut = planned(self.board, self.box.name, file, known, self.jobs)
        trials += cut
        ranges = _ranges(file, trials)
        again, refused = checked([one for one in cut if one.state == "FAIL"], ranges)
        again = again[:PROPOSALS]
        drawn = self._draw(file, ranges, trials, PROPOSALS - len(again))
        chosen = [*((one, True) for one in again), *((one, False) for one in drawn)]
        run = _Run(self._targets(file, levels, baseline), baseline)
        grids = [({name: [value] for name, value in one.items()}, was) for one, was in chosen]
        if len(ranges) == 1 and len(chosen) > 1:  # then one call can run them all
            name = ranges[0].name
            grids = [({name: [one[name] for one, _ in chosen]}, bool(again))]
        rows = [self._row(file, run, grid, was) for grid, was in grids]
        return Found(rows, [*notes, *refused, *self._notes(file, ranges, trials)])

    def _levels(
        self, scores: Sequence[Score], baseline: str, metric: str
    ) -> tuple[Mapping[str, Level], list[str]]:
        """Return label -> difference from the baseline at equal L0, and why there is none."""
        if not scores:
            return {}, []
        name = name_of(scores[0], self.packaged)
        try:
            found = compare_variants(
                self.box.folder,
                variants=[name],
                baseline=baseline,
                metric=metric,
                shelf=self.board.lab.records,
            )
        except (BadRequest, UnknownName) as error:
            return {}, [f"Nothing can be compared yet: {error}"]
        rows = [row for row in found.rows if row.variant == name]
        notes = [
            f"{name} has no difference to go by: {row.reason}" for row in rows if not row.levels
        ]
        return {level.label: level for row in rows for level in row.levels}, notes

    def _draw(
        self, file: TunedFile, ranges: Sequence[ValueRange], trials: list[PastTrial], count: int
    ) -> list[Values]:
        if count <= 0:
            return []
        seed = digest_of([self.board.study.name, file.variant, file.sha256, len(trials)])
        asked = SamplingRequest(
            ranges=list(ranges), trials=trials, count=count, seed=int(seed[:8], 16)
        )
        task = ChildTask(
            doing="Proposing values",
            remedy="Choose values yourself, with run_variants(grid=…).",
            seconds=_SECONDS,
            memory=_MEMORY,
            missing={"optuna": PartMissing("optuna", install_command("sae"), "it proposes values")},
        )
        module = "fumehood_tools.studies.suggesting.sampling"
        return [
            {**file.own, **values}
            for values in json.loads(ask_once(module, asked.model_dump(mode="json"), task))
        ]

    def _targets(self, file: TunedFile, levels: Mapping[str, Level], baseline: str) -> list[float]:
        """Return the L0s at which to run: those of the variant, the baseline's, or usual ones."""
        if file.knob is None:
            return []
        l0s = [level.l0 for level in levels.values()] or [
            score.metrics[SPARSITY]
            for score in self.records.scores.values()
            if name_of(score, self.packaged) == baseline and score.control is None
        ]
        if not l0s:
            try:
                width = self.box.describe_subject().d_model
            except FumehoodError:
                return []
            l0s = [float(l0) for l0 in usual_targets(width, self.box.spec.dict_size)]
        distinct: list[float] = []
        for l0 in sorted(l0s):
            if l0 >= 1 and not any(is_at(l0, other) for other in distinct):
                distinct.append(l0)
        steps = range(min(_MOST_TARGETS, len(distinct)))
        last = max(1, len(steps) - 1)
        return [shown(distinct[step * (len(distinct) - 1) // last]) for step in steps]

    def _row(self, file: TunedFile, run: _Run, grid: Grid, was_cut: bool) -> Suggestion:
        """Return the call that runs all combinations of a grid. was_cut: it was started before."""
        changed = {name: values for name, values in grid.items() if values != [file.own[name]]}
        named = [f"{name}={_or(values)}" for name, values in changed.items()]
        grid_said = [{"name": name, "values": values} for name, values in changed.items()]
        more = f", grid={grid_said!r}" if changed else ""
        more += f", l0_targets={run.targets!r}" if run.targets else ""
        why = "It was started and cut short, so it has no record yet. " if was_cut else ""
        seeds = self.box.spec.training.seeds
        brought = run.baseline if run.targets else None
        minutes = None
        try:
            cost = self.costs.of_run(
                self.box.name, [file.variant], seeds, run.targets, changed, brought
            )
            minutes = round(cost.minutes, 1)
        except FumehoodError as error:
            why += f"Its cost is unknown: {error}"
        return Suggestion(
            part="parameters",
            what=f"{file.variant} with {', '.join(named) or 'the values in the file'}",
            why=why.strip(),
            minutes=minutes,
            call=f"run_variants(sandbox={self.box.name!r}, variants=[{file.variant!r}]{more})",
        )

    def _notes(
        self, file: TunedFile, ranges: Sequence[ValueRange], trials: Sequence[PastTrial]
    ) -> list[str]:
        """Return the bounds, how much was measured, and what the tries cost in p values."""
        count = Counter(one.state for one in trials)
        said = [
            f"Bounds: {'; '.join(one.text() for one in ranges)}.",
            f"Sets of values so far: {count['COMPLETE']} compared at equal L0, {count['PRUNED']} "
            f"failed, {count['RUNNING']} running, {count['FAIL']} that say nothing (cut short, or "
            f"not comparable). From {STARTUP} compared ones on, Optuna's TPE sampler uses them; "
            "before, proposals are drawn at random.",
            "Every set of values is a try, for which the p values of the workspace are corrected, "
            "and the best of them is exploratory until a plan is registered for it.",
        ]
        older = sum(
            (one.variant, one.control) == (file.variant, None) and not file.made(one)
            for one in self.records.scores.values()
        )
        if older:
            said.append(
                f"{older} scores of {file.variant} are of another version of the file and do not "
                "count."
            )
        return said


def tuned_file(box: Sandbox, variant: str) -> TunedFile:
    """Return a variant with the constants that can be chosen.

    Raises UnknownName if the file is gone, BadRequest if it has no constant but its knob,
    StorageFailed.
    """
    source = read_plain(box.variant_path(variant))
    constants, knob = constants_of(source), read_declarations(source).knob
    own = {name: value for name, value in constants.items() if name != knob}
    if not own:
        more = f" but its knob {knob}, for which l0_targets search" if knob else ""
        raise BadRequest(
            f"variants/{variant}.py has no constant at its top{more}. Write one in capitals, as in "
            "LR = 0.001, use it in the code, and run the variant."
        )
    return TunedFile(variant, hashlib.sha256(source).hexdigest(), knob, own)


def _ranges(file: TunedFile, trials: Sequence[PastTrial]) -> list[ValueRange]:
    """Return the ranges of all constants that have one. Raises BadRequest if none has."""
    found = [
        range_of(name, own, [t.values[name] for t in trials]) for name, own in file.own.items()
    ]
    ranges = [one for one in found if one is not None]
    if not ranges:
        raise BadRequest(
            f"Nothing is known about other values of {', '.join(file.own)} in {file.variant}: a "
            "word, or a 0, has no range. Run some with run_variants(grid=…), then ask again."
        )
    return ranges


def _or(values: Sequence[Value]) -> str:
    return " or ".join(repr(value) for value in values)
