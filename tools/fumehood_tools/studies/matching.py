"""Which scores belong to a plan: its files, seeds, levels and setting, written after it.

The order of the ledger decides what was written after what. Scores that fit the plan but were
written before it are used, and make the conclusion exploratory. Whatever the plan did not name
(other seeds, other levels, other versions of a file) is left out. Light: reads records.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean

from fumehood_tools.bench.collect import SandboxRecords, Setting
from fumehood_tools.receipts.places import results_of, run_of
from fumehood_tools.records.levels import is_at
from fumehood_tools.records.parameters import Value, combinations
from fumehood_tools.records.scores import Score
from fumehood_tools.registry.sae_metrics import SPARSITY
from fumehood_tools.runs.baselines import levels_around
from fumehood_tools.studies.entries import Plan, PlannedVariant
from fumehood_tools.studies.lab import Lab
from fumehood_tools.studies.own.matching import own_scores
from fumehood_tools.studies.planned import (
    MOST_SHOWN,
    PlannedScores,
    failed_in_words,
    seeds_in_words,
)

_Parameters = tuple[tuple[str, Value], ...]


def scores_of(lab: Lab, plan: Plan, receipt: str) -> PlannedScores:
    """Return the scores that belong to a plan. receipt: MAC of the plan's entry."""
    if plan.own is not None:
        return own_scores(lab, plan, receipt)
    found = lab.found(plan.sandbox)
    fitting = _fitting(lab, plan, found)
    setting = _setting(found, fitting)
    places: dict[str, list[str]] = {}
    lacking: dict[str, str] = {}
    to_run = False
    for file in (plan.baseline, *plan.variants):
        mine = {
            place: score
            for place, score in fitting.items()
            if found.settings[place] == setting and _is_of(score, file)
        }
        levels = _levels(plan, file, mine, found.order)
        places[file.name] = sorted(place for some in levels.values() for place in some)
        failed = _failed(plan, file, found)
        ended = {score.seed for score in mine.values()} | failed.keys()
        to_run = to_run or not ended >= set(plan.seeds)
        if said := _lacking(plan, levels, mine, failed):
            lacking[file.name] = said
    began = lab.order.get(receipt, 0)
    used = {place for some in places.values() for place in some}
    early = [
        f"{place} was scored before the plan was registered"
        for place in sorted(used)
        if lab.position(f"{results_of(plan.sandbox)}/{place}") < began
    ]
    kept = _kept(plan, found, setting, used, lab.packaged(plan.sandbox))
    again = _run_again(lab, plan, places)
    return PlannedScores(setting, places, lacking, to_run, early, again, kept)


def _run_again(lab: Lab, plan: Plan, places: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the scores that replaced a failure, or another score, of the same run.

    A file whose trainings differ, although everything is the same, could fail (or have its record
    deleted) until it is lucky. Packaged files train in the same way every time.
    """
    under = results_of(plan.sandbox)
    return [
        f"{place} was run {count} times, and only the last outcome is there"
        for file in (plan.baseline, *plan.variants)
        if not file.packaged
        for place in places[file.name]
        if (count := lab.receipts_at.get(f"{under}/{place}", 0)) > 1
    ]


def _fitting(lab: Lab, plan: Plan, found: SandboxRecords) -> dict[str, Score]:
    """Return the scores with a planned file, seed and setting."""
    files = [plan.baseline, *plan.variants]
    seeds = set(plan.seeds)
    mine = {
        place: score
        for place, score in found.scores.items()
        if score.control is None
        and score.seed in seeds
        and any(_is_of(score, file) for file in files)
    }
    right = lab.settings_like(plan.sandbox, plan.settings_digest)
    return {place: score for place, score in mine.items() if found.settings[place] in right}


def _setting(found: SandboxRecords, fitting: Mapping[str, Score]) -> Setting | None:
    """Return the setting with the most scores of a plan: its data may have been harvested twice."""
    counts: dict[Setting, int] = defaultdict(int)
    for place in fitting:
        counts[found.settings[place]] += 1
    return max(counts, key=lambda one: (counts[one], one.name), default=None)


def _is_of(score: Score, file: PlannedVariant) -> bool:
    return score.variant == file.name and score.file_version == file.file_sha256


def _levels(
    plan: Plan, file: PlannedVariant, mine: Mapping[str, Score], order: Mapping[str, int]
) -> dict[str, list[str]]:
    """Return level in words -> places of its scores, for every planned level of a file."""
    by_parameters: dict[_Parameters, list[str]] = defaultdict(list)
    for place, score in mine.items():
        by_parameters[tuple(sorted(score.parameters.items()))].append(place)
    if not plan.l0_targets:
        return {said: by_parameters.get(values, []) for said, values in _planned_values(plan, file)}
    found: dict[str, list[str]] = {}
    optional = levels_around(plan.l0_targets, 10**9) if file == plan.baseline else ()
    for target in (*plan.l0_targets, *optional):
        at = [
            places
            for places in by_parameters.values()
            if is_at(fmean(mine[place].metrics[SPARSITY] for place in places), target)
        ]
        # The first one that was written, so that nobody can choose among several.
        best = max(at, key=lambda some: (len(some), -min(order[p] for p in some)), default=[])
        if best or target in plan.l0_targets:
            found[f"L0 {target:g}"] = best
    return found


def _planned_values(plan: Plan, file: PlannedVariant) -> list[tuple[str, _Parameters]]:
    """Return (level in words, parameters of its scores) for a plan without target L0s."""
    found = []
    for chosen in combinations(plan.grid):
        changed = {k: v for k, v in chosen.items() if v != file.constants.get(k)}
        said = ", ".join(f"{name}={value}" for name, value in chosen.items()) or "the file's own"
        found.append((said, tuple(sorted(changed.items()))))
    return found


def _failed(plan: Plan, file: PlannedVariant, found: SandboxRecords) -> dict[int, str]:
    """Return seed -> message of the planned seeds of a file that failed."""
    return {
        failure.seed: failure.message
        for failure in found.failures.values()
        if failure.control is None
        and failure.variant == file.name
        and failure.file_version == file.file_sha256
        and failure.seed in plan.seeds
    }


def _lacking(
    plan: Plan,
    levels: Mapping[str, Sequence[str]],
    scores: Mapping[str, Score],
    failed: Mapping[int, str],
) -> str:
    """Return what is missing of a file, in words; "" if every planned level has every seed."""
    said, gone = [], set[int]()
    for level, places in levels.items():
        if not places:
            said.append(f"no score at {level}")
            continue
        missing = set(plan.seeds) - {scores[place].seed for place in places}
        gone |= missing
        if missing:
            said.append(f"{seeds_in_words(missing)} without a score at {level}")
    if len(said) > MOST_SHOWN:
        said = [*said[:MOST_SHOWN], f"{len(said) - MOST_SHOWN} more levels"]
    relevant = failed if any(not places for places in levels.values()) else failed.keys() & gone
    said += failed_in_words({seed: failed[seed] for seed in relevant})
    return "; ".join(said)


def _kept(
    plan: Plan,
    found: SandboxRecords,
    setting: Setting | None,
    used: set[str],
    packaged: Mapping[str, str],
) -> SandboxRecords:
    """Return the records without scores that the plan did not name.

    Controls, the untrained control and other packaged baselines stay, and so do other settings.
    """
    planned = {file.name for file in (plan.baseline, *plan.variants)}

    def stays(place: str, score: Score) -> bool:
        if score.control is not None or found.settings[place] != setting or place in used:
            return True
        return score.variant not in planned and packaged.get(score.variant) == score.file_version

    scores = {place: score for place, score in found.scores.items() if stays(place, score)}
    return found._replace(
        scores=scores,
        settings={place: found.settings[place] for place in scores},
        failures={
            place: failure
            for place, failure in found.failures.items()
            if failure.control is not None or failure.seed in plan.seeds
        },
        tried={
            place: words
            for place, words in found.tried.items()
            if (run := "/".join(run_of(place))) in scores
            or (run not in found.scores and _seed_of(run) in plan.seeds)
        },
    )


def _seed_of(run: str) -> int:
    seed = run.rpartition("/")[2].partition("-")[0].removeprefix("seed")
    return int(seed) if seed.isdigit() else -1
