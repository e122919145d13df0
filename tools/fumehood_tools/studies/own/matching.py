"""Which scores of a sandbox's own evaluation belong to a plan. Light: reads records."""

from collections.abc import Mapping
from typing import Any

from fumehood_tools.bench.collect import SandboxRecords
from fumehood_tools.receipts.places import results_of
from fumehood_tools.studies.entries import Plan, PlannedVariant
from fumehood_tools.studies.lab import Lab
from fumehood_tools.studies.planned import PlannedScores, failed_in_words, seeds_in_words


def own_scores(lab: Lab, plan: Plan, receipt: str) -> PlannedScores:
    """Return the scores that belong to a plan, with the sealed files that it registered.

    receipt: MAC of the plan's entry.
    """
    assert plan.own is not None, "the plan is of another kind of sandbox"
    under, began = f"{results_of(plan.sandbox)}/", lab.order.get(receipt, 0)
    files = (plan.baseline, *plan.variants)
    places = {file.name: _places(lab, plan, file, under) for file in files}
    used = sorted(place for some in places.values() for place in some)
    lacking, to_run = dict[str, str](), False
    for file in files:
        there = {lab.seed_of(f"{under}{place}") for place in places[file.name]}
        if missing := set(plan.seeds) - there:
            why = _failed(lab, plan, file)
            to_run = to_run or not why.keys() >= missing
            gone = f"{seeds_in_words(missing)} without a score"
            said = failed_in_words({seed: why[seed] for seed in why.keys() & missing})
            lacking[file.name] = "; ".join([gone, *said])
    early = [
        f"{place} was scored before the plan was registered"
        for place in used
        if lab.position(f"{under}{place}") < began
    ]
    again = [
        f"{place} was run {count} times, and only the last outcome is there"
        for file in files
        if not file.packaged
        for place in places[file.name]
        if (count := lab.receipts_at.get(f"{under}{place}", 0)) > 1
    ]
    none = SandboxRecords({}, {}, {}, [], [], None, [], {})
    return PlannedScores(None, places, lacking, to_run, early, again, none)


def _failed(lab: Lab, plan: Plan, file: PlannedVariant) -> dict[int, str]:
    """Return seed -> message of the runs of a planned file that failed."""
    assert plan.own is not None, "the plan is of another kind of sandbox"
    return {
        failure.seed: failure.message
        for failure in lab.found(plan.sandbox).failures.values()
        if failure.variant == file.name
        and failure.file_version == file.file_sha256
        and failure.sealed_sha256 == plan.own.sealed_sha256
    }


def _places(lab: Lab, plan: Plan, file: PlannedVariant, under: str) -> list[str]:
    found = (
        place.removeprefix(under)
        for place, record in lab.own_records(plan.sandbox).items()
        if _is_planned(plan, file, record)
    )
    return sorted(found)


def _is_planned(plan: Plan, file: PlannedVariant, record: Mapping[str, Any]) -> bool:
    assert plan.own is not None, "the plan is of another kind of sandbox"
    return (
        record["variant"] == file.name
        and record["variant_sha256"] == file.file_sha256
        and record["seed"] in plan.seeds
        and record["sealed_sha256"] == plan.own.sealed_sha256
    )
