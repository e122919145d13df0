"""The tool that trains and benchmarks variants as one job."""

from collections.abc import Sequence
from typing import Annotated, Any

from mcp.server.mcpserver import Context, Elicit, ElicitationResult, Resolve
from mcp.types import CallToolResult
from pydantic import BaseModel, BeforeValidator, Field

from fumehood.doors.agreeing import Agreement
from fumehood.doors.arguments import SandboxName
from fumehood.doors.elsewhere import (
    ARGUMENTS,
    CostArgument,
    Elsewhere,
    GpusArgument,
    HostsArgument,
    HoursArgument,
    PodsArgument,
    SkyArgument,
    Subject,
    TargetArgument,
    asked,
    place_of,
)
from fumehood.doors.records import shelf_of
from fumehood.doors.waiting import duration
from fumehood.tooling import Toolbox, answer
from fumehood_tools.custom.start import is_custom, start_custom
from fumehood_tools.errors import BadRequest
from fumehood_tools.pods.wanted import HERE, RunPlace
from fumehood_tools.records.labelling import in_words
from fumehood_tools.records.seed_lists import RANGE, all_seeds
from fumehood_tools.runs import StartedRun, start_run

READ_LATER = (
    "A queued job reads the files in variants/ when it starts: what you change in them until then "
    "is what will run."
)

OWN_WORDS = ("scores", "measure")
"""What is made in a sandbox with an evaluation of its own, and how."""
WHAT_TO_PASS = "Pass sandbox and variants, or study and plan to run a registered plan."


class RunStarted(BaseModel):
    """A run that was submitted."""

    job_id: str
    status: str
    saes: int = Field(description="SAEs that were asked for: variants x levels x seeds")
    search_runs: int = Field(description="more SAEs that the searches for l0_targets will take")
    scored: int = Field(description="of both: have a score already, so they are not run again")
    to_train: int = Field(description="SAEs that are left to train; wait_for_job counts these")
    minutes: float = Field(description="estimated for the others, from the start of the job")
    baseline: str | None = Field(description="also run around l0_targets, for compare_variants")
    training: dict[str, int | float] = Field(description="used instead of sandbox.toml's values")
    queue_position: int | None
    note: str | None = Field(default=None, description="what to know about it")
    next: str


SeedRange = Annotated[str, Field(pattern=RANGE)]


class TrainingValues(BaseModel, extra="forbid", allow_inf_nan=False):
    """Values of [training] in sandbox.toml, for one run."""

    lr: float | None = Field(None, gt=0, description="peak learning rate")
    batch_size: int | None = Field(None, ge=1, description="activations per step")
    warmup_fraction: float | None = Field(None, ge=0, le=0.9)
    decay_fraction: float | None = Field(None, gt=0, le=1)


class GridConstant(BaseModel, extra="forbid"):
    """The values to try for one constant of a variant's file."""

    name: str = Field(min_length=1, max_length=100)
    values: list[bool | int | float | str] = Field(min_length=1, max_length=100)


def grid_entries(grid: Any) -> Any:
    """Return a grid that was sent as {"K": [16, 64]} in the published form."""
    if not isinstance(grid, dict) or grid.keys() == {"name", "values"}:
        return [grid] if isinstance(grid, dict) else grid
    return [{"name": name, "values": values} for name, values in grid.items()]


def grid_of(constants: Sequence[GridConstant]) -> dict[str, list[bool | int | float | str]]:
    """Return the values by constant. Raises BadRequest for a constant that is named twice."""
    grid = {constant.name: constant.values for constant in constants}
    if len(grid) < len(constants):
        raise BadRequest("grid names a constant twice. Put all its values into one entry.")
    return grid


def register_run(toolbox: Toolbox) -> None:
    """Declare the tool."""

    async def ask(
        ctx: Context[None, Any],
        target: TargetArgument,
        gpus: GpusArgument,
        pods: PodsArgument,
        hours: HoursArgument,
        max_cost_usd: CostArgument,
        hosts: HostsArgument,
        sky: SkyArgument,
        sandbox: str | None,
        study: str | None,
        plan: int | None,
    ) -> Agreement | Elicit[Agreement]:
        wanted = Elsewhere(target, gpus, pods, hours, max_cost_usd, hosts, sky)
        return await asked(toolbox, ctx, wanted, Subject(sandbox, study, plan))

    @toolbox.tool(
        title="Train and benchmark variants",
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=False,
        without=() if "pods" in toolbox.toolsets else ARGUMENTS,
    )
    def run_variants(
        agreement: Annotated[ElicitationResult[Agreement], Resolve(ask)],
        sandbox: SandboxName | None = None,
        variants: Annotated[
            list[str] | None,
            Field(description="Names in variants/, without .py", min_length=1, max_length=100),
        ] = None,
        seeds: Annotated[
            list[int | SeedRange] | None,
            Field(
                description="Numbers, or ranges: '0-9'. Default: sandbox.toml's. Three or more "
                "show the noise"
            ),
        ] = None,
        l0_targets: Annotated[
            list[float] | None,
            Field(
                description="For each L0, search the value of each variant's KNOB with which the "
                "seeds' mean L0 is within 5 % of it",
                max_length=10,
            ),
        ] = None,
        baseline: Annotated[
            str | None,
            Field(
                description="With l0_targets: also run around these L0. Default: topk",
                max_length=100,
            ),
        ] = None,
        grid: Annotated[
            list[GridConstant] | None,
            BeforeValidator(grid_entries),
            Field(
                description="Constants at the top of the files, and values to try: "
                '[{"name": "K", "values": [16, 64]}]; all combinations are run for every variant',
                max_length=6,
            ),
        ] = None,
        training: Annotated[
            TrainingValues | None,
            Field(
                description="Instead of sandbox.toml's values. The scores belong to another setting"
            ),
        ] = None,
        controls: Annotated[
            bool,
            Field(
                description="Also run two blanks and a known cheat; read_benchmarks says whether "
                "one gained"
            ),
        ] = False,
        request_key: Annotated[
            str | None, Field(description="The same word returns the same job", max_length=200)
        ] = None,
        study: Annotated[
            str | None, Field(max_length=64, description="With plan: run a registered plan")
        ] = None,
        plan: Annotated[
            int | None, Field(ge=1, description="Its number. It replaces all other arguments")
        ] = None,
        target: TargetArgument = "local",
        gpus: GpusArgument = None,
        pods: PodsArgument = 1,
        hours: HoursArgument = 2.0,
        max_cost_usd: CostArgument = None,
        hosts: HostsArgument = None,
        sky: SkyArgument = None,
    ) -> Annotated[CallToolResult, RunStarted]:
        """Train and benchmark variants x seeds as one job; returns a job_id at once.

        SAEs that have a score for the same file, seed and settings are not run again, so you can
        repeat a call that was interrupted. Always include a baseline (topk) and the control
        (untrained). Variants can only be compared at equal L0: use l0_targets (check_variant names
        some that fit the subject). Before you trust a result, use controls=True and three seeds.
        The job continues if you disconnect. Next: wait_for_job, then read_benchmarks.
        """
        wanted = Elsewhere(target, gpus, pods, hours, max_cost_usd, hosts, sky)
        place = place_of(toolbox, agreement, wanted, Subject(sandbox, study, plan))
        if study is not None or plan is not None:
            others = {
                "sandbox": sandbox,
                "variants": variants,
                "seeds": seeds,
                "l0_targets": l0_targets,
                "baseline": baseline,
                "grid": grid,
                "training": training,
                "controls": controls or None,
                "request_key": request_key,
            }
            given = [name for name, value in others.items() if value is not None]
            return _planned(toolbox, study, plan, given, place)
        if sandbox is None or variants is None:
            raise BadRequest(WHAT_TO_PASS)
        if is_custom(toolbox.settings, sandbox):
            has_others = bool(
                l0_targets or baseline or grid or training or controls or place != HERE
            )
            chosen = all_seeds(seeds or ())
            return _custom(toolbox, sandbox, variants, chosen, request_key, has_others)
        started = start_run(
            toolbox.settings,
            toolbox.jobs,
            sandbox,
            variants,
            all_seeds(seeds or ()),
            request_key,
            grid=grid_of(grid or ()),
            l0_targets=l0_targets or (),
            baseline=baseline,
            controls=controls,
            training=training.model_dump(exclude_none=True) if training else None,
            shelf=shelf_of(toolbox),
            place=place,
        )
        return _started(started)


def _custom(
    toolbox: Toolbox,
    sandbox: str,
    variants: Sequence[str],
    seeds: Sequence[int],
    request_key: str | None,
    others: bool,
) -> CallToolResult:
    """Return the answer about a run with a sandbox's own evaluation. others: more was passed."""
    if others:
        raise BadRequest(
            "A sandbox with an evaluation of its own takes variants and seeds only. Omit the other "
            "arguments."
        )
    made = start_custom(toolbox.settings, toolbox.jobs, sandbox, variants, seeds, request_key)
    return _started(made, *OWN_WORDS)


def _planned(
    toolbox: Toolbox,
    study: str | None,
    plan: int | None,
    others: Sequence[str],
    place: RunPlace,
) -> CallToolResult:
    """Return the answer about the run of a plan. others: names of further arguments."""
    if study is None or plan is None:
        raise BadRequest("Pass both study and plan, as plan_experiment named them.")
    if others:
        raise BadRequest(
            f"The plan says what is run. Omit {', '.join(others)}, or omit study and plan for a "
            "run outside the plan, about which every verdict is exploratory."
        )
    # Studies are loaded only when one is used: most servers only run variants.
    from fumehood.doors.study_notebook import lab_of, page_after
    from fumehood_tools.studies.running import run_plan

    found = run_plan(lab_of(toolbox), toolbox.jobs, study, plan, place)
    page_after(toolbox, study)
    return _started(found.started, *(OWN_WORDS if found.plan.own else ()))


def _trained_otherwise(started: StartedRun) -> list[str]:
    """Return what to know about a run in another setting."""
    if not started.training:
        return []
    said = [
        f"It trains with {in_words(started.training)}, so its scores belong to another setting, "
        "which read_benchmarks lists below its table."
    ]
    if not started.own:
        return said
    return [
        *said,
        f"Your own variants ({started.own}) are as many more tries in that setting, and p values "
        "are corrected for all tries. A verdict in the usual setting only asks for the baseline "
        "to be run like this.",
    ]


def _started(started: StartedRun, noun: str = "SAEs", verb: str = "train") -> CallToolResult:
    """Return the answer about a run. noun, verb: what is made, and how."""
    job, more = started.job, _trained_otherwise(started)
    notes = [*([READ_LATER] if job.queue_position else []), *more]
    result = RunStarted(
        job_id=job.job_id,
        status=job.status,
        saes=started.saes,
        search_runs=started.search_runs,
        scored=started.scored,
        minutes=round(started.seconds / 60, 1),
        baseline=started.baseline,
        training=dict(started.training),
        queue_position=job.queue_position,
        to_train=started.left,
        note=" ".join(notes) or None,
        next=f"wait_for_job(job_id={job.job_id!r})",
    )
    place = f", place {job.queue_position} in the queue" if job.queue_position else ""
    count = f"{result.saes} {noun}"
    if result.search_runs:
        count += f" and about {result.search_runs} more to find the L0s"
    if result.baseline:
        count += f", with {result.baseline} at and around the L0s"
    if result.scored:
        count += f"; {result.scored} of them have a score already, which takes no time"
    if result.search_runs or result.scored:
        count += f". {result.to_train} are left to {verb}"
    lines = [
        f"Job {job.job_id} {job.status}{place}: {count}.",
        *more,
        f"It will take about {duration(started.seconds)}."
        if started.seconds or not result.to_train
        else "Nothing was scored here before, so how long it takes is not known.",
        *([READ_LATER] if job.queue_position else []),
        f"Next: {result.next}",
    ]
    return answer("\n".join(lines), result)
