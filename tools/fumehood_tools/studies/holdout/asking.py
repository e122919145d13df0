"""Ask a study's holdout about a plan: check the request, count it, start the job. Light."""

import sys
from statistics import fmean
from typing import NamedTuple

from fumehood_tools.errors import BadRequest
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.locking import exclusive
from fumehood_tools.registry.kinds import SCORE
from fumehood_tools.runs.pace import START_SECONDS, tokens_per_second
from fumehood_tools.runs.start import slot_of
from fumehood_tools.sandbox.create import open_sandbox
from fumehood_tools.settings import Settings
from fumehood_tools.studies.entries import Budget, Conclusion, Plan
from fumehood_tools.studies.holdout.questions import Counted, count_question, is_known
from fumehood_tools.studies.holdout.requests import QuestionRequest
from fumehood_tools.studies.holdout.standing import Standing, refuse_gaps, standing_scores
from fumehood_tools.studies.holdout.unseen import holdout_tokens
from fumehood_tools.studies.lab import Lab
from fumehood_tools.studies.notebook import Study
from fumehood_tools.studies.running import LOCK as TURN
from fumehood_tools.studies.running import is_active, plan_of
from fumehood_tools.studies.spending import Spent, check_budget

KIND = "holdout"


class Asked(NamedTuple):
    """A question that was asked. job: None if it was answered before.

    left: other questions that may be asked. seconds: how long the job will probably take.
    """

    counted: Counted
    saes: int
    job: Job | None = None
    seconds: float = 0.0


def ask(lab: Lab, jobs: JobStore, study: str, plan: int) -> Asked:
    """Count a question to the holdout and start the job that answers it.

    The same question (same plan, files and weights) is counted once, and answered once. Raises
    UnknownName for a study or plan, BadRequest if the plan was not judged, has missing scores, is
    about a metric that the holdout does not have, or if no question or budget is left;
    StorageFailed.
    """
    settings, found = lab.settings, lab.studies.read(study)
    entry, content = plan_of(found, plan)
    _check_judged(found, plan)
    _check_metric(content)
    standing = standing_scores(lab, content, entry.receipt)
    refuse_gaps(content, standing)
    seconds = _seconds(settings, content, standing)
    with exclusive(settings.state / TURN.format(name=study)):
        found = lab.studies.read(study)
        if not is_known(found, plan, standing.digest):
            check_budget(lab, found, None, Budget(), Spent(0, seconds / 60), is_active(jobs))
        counted = count_question(lab.studies, study, plan, standing.digest, seconds / 60)
    saes = len(standing.all)
    if counted.question.answer is not None:
        return Asked(counted, saes)
    number = counted.question.number
    request = QuestionRequest(study=study, plan=plan, question=number, digest=standing.digest)
    job = jobs.submit(
        KIND,
        [sys.executable, "-m", "fumehood_tools.studies.holdout.worker", request.model_dump_json()],
        title=f"{study}: holdout, question {number} about plan {plan} ({saes} SAEs)",
        slot=slot_of(settings),
        request_key=f"holdout:{study}:{number}",
        env=settings.as_environment(),
    )
    return Asked(counted, saes, job, seconds)


def _check_judged(study: Study, plan: int) -> None:
    if not any(content.plan == plan for _, content in study.only(Conclusion)):
        raise BadRequest(
            f"Plan {plan} has not been judged yet, and the holdout answers only about judged "
            f"plans. Call judge_experiment(study={study.name!r}, plan={plan}) first."
        )


def _check_metric(plan: Plan) -> None:
    if plan.own is not None:
        raise BadRequest(
            f"{plan.sandbox} has an evaluation of its own, for which there is no holdout. Its own "
            "held-out data are in its sealed files."
        )
    metric = next((one for one in SCORE.metrics if one.key == plan.metric), None)
    if metric is None:
        raise BadRequest(
            f"The holdout does not measure {plan.metric}: evaluations run on the sandbox's own "
            "documents. Use promote_variant to test the gain on another layer."
        )
    if metric.rows == "probing":
        raise BadRequest(
            f"The holdout does not measure {plan.metric}: sparse probing has labeled texts of its "
            "own, which it uses whole. Its documents measure reconstruction and loss recovered; "
            "use promote_variant to test a gain in probing on another layer."
        )


def _seconds(settings: Settings, plan: Plan, standing: Standing) -> float:
    """Return how long a question will probably take, from what the scores took."""
    spec = open_sandbox(settings, plan.sandbox).spec
    tokens = holdout_tokens(spec.corpus)
    each = fmean(one.score.cost.score_seconds for one in standing.all)
    return 2 * START_SECONDS + tokens / tokens_per_second(spec) + each * len(standing.all)
