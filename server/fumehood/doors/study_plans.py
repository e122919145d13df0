"""The tools that register a plan and judge its experiment. `run_variants` runs it."""

from pathlib import Path
from typing import Annotated

from mcp.types import CallToolResult
from pydantic import BaseModel, BeforeValidator, Field

from fumehood.doors.arguments import SandboxName
from fumehood.doors.running import GridConstant, SeedRange, grid_entries, grid_of
from fumehood.doors.study_notebook import Prose, StudyName, lab_of, page_after
from fumehood.doors.waiting import duration
from fumehood.tooling import Toolbox, answer
from fumehood_tools.errors import BadRequest
from fumehood_tools.records.seed_lists import all_seeds, short_seeds
from fumehood_tools.registry.sae_metrics import QUALITY
from fumehood_tools.studies.entries import Budget, Claim, Conclusion, Direction, Power
from fumehood_tools.studies.exploring import judge_scores
from fumehood_tools.studies.following import after_conclusion
from fumehood_tools.studies.judging import judge_plan
from fumehood_tools.studies.notebook import Entry
from fumehood_tools.studies.plans import Proposal, Registered, register_plan
from fumehood_tools.studies.prereg import PREREG_FILE
from fumehood_tools.studies.told import text_of


class PlanRegistered(BaseModel, frozen=True):
    """A plan that was registered."""

    study: str
    plan: int = Field(description="its number, for run_variants and judge_experiment")
    seeds: list[int | str]
    smallest_effect: float
    power: Power
    note: str | None
    saes: int = Field(description="SAEs to train")
    minutes: float = Field(description="estimated")
    prereg: str = Field(description="path of the document for people")
    next: str


class Judgment(BaseModel, frozen=True):
    """A conclusion of a study."""

    study: str
    entry: int
    plan: int = Field(description="0: no plan foresaw it")
    registered: bool = Field(description="false: EXPLORATORY")
    exploratory_because: list[str]
    claims: list[Claim]
    look: int
    tries: int = Field(description="that p is corrected for")
    missing_controls: list[str]
    minutes: float
    usd: float | None
    next: str


def register(toolbox: Toolbox) -> None:
    """Declare the two tools."""
    _register_plan(toolbox)
    _register_judge(toolbox)


def _register_plan(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="Plan an experiment",
        read_only=False,
        destructive=False,
        idempotent=False,
        open_world=False,
    )
    def plan_experiment(
        study: StudyName,
        title: Annotated[str, Field(min_length=1, max_length=200, description="In one line")],
        hypothesis: Annotated[Prose, Field(description="What you expect, and why")],
        sandbox: SandboxName,
        variants: Annotated[
            list[str], Field(min_length=1, max_length=50, description="Without the baseline")
        ],
        baseline: Annotated[str, Field(description="It is run with them")] = "topk",
        metric: Annotated[str, Field(description="One that compare_variants judges")] = QUALITY,
        direction: Annotated[
            Direction, Field(description="How the variants differ from the baseline")
        ] = "better",
        smallest_effect: Annotated[
            float | None,
            Field(gt=0, description="A smaller difference does not matter; default: the margin"),
        ] = None,
        l0_targets: Annotated[
            list[float] | None, Field(max_length=10, description="As in run_variants")
        ] = None,
        grid: Annotated[
            list[GridConstant] | None,
            BeforeValidator(grid_entries),
            Field(max_length=6, description="As in run_variants"),
        ] = None,
        seeds: Annotated[
            int | list[int | SeedRange] | None,
            Field(description="How many to draw; a list is exploratory"),
        ] = None,
        looks: Annotated[
            int, Field(ge=1, le=10, description="How often it may be judged; alpha is divided")
        ] = 1,
        controls: Annotated[bool, Field(description="As in run_variants")] = False,
        budget: Annotated[Budget | None, Field(description="Of this plan")] = None,
    ) -> Annotated[CallToolResult, PlanRegistered]:
        """Register an experiment before it is run; nothing in it can be edited afterwards.

        Use it for everything that you want to claim: a verdict on scores that no plan foresaw is
        exploratory. Draws seeds that nobody has seen, says what difference they can detect, and
        what the run costs. Seeds added after a look are a new plan. Next: the run_variants call
        that it names.
        """
        asked = Proposal(
            title=title,
            hypothesis=hypothesis,
            sandbox=sandbox,
            variants=variants,
            baseline=baseline,
            metric=metric,
            direction=direction,
            smallest_effect=smallest_effect,
            l0_targets=l0_targets or (),
            grid=grid_of(grid or ()),
            seeds=all_seeds(seeds if isinstance(seeds, list) else ()),
            draw=seeds if isinstance(seeds, int) else None,
            looks=looks,
            controls=controls,
            budget=budget or Budget(),
        )
        found = register_plan(lab_of(toolbox), study, asked, toolbox.jobs)
        page_after(toolbox, study)
        return _registered(study, found, toolbox.settings.workspace)


def _registered(study: str, found: Registered, workspace: Path) -> CallToolResult:
    plan, run = found.plan, found.run
    result = PlanRegistered(
        study=study,
        plan=found.entry.number,
        seeds=short_seeds(plan.seeds),
        smallest_effect=plan.smallest_effect,
        power=plan.power,
        note=plan.note,
        saes=run.left,
        minutes=round(run.seconds / 60, 1),
        prereg=str(workspace / found.entry.place / PREREG_FILE),
        next=f"run_variants(study={study!r}, plan={found.entry.number})",
    )
    lines = [
        f"Registered as plan {result.plan} of the study {study}.",
        text_of(plan),
        f"It {'measures' if plan.own else 'trains'} {run.left} "
        f"{'scores' if plan.own else 'SAEs'}, which takes {_time_of(run.seconds)}.",
        f"For people: {result.prereg}",
        f"Next: {result.next}",
    ]
    return answer("\n".join(lines), result)


def _time_of(seconds: float) -> str:
    """Return how long a run takes; nothing was scored before in a sandbox where it is 0."""
    return f"about {duration(seconds)}" if seconds else "a time that is not known yet"


def _register_judge(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="Judge an experiment",
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=False,
    )
    def judge_experiment(
        study: StudyName,
        plan: Annotated[int | None, Field(ge=1, description="Number of the plan")] = None,
        early: Annotated[
            bool, Field(description="Show results before all seeds are in: a look")
        ] = False,
        sandbox: Annotated[
            str | None, Field(description="Without a plan: judge its scores, exploratory")
        ] = None,
        variants: Annotated[
            list[str] | None, Field(max_length=100, description="With sandbox; default: all")
        ] = None,
        baseline: Annotated[str | None, Field(description="With sandbox; default: topk")] = None,
        metric: Annotated[
            str | None, Field(description="With sandbox; default: explained_variance")
        ] = None,
    ) -> Annotated[CallToolResult, Judgment]:
        """Judge an experiment and enter the conclusion into the study. Use it when its job is done.

        The analysis is fumehood's own: per variant supported, refuted, inconclusive or inert, with
        effect, interval, p corrected for all tries of everybody, seeds, receipts; the controls that
        are missing; cost. With scores that no plan foresaw it is exploratory. The same scores
        again give the same conclusion. Next: record_reflection.
        """
        others = {"sandbox": sandbox, "variants": variants, "baseline": baseline, "metric": metric}
        given = [name for name, value in others.items() if value is not None]
        lab = lab_of(toolbox)
        if plan is not None and given:
            raise BadRequest(
                f"A plan says what is judged. Omit {', '.join(given)}, or omit plan for an "
                "exploratory conclusion."
            )
        if plan is not None:
            entry, found = judge_plan(lab, study, plan, early=early)
        elif sandbox is None:
            raise BadRequest(
                "Pass the number of a plan (read_study lists them), or a sandbox for an "
                "exploratory conclusion."
            )
        else:
            entry, found = judge_scores(
                lab,
                study,
                sandbox,
                variants or (),
                baseline=baseline or "topk",
                metric=metric or QUALITY,
            )
        page_after(toolbox, study)
        return _judgment(study, entry, found)


def _judgment(study: str, entry: Entry, found: Conclusion) -> CallToolResult:
    then = after_conclusion(study, entry.number, found)
    result = Judgment(
        study=study,
        entry=entry.number,
        plan=found.plan,
        registered=found.registered,
        exploratory_because=found.exploratory_because,
        claims=found.claims,
        look=found.look,
        tries=found.tries,
        missing_controls=found.missing_controls,
        minutes=found.minutes,
        usd=found.usd,
        next=then,
    )
    lines = [f"Entry {entry.number} of the study {study}.", text_of(found), f"Next: {then}"]
    return answer("\n".join(lines), result)
