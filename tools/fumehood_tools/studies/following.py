"""The call that helps a study most as it stands, for the `next` of every answer about it.

First a plan that can go on (run it, judge it, run what its verdict waits for); then a reflection on
the newest verdict; then what that verdict asks for: a supported one the holdout, a test elsewhere
and a report; an inconclusive one a new plan with more seeds, unless these would not decide either.
Light: reads entries, and comparison.json of at most one conclusion.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.errors import StorageFailed
from fumehood_tools.plain_files import read_plain
from fumehood_tools.registry.kinds import SCORE
from fumehood_tools.studies.entries import (
    COMPARISON_FILE,
    Conclusion,
    Experiment,
    HoldoutAnswer,
    Plan,
    Reflection,
    ReportWritten,
)
from fumehood_tools.studies.notebook import Entry, Study, study_names


class _Verdicts(NamedTuple):
    """The newest conclusion about a plan."""

    entry: Entry
    found: Conclusion


class _Course(NamedTuple):
    """How far the plans of a study have come.

    verdicts: plan -> the newest conclusion about it. started: plan -> the entry of its newest job.
    """

    verdicts: dict[int, _Verdicts]
    started: dict[int, int]

    @classmethod
    def of(cls, study: Study) -> "_Course":
        """Read the entries of a study once, as there may be thousands."""
        verdicts = {said.plan: _Verdicts(entry, said) for entry, said in study.only(Conclusion)}
        started = {job.plan: entry.number for entry, job in study.only(Experiment)}
        return cls(verdicts, started)

    def is_open(self, plan: int) -> bool:
        """Return whether a plan can go on."""
        last = self.verdicts.get(plan)
        if last is None or self.started.get(plan, 0) > last.entry.number:
            return True
        return last.found.to_run or bool(last.found.advice)


def next_call(study: Study) -> str:
    """Return the suggested next call."""
    course = _Course.of(study)
    if waiting := _open(study, course):
        return following_plan(study, waiting[-1])
    steps = [*_reflection(study), *_after_verdicts(study, course)]
    return ", then ".join(steps) or f"plan_experiment(study={study.name!r}, …)"


def open_plans(study: Study) -> list[int]:
    """Return the numbers of the plans that can go on: not run, not judged, or waiting for a run.

    A plan whose missing scores no run would give is not open: it ended without a verdict.
    """
    return _open(study, _Course.of(study))


def following_plan(study: Study, plan: int) -> str:
    """Return the call with which an open plan goes on."""
    judge = f"judge_experiment(study={study.name!r}, plan={plan})"
    run = f"run_variants(study={study.name!r}, plan={plan})"
    course = _Course.of(study)
    last, started = course.verdicts.get(plan), course.started.get(plan, 0)
    if last is None or started > last.entry.number:
        return judge if started else run
    if last.found.to_run:
        return f"{run}, then {judge}"
    return f"{last.found.advice}, which is no new plan, then {judge}"


def after_conclusion(study: str, entry: int, found: Conclusion) -> str:
    """Return the call that follows the conclusion of an entry."""
    judge = f"judge_experiment(study={study!r}, plan={found.plan})"
    if found.to_run:
        return f"run_variants(study={study!r}, plan={found.plan}), then {judge}"
    if found.advice:
        return f"{found.advice}, which is no new plan, then {judge}"
    reflect = f"record_reflection(study={study!r}, …) about entry {entry}"
    if found.lacking:
        return (
            f"{reflect}, then plan_experiment(study={study!r}, …) about a mended file: a run of "
            "this plan would fail again"
        )
    return reflect


def plan_first(workspace: Path, sandbox: str, variant: str) -> str:
    """Return what to say about a checked variant while there is a study; "" without one.

    Reads the names of the studies only.
    """
    names = study_names(workspace)
    if not names:
        return ""
    study = repr(names[0]) if len(names) == 1 else f"one of {', '.join(map(repr, names[:5]))}"
    return (
        f" To claim what comes out, register it before it is run: plan_experiment(study={study}, "
        f"sandbox={sandbox!r}, variants={[variant]!r}, …)."
    )


def _open(study: Study, course: _Course) -> list[int]:
    return [entry.number for entry, _ in study.only(Plan) if course.is_open(entry.number)]


def _reflection(study: Study) -> list[str]:
    """Return the call that reflects on the newest verdict, unless that was done."""
    verdicts = [entry.number for entry, _ in study.only(Conclusion)]
    verdicts += [entry.number for entry, said in study.only(HoldoutAnswer) if not said.asked]
    newest = max(verdicts, default=0)
    if any(entry.number > newest for entry, _ in study.only(Reflection)) or not newest:
        return []
    return [f"record_reflection(study={study.name!r}, …) about entry {newest}"]


def _after_verdicts(study: Study, course: _Course) -> list[str]:
    """Return the call that the newest plan with a verdict asks for; empty if it asks for none."""
    for entry, plan in reversed(study.only(Plan)):
        last = course.verdicts.get(entry.number)
        if last is None:
            continue
        if winners := _winners(last.found):
            return _after_win(study, entry.number, plan, winners)
        undecided = [one.variant for one in last.found.claims if one.verdict == "inconclusive"]
        return _after_draw(study, entry.number, plan, last, undecided) if undecided else []
    return []


def _winners(found: Conclusion) -> list[str]:
    return [c.variant for c in found.claims if found.registered and c.verdict == "supported"]


def _after_win(study: Study, number: int, plan: Plan, winners: Sequence[str]) -> list[str]:
    """Return the next test of a winner; when it has passed all, or was lost, the report."""
    tests = [said for _, said in study.only(HoldoutAnswer) if said.plan == number]
    held = [said for said in tests if said.test == "holdout"]
    used = {said.question for _, said in study.only(HoldoutAnswer) if said.test == "holdout"}
    is_held = any(one.key == plan.metric and one.rows != "probing" for one in SCORE.metrics)
    call = f"ask_holdout(study={study.name!r}, plan={number})"
    if held and all(said.asked for said in held):
        return [call]  # the same question again, at no cost: its job was not finished
    if not held and is_held and plan.own is None and len(used) < study.opened.holdout_questions:
        return [call]
    lost = {
        claim.variant for said in tests for claim in said.claims if claim.verdict != "supported"
    }
    tried = [said for said in tests if said.test != "holdout" and not said.asked]
    done = {claim.variant for said in tried for claim in said.claims}
    left = [name for name in winners if name not in lost | done]
    if left and plan.own is None:
        return [f"promote_variant(study={study.name!r}, plan={number}, variant={left[0]!r})"]
    newest = max(entry.number for entry in study.entries if entry.content is not None)
    reports = [entry.number for entry, _ in study.only(ReportWritten)]
    return [f"write_report(study={study.name!r}, …)"] if newest not in reports else []


def _after_draw(
    study: Study, number: int, plan: Plan, last: _Verdicts, undecided: Sequence[str]
) -> list[str]:
    """Return the plan that could decide what one left open."""
    later = [other for entry, other in study.only(Plan) if entry.number > number]
    open_ = [n for n in undecided if not any(n in [v.name for v in o.variants] for o in later)]
    seeds = {name: _seeds_needed(study, last.entry, name) for name in open_}
    names = [name for name, count in seeds.items() if count]
    call = f"plan_experiment(study={study.name!r}, sandbox={plan.sandbox!r}"
    if names:
        most = max(count for count in seeds.values() if count)
        return [
            f"{call}, variants={names!r}, …): plan {number} left this open, and about {most} fresh "
            "seeds would decide it (a new plan is one more try, for which p is corrected)"
        ]
    why = f": more seeds would not decide plan {number}" if open_ and not last.found.lacking else ""
    return [f"{call}, …) about another idea{why}"]


def _seeds_needed(study: Study, entry: Entry, variant: str) -> int | None:
    """Return the seeds that would decide, as a comparison says; None: seeds would not, or unknown.

    The file is one that the record of the conclusion has the digest of.
    """
    path = study.folder.parents[1] / entry.place / COMPARISON_FILE
    try:
        rows = json.loads(read_plain(path))["rows"]
        found = [row["seeds_needed"] for row in rows if row["variant"].split(" ")[0] == variant]
        return int(found[0]) if found and found[0] else None
    except (StorageFailed, OSError, ValueError, KeyError, TypeError):
        return None
