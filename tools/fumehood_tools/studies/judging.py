"""Judge an experiment: our analysis of the scores of a plan.

A conclusion is registered only if the plan's seeds were drawn, every score was written after the
plan, by the planned files, at the planned seeds and levels, in the planned setting, and if the
results were not looked at more often than planned. Otherwise it is exploratory, and says why.
Trainings that were stopped before they had an outcome are named, and p is corrected for them.
While scores are missing, nothing is concluded and no result is shown, unless `early` asks for a
look. Judging the same scores again returns the conclusion that was entered before.

Costs about 2 s (a child process does the statistics) and the reading of all records.
"""

from collections.abc import Iterable, Mapping

from fumehood_tools.bench.collect import Setting
from fumehood_tools.compare import Comparison, Records, compare_records
from fumehood_tools.files import digest_of
from fumehood_tools.locking import exclusive
from fumehood_tools.receipts.places import results_of
from fumehood_tools.sandbox.create import open_sandbox
from fumehood_tools.studies.claims import aim_of, claim_of, metric_of, shown_name
from fumehood_tools.studies.counting import all_tries
from fumehood_tools.studies.entries import (
    COMPARISON_FILE,
    CONCLUSION,
    SEEDS_CHOSEN,
    Claim,
    Conclusion,
    Plan,
)
from fumehood_tools.studies.lab import Lab
from fumehood_tools.studies.matching import scores_of
from fumehood_tools.studies.missing import missing_controls
from fumehood_tools.studies.notebook import STUDIES, Entry, Study, append
from fumehood_tools.studies.own.judging import own_comparison, own_lacks, own_minutes
from fumehood_tools.studies.own.planning import own_tries
from fumehood_tools.studies.planned import PlannedScores
from fumehood_tools.studies.running import LOCK, plan_of
from fumehood_tools.studies.stopping import NOTHING_STOPPED, Stopped, stopped_trainings
from fumehood_tools.timestamps import now

_MARK = "EXPLORATORY: "
_OTHERS_LACK = (
    "It was not compared, as planned scores of {} are missing; early=True compares what is there, "
    "which is a look."
)


def judge_plan(
    lab: Lab, study: str, number: int, *, early: bool = False
) -> tuple[Entry, Conclusion]:
    """Return the conclusion about a plan, and enter it if these scores were not judged before.

    early: also look at results while scores are missing; this counts as one of the plan's looks.
    Raises UnknownName for a study or plan that does not exist, BadRequest if the plan's entry was
    edited, PartMissing without scipy, StorageFailed.
    """
    with exclusive(lab.settings.state / LOCK.format(name=study)):
        notebook = lab.studies.read(study)
        entry, plan = plan_of(notebook, number)
        scores = scores_of(lab, plan, entry.receipt)
        before = conclusions_about(notebook, number)
        is_early, stopped = bool(scores.lacking) and early, _stopped(lab, plan, scores)
        used = [place for some in scores.places.values() for place in some]
        more = [scores.lacking, is_early, *([stopped.files] if stopped.files else [])]
        state = state_of(lab, plan.sandbox, used if plan.own else scores.records.scores, more)
        if same := [pair for pair in before if pair[1].state == state]:
            return same[-1]
        lost = _lost(lab, notebook, entry)
        look = 1 + lost + len({one.state for _, one in before if one.early})
        why = _why_exploratory(plan, scores, look, lost)
        is_shown = is_early or not scores.lacking
        comparison = _compared(lab, plan, scores, stopped) if is_shown else None
        conclusion = Conclusion(
            plan=number,
            registered=not why,
            exploratory_because=why,
            claims=_claims(lab, plan, scores, comparison, bool(why)),
            look=look,
            tries=comparison.tries if comparison else _tries(lab, plan),
            missing_controls=_missing(lab, plan, scores, comparison),
            minutes=_minutes(lab, plan, used),
            usd=0.0 if plan.own else usd_of(lab, plan.sandbox, used),
            metric=plan.metric,
            advice=_advice(comparison),
            early=is_early,
            lacking=scores.lacking,
            to_run=scores.to_run,
            stopped=stopped.files,
            stopped_times=stopped.times,
            state=state,
            written=now(),
        )
        return enter(lab, study, conclusion, comparison), conclusion


def conclusions_about(study: Study, plan: int) -> list[tuple[Entry, Conclusion]]:
    """Return the conclusions about a plan so far."""
    return [pair for pair in study.only(Conclusion) if pair[1].plan == plan]


def state_of(lab: Lab, sandbox: str, places: Iterable[str], more: object) -> str:
    """Return the digest of scores and of whatever else decides about a conclusion.

    The number of tries is not in it: a conclusion stays as it was when variants are tried later.
    """
    under = results_of(sandbox)
    return digest_of([sorted(lab.receipt(f"{under}/{place}") for place in places), more])


def _advice(comparison: Comparison | None) -> str:
    """Return the call that trains the baseline in another way, if a claim waits for it; else "".

    The comparison's other calls add seeds or levels, which would be another plan.
    """
    calls = comparison.next.split(", then ") if comparison else []
    return ", then ".join(call for call in calls if "training=" in call)


def _lost(lab: Lab, study: Study, plan: Entry) -> int:
    """Return the number of conclusions since a plan that are gone or were edited.

    Each may have been a look at the plan.
    """
    readable = {entry.place for entry, _ in study.only(Conclusion)}
    began = lab.order.get(plan.receipt, 0)
    return sum(
        line.kind == CONCLUSION
        and place.startswith(f"{STUDIES}/{study.name}/")
        and place not in readable
        and lab.order.get(line.receipt, began) > began
        for place, line in lab.book.standing.items()
    )


def _why_exploratory(plan: Plan, scores: PlannedScores, look: int, lost: int) -> list[str]:
    """Return why a conclusion is exploratory; empty if it is registered. lost: see `_lost`."""
    why = [] if plan.seeds_drawn else [SEEDS_CHOSEN]
    why += scores.early[:5]
    if len(scores.early) > 5:
        why.append(f"{len(scores.early) - 5} more scores were written before the plan")
    why += scores.again[:3]
    if len(scores.again) > 3:
        why.append(f"{len(scores.again) - 3} more scores were run more than once")
    if look > plan.looks:
        why.append(f"this is look {look} at the results, and the plan allows {plan.looks}")
    if lost and look > plan.looks:
        why.append(f"{lost} conclusions since the plan are gone or were edited: each may be a look")
    return why


def _minutes(lab: Lab, plan: Plan, places: list[str]) -> float:
    if plan.own is not None:
        return own_minutes(lab, plan.sandbox, places)
    return minutes_of(lab, plan.sandbox, places)


def _tries(lab: Lab, plan: Plan) -> int:
    """Return what p will be corrected for."""
    if plan.own is None:
        return all_tries(lab)
    box = open_sandbox(lab.settings, plan.sandbox)
    return own_tries(lab, box, plan.baseline.file_sha256)


def _stopped(lab: Lab, plan: Plan, scores: PlannedScores) -> Stopped:
    if plan.own is not None:
        # No log of such a run shows a metric, so nobody could stop one because of it.
        return NOTHING_STOPPED
    settings = scores.setting.settings if scores.setting else ""
    return stopped_trainings(lab, plan, settings, may_go_on=bool(scores.lacking))


def _compared(lab: Lab, plan: Plan, scores: PlannedScores, stopped: Stopped) -> Comparison | None:
    """Return the comparison of a plan's scores; None if there is nothing to compare."""
    if plan.own is not None:
        return own_comparison(lab, plan, scores)
    baseline, metric = shown_name(plan.baseline, lab.packaged(plan.sandbox)), metric_of(plan)
    there = [one for one in plan.variants if scores.places[one.name]]
    has_base = any(
        metric.key in scores.records.scores[place].metrics
        for place in scores.places[plan.baseline.name]
    )
    if not has_base or not there:
        return None
    versions = {one.name: one.file_sha256 for one in (plan.baseline, *plan.variants)}
    records = records_of(lab, plan.sandbox, scores.setting, versions, scores)
    asked = {
        "variants": [shown_name(one, lab.packaged(plan.sandbox)) for one in there],
        "tries": all_tries(lab),
        "planned_looks": plan.looks,
        "stops": sum(stopped.files.values()),
        "times_for_stops": stopped.times,
    }
    return compare_records(records, baseline, metric, asked) if records else None


def records_of(
    lab: Lab,
    sandbox: str,
    setting: Setting | None,
    versions: Mapping[str, str],
    scores: PlannedScores | None = None,
) -> Records | None:
    """Return what a comparison reads. versions: of planned files; others are as they are now."""
    if setting is None:
        return None
    folder = lab.folder(sandbox)
    current = {**lab.records.variant_files(folder / "variants"), **versions}
    found = scores.records if scores else lab.found(sandbox)
    return Records(folder, found, setting, current, lab.packaged(sandbox), lab.drawn_seeds())


def _claims(
    lab: Lab,
    plan: Plan,
    scores: PlannedScores,
    comparison: Comparison | None,
    is_exploratory: bool,
) -> list[Claim]:
    rows = {row.variant: row for row in comparison.rows} if comparison else {}
    under, lacking = results_of(plan.sandbox), scores.lacking
    claims = []
    for file in plan.variants:
        places, pair = scores.places[file.name], (file.name, plan.baseline.name)
        lacks = [f"{name}: {lacking[name]}" for name in pair if name in lacking]
        incomplete = f"Planned scores are missing: {'; '.join(lacks)}." if lacks else None
        if lacking and not lacks and comparison is None:
            incomplete = _OTHERS_LACK.format(", ".join(lacking))
        claims.append(
            claim_of(
                file.name,
                rows.get(shown_name(file, lab.packaged(plan.sandbox))),
                aim_of(plan),
                seeds=seeds_at(lab, plan.sandbox, places),
                receipts=[f"{under}/{place}" for place in places],
                incomplete=incomplete,
            )
        )
    return [marked(claim) for claim in claims] if is_exploratory else claims


def marked(claim: Claim) -> Claim:
    """Return a claim whose reason says that it is exploratory."""
    return claim.model_copy(update={"reason": f"{_MARK}{claim.reason}"})


def _missing(
    lab: Lab, plan: Plan, scores: PlannedScores, comparison: Comparison | None
) -> list[str]:
    if plan.own is not None:
        return own_lacks(lab, plan, scores)
    versions = {one.name: one.file_sha256 for one in (plan.baseline, *plan.variants)}
    records = records_of(lab, plan.sandbox, scores.setting, versions, scores)
    if records is None:
        return []
    return missing_controls(
        records, shown_name(plan.baseline, lab.packaged(plan.sandbox)), comparison
    )


def seeds_at(lab: Lab, sandbox: str, places: Iterable[str]) -> list[int]:
    """Return the seeds of some scores."""
    seeds = (lab.seed_of(f"{results_of(sandbox)}/{place}") for place in places)
    return sorted({seed for seed in seeds if seed is not None})


def minutes_of(lab: Lab, sandbox: str, places: Iterable[str]) -> float:
    """Return what some scores took to train and score."""
    scores = lab.found(sandbox).scores
    costs = [scores[place].cost for place in places]
    return round(sum(cost.train_seconds + cost.score_seconds for cost in costs) / 60, 3)


def usd_of(lab: Lab, sandbox: str, places: Iterable[str]) -> float | None:
    """Return what the machines of some scores have cost, None if nobody told it for one."""
    scores, total = lab.found(sandbox).scores, 0.0
    for place in places:
        if (usd := scores[place].cost.usd) is None:
            return None
        total += usd
    return total


def enter(lab: Lab, study: str, conclusion: Conclusion, comparison: Comparison | None) -> Entry:
    """Append a conclusion to a study, with the whole comparison beside it."""
    content = comparison.model_dump_json(indent=1) if comparison else "null"
    return append(lab.settings.workspace, study, conclusion, {COMPARISON_FILE: content.encode()})
