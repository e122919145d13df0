"""Run a plan: start its job if nothing has changed since it was registered, and enter the job.

The same call again gives the same job, and no second entry, as long as the job waits, runs or has
succeeded. Costs as much as `run_variants`.
"""

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

from fumehood_tools.custom.start import Ahead, forecast, start_custom
from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.jobs import JobStore
from fumehood_tools.locking import exclusive
from fumehood_tools.plain_files import read_plain
from fumehood_tools.pods.wanted import HERE, RunPlace
from fumehood_tools.runs import StartedRun
from fumehood_tools.runs.start import Prepared, prepare_run, start_prepared
from fumehood_tools.sandbox.create import open_sandbox
from fumehood_tools.studies.entries import Experiment, Plan
from fumehood_tools.studies.lab import Lab
from fumehood_tools.studies.matching import scores_of
from fumehood_tools.studies.notebook import Entry, Study, append
from fumehood_tools.studies.own.planning import digest_in
from fumehood_tools.studies.spending import Spent, capped, check_budget
from fumehood_tools.timestamps import now

LOCK = "studies.{name}.turn.lock"
"""Held while a plan of a study is run or judged, so that two servers do it one after the other."""
_ACTIVE = ("queued", "starting", "running")


class PlanRun(NamedTuple):
    """The job of a plan. is_new: whether it was started now, and entered into the study."""

    started: StartedRun
    plan: Plan
    is_new: bool


def plan_of(study: Study, number: int) -> tuple[Entry, Plan]:
    """Return a plan. Raises BadRequest if its entry was edited, UnknownName if it is no plan."""
    for entry in study.entries:
        if entry.number == number and entry.problem is not None:
            raise BadRequest(
                f"Entry {number} of the study {study.name} does not count: {entry.problem} "
                "Restore it from a backup, or register a new plan with plan_experiment."
            )
    return study.entry(number, Plan)


def prepare_plan(lab: Lab, plan: Plan, place: RunPlace = HERE) -> Prepared | Ahead:
    """Check a plan's run and estimate what it takes. Raises the errors of `prepare_run`."""
    if plan.own is not None:
        if place != HERE:
            raise BadRequest(
                "A sandbox with an evaluation of its own is run on this machine. Omit target."
            )
        box = open_sandbox(lab.settings, plan.sandbox)
        return forecast(lab.settings, box, _names(plan), plan.seeds)
    more: dict[str, Any] = {"shelf": lab.records, "place": place}
    return prepare_run(lab.settings, plan.sandbox, **_arguments(plan), **more)


def run_plan(lab: Lab, jobs: JobStore, study: str, number: int, place: RunPlace = HERE) -> PlanRun:
    """Start the job of a plan, or return the one that was started before. place: where it trains.

    Raises UnknownName for a study or plan that does not exist; BadRequest if a file or the sandbox
    was changed since the plan, if the plan's entry was edited, or if the budget would be exceeded.
    """
    with exclusive(lab.settings.state / LOCK.format(name=study)):
        notebook = lab.studies.read(study)
        entry, plan = plan_of(notebook, number)
        check_unchanged(lab, plan)
        place = capped(place, notebook, plan)
        before = [job for _, job in notebook.only(Experiment) if job.plan == number]
        status = [_status(jobs, job.job_id) for job in before]
        round_ = sum(one == "succeeded" for one in status[:-1])
        if status and status[-1] == "succeeded":
            round_ += scores_of(lab, plan, entry.receipt).to_run
        ahead = prepare_plan(lab, plan, place)
        if not (status and status[-1] in _ACTIVE):
            more = Spent(ahead.left, ahead.seconds / 60 if ahead.left else 0.0)
            check_budget(lab, notebook, number, plan.budget, more, is_active(jobs), plan.noun)
        key = f"study {study}, plan {number}, round {round_}"
        judge = f"judge_experiment(study={study!r}, plan={number})"
        if isinstance(ahead, Prepared):
            started = start_prepared(lab.settings, jobs, ahead, key, judge)
        else:
            names, seeds = _names(plan), plan.seeds
            started = start_custom(
                lab.settings, jobs, plan.sandbox, names, seeds, request_key=key, then=judge
            )
        is_new = started.job.job_id not in {job.job_id for job in before}
        if is_new:
            job = Experiment(
                plan=number,
                job_id=started.job.job_id,
                saes=started.left,
                noun=plan.noun,
                minutes=round(started.seconds / 60, 1),
                written=now(),
            )
            append(lab.settings.workspace, study, job)
        return PlanRun(started, plan, is_new)


def check_unchanged(lab: Lab, plan: Plan) -> None:
    """Raise BadRequest if a planned file or the sandbox's settings are not as they were planned."""
    box = open_sandbox(lab.settings, plan.sandbox)
    for file in (plan.baseline, *plan.variants):
        source = read_plain(box.variant_path(file.name))
        if hashlib.sha256(source).hexdigest() != file.file_sha256:
            raise BadRequest(
                f"variants/{file.name}.py was edited since the plan was registered. Register a new "
                "plan about the file as it is now, or restore it."
            )
    if digest_in(box) != plan.settings_digest:
        what = "a sealed file" if plan.own else "fumehood itself"
        raise BadRequest(
            f"sandbox.toml of {plan.sandbox}, or {what}, was changed since the plan was "
            "registered, so its scores would belong to another setting. Register a new plan, or "
            "restore it."
        )


def is_active(jobs: JobStore) -> Callable[[str], bool]:
    """Return a function that tells whether a job waits or runs."""
    return lambda job_id: _status(jobs, job_id) in _ACTIVE


def _names(plan: Plan) -> list[str]:
    """Return the names of a plan's files, the baseline first."""
    return [plan.baseline.name, *(file.name for file in plan.variants)]


def _status(jobs: JobStore, job_id: str) -> str:
    try:
        return jobs.get(job_id).status
    except UnknownName:
        return "lost"  # old jobs are removed from the table


def _arguments(plan: Plan) -> dict[str, Any]:
    """Return the arguments of `prepare_run` for a plan."""
    names = _names(plan)[1:]
    if not plan.l0_targets or plan.controls:
        names = [plan.baseline.name, *names]
    return {
        "variants": names,
        "seeds": plan.seeds,
        "grid": plan.grid,
        "l0_targets": plan.l0_targets,
        "baseline": plan.baseline.name if plan.l0_targets else None,
        "controls": plan.controls,
    }
