"""The tools that test a verdict on what its study never saw."""

from typing import Annotated

from mcp.types import CallToolResult
from pydantic import BaseModel, Field

from fumehood.doors.study_notebook import StudyName, lab_of, page_after
from fumehood.doors.waiting import duration
from fumehood.tooling import Toolbox, answer
from fumehood_tools.studies.holdout.asking import Asked, ask
from fumehood_tools.studies.holdout.promoting import MOST_MINUTES, Promoted, promote

PlanNumber = Annotated[int, Field(ge=1, description="Number of the plan's entry")]


class HoldoutAsked(BaseModel):
    """A question to the holdout, or a test elsewhere."""

    job_id: str = Field("", description="empty: nothing was started")
    question: int = Field(0, description="its number; 0: a test elsewhere")
    left: int = Field(0, description="questions that are left after it")
    sandbox: str = Field("", description="made for a test elsewhere")
    saes: int
    minutes: float = Field(description="estimated")
    next: str


def register(toolbox: Toolbox) -> None:
    """Declare the two tools."""
    _register_ask(toolbox)
    _register_promote(toolbox)


def _register_ask(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="Ask the sealed holdout",
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=False,
    )
    def ask_holdout(study: StudyName, plan: PlanNumber) -> Annotated[CallToolResult, HoldoutAsked]:
        """Score a judged plan's weights on documents and a metric that nothing has shown yet.

        Use it once you have a verdict that you would publish: a study has few questions. It is a
        job; the answer is a verdict per variant, in the notebook. Next: wait_for_job.
        """
        asked = ask(lab_of(toolbox), toolbox.jobs, study, plan)
        page_after(toolbox, study)
        content = _asked(study, asked)
        return answer(_asked_text(content), content, sparse=True)


def _register_promote(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="Test a winner elsewhere",
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=False,
    )
    def promote_variant(
        study: StudyName,
        plan: PlanNumber,
        variant: Annotated[str, Field(max_length=100, description="A supported one of the plan")],
        layer: Annotated[int | None, Field(ge=0, description="Default: a new one")] = None,
        subject: Annotated[str | None, Field(max_length=300, description="Default: the same")] = (
            None
        ),
        most_minutes: Annotated[
            float, Field(gt=0, description="Refuse if it takes longer")
        ] = MOST_MINUTES,
        dry_run: Annotated[bool, Field(description="Only say what it would cost")] = False,
    ) -> Annotated[CallToolResult, HoldoutAsked]:
        """Train a winner and its baseline where the study has not been, and judge them there.

        Use it for a supported claim before you report it. It is a job in a sandbox of its own; what
        is not supported there is "lost on transfer", in the notebook. Next: wait_for_job.
        """
        found = promote(
            lab_of(toolbox),
            toolbox.jobs,
            study,
            plan,
            variant,
            layer=layer,
            subject=subject,
            most_minutes=most_minutes,
            dry_run=dry_run,
        )
        page_after(toolbox, study)
        content = _promoted(study, found)
        return answer(_promoted_text(content, found), content, sparse=True)


def _asked(study: str, asked: Asked) -> HoldoutAsked:
    question = asked.counted.question
    waits = f"wait_for_job(job_id={asked.job.job_id!r})" if asked.job else ""
    return HoldoutAsked(
        job_id=asked.job.job_id if asked.job else "",
        question=question.number,
        left=asked.counted.left,
        saes=asked.saes,
        minutes=round(asked.seconds / 60, 1),
        next=waits or f"read_study(study={study!r}, entry={question.answer})",
    )


def _asked_text(content: HoldoutAsked) -> str:
    left = f"{content.left} question{'' if content.left == 1 else 's'} left"
    if not content.job_id:
        return f"Question {content.question} was answered before; {left}.\nNext: {content.next}"
    return (
        f"Question {content.question} about {content.saes} SAEs is counted, {left}. Job "
        f"{content.job_id} answers it in about {duration(content.minutes * 60)}; if it is killed, "
        f"the same call asks the same question again at no cost.\nNext: {content.next}"
    )


def _promoted(study: str, found: Promoted) -> HoldoutAsked:
    following = f"promote_variant(study={study!r}, …) without dry_run"
    if found.answer is not None:
        following = f"read_study(study={study!r}, entry={found.answer})"
    elif found.job is not None:
        following = f"wait_for_job(job_id={found.job.job_id!r})"
    return HoldoutAsked(
        job_id=found.job.job_id if found.job else "",
        sandbox=found.retest.sandbox,
        saes=found.saes,
        minutes=round(found.minutes, 1),
        next=following,
    )


def _promoted_text(content: HoldoutAsked, found: Promoted) -> str:
    there, spec = found.retest.there.spot, found.retest.there.spec
    cost = (
        f"{found.retest.variant.name} and {found.retest.content.baseline.name} at {there} "
        f"(dictionary {spec.dict_size:,}): about {content.saes} SAEs, "
        f"{duration(content.minutes * 60)}"
    )
    if found.answer is not None:
        said = f"This was tested before: {cost}."
    elif not content.job_id:
        said = f"It would train {cost}. Nothing was started."
    else:
        said = f"Job {content.job_id} trains {cost}, in the sandbox {content.sandbox}."
    return f"{said}\nNext: {content.next}"
