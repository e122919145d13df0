"""The sandbox tools: create a sandbox, list its variants, check one, run several."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

from mcp.types import CallToolResult
from pydantic import BaseModel, BeforeValidator, Field

from fumehood.doors.arguments import SandboxName
from fumehood.doors.waiting import duration
from fumehood.doors.warming import warm_up
from fumehood.tooling import Toolbox, answer
from fumehood_tools.errors import BadRequest
from fumehood_tools.glass import choose_level, compiled_kernels
from fumehood_tools.runs import StartedRun, start_run
from fumehood_tools.sandbox import check, create, variants
from fumehood_tools.sandbox.check import CheckReport
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.sandbox.variants import VariantInfo
from fumehood_tools.spec import MOST_TOKENS, Seed, SiteName


class SandboxResult(BaseModel):
    """A sandbox that is ready for use."""

    sandbox: str
    folder: str = Field(description="absolute path; write variants/<name>.py in it")
    subject: str
    layer: int
    site: str
    corpus: str
    dict_size: int
    train_tokens: int
    eval_tokens: int
    seeds: list[int]
    variants: list[str] = Field(description="variants that come with the sandbox")
    next: str


class VariantList(BaseModel):
    """The variants of a sandbox."""

    sandbox: str
    total: int
    variants: list[VariantInfo]
    tampered_core: list[str] = Field(description="files of core/ that were changed: no effect")
    next_cursor: str | None
    next: str


READ_LATER = (
    "A queued job reads the files in variants/ when it starts: what you change in them until then "
    "is what will run."
)


class RunStarted(BaseModel):
    """A run that was submitted."""

    job_id: str
    status: str
    saes: int = Field(description="SAEs to train, at least; scored ones are not run again")
    search_runs: int = Field(description="more SAEs that the searches for l0_targets will take")
    minutes: float = Field(
        description="estimated, from the start of the job; less if some have a score already"
    )
    baseline: str | None = Field(description="also run around l0_targets, for compare_variants")
    queue_position: int | None
    note: str | None = Field(default=None, description="what to know while it is queued")
    next: str


class GridConstant(BaseModel, extra="forbid"):
    """The values to try for one constant of a variant's file."""

    name: str = Field(min_length=1, max_length=100)
    values: list[bool | int | float | str] = Field(min_length=1, max_length=100)


def register(toolbox: Toolbox) -> None:
    """Declare the four sandbox tools."""
    _register_create(toolbox)
    _register_list(toolbox)
    _register_check(toolbox)
    _register_run(toolbox)


def _register_create(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="Create a sandbox",
        read_only=False,
        destructive=False,
        idempotent=False,
        open_world=False,
    )
    def create_sandbox(
        name: Annotated[
            str,
            Field(
                description="New folder under sandboxes/: lower case, digits, - and _",
                min_length=1,
                max_length=64,
            ),
        ],
        subject: Annotated[
            str | None,
            Field(
                description="Subject model: smollm2-135m (default), synthetic (seconds), "
                "a hub id such as EleutherAI/pythia-70m-deduped, or a local folder"
            ),
        ] = None,
        layer: Annotated[int | None, Field(description="Block index, from 0", ge=0)] = None,
        site: Annotated[
            SiteName | None, Field(description="What to read there: residual stream or MLP")
        ] = None,
        corpus: Annotated[
            str | None,
            Field(description="mixed (default), sotu, a local file or folder, or hub:<data set>"),
        ] = None,
        dict_size: Annotated[int | None, Field(description="Latents", ge=8)] = None,
        train_tokens: Annotated[
            int | None, Field(description="Activations", ge=1_000, le=MOST_TOKENS)
        ] = None,
        eval_tokens: Annotated[
            int | None, Field(description="Activations", ge=256, le=MOST_TOKENS)
        ] = None,
        seeds: Annotated[
            list[Seed] | None, Field(description="Default seeds of run_variants", min_length=1)
        ] = None,
    ) -> Annotated[CallToolResult, SandboxResult]:
        """Create a sandbox: a folder in which you try SAE variants on one subject model.

        Use it first. It contains README.md, AGENTS.md (the rules), sandbox.toml (all settings),
        core/ (base classes to read), variants/ (baselines; write yours there) and results/.
        Omit arguments for the embedded default: SmolLM2-135M, layer 10, residual stream.
        Next: read AGENTS.md, write variants/<name>.py, then call check_variant.
        """
        box = create.create_sandbox(
            toolbox.settings,
            name,
            subject=subject,
            layer=layer,
            site=site,
            corpus=corpus,
            dict_size=dict_size,
            train_tokens=train_tokens,
            eval_tokens=eval_tokens,
            seeds=seeds,
        )
        warm_up(toolbox)
        return _describe(box)


def _describe(box: Sandbox) -> CallToolResult:
    spec, names = box.spec, variants.variant_names(box)
    result = SandboxResult(
        sandbox=box.name,
        folder=str(box.folder),
        subject=spec.subject.name,
        layer=spec.subject.layer,
        site=spec.subject.site,
        corpus=spec.corpus.name,
        dict_size=spec.dict_size,
        train_tokens=spec.corpus.train_tokens,
        eval_tokens=spec.corpus.eval_tokens,
        seeds=list(spec.training.seeds),
        variants=names,
        next="Read AGENTS.md, write variants/<name>.py, then check_variant.",
    )
    text = (
        f"Sandbox {box.name}: {result.folder}\n"
        f"subject {result.subject}, layer {result.layer}, {result.site}; corpus {result.corpus}; "
        f"dictionary {result.dict_size:,}; {result.train_tokens:,} training and "
        f"{result.eval_tokens:,} evaluation tokens; seeds {result.seeds}\n"
        f"variants: {', '.join(names)}\n"
        f"Next: {result.next}"
    )
    return answer(text, result)


def _register_list(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="List variants",
        read_only=True,
        destructive=False,
        idempotent=True,
        open_world=False,
    )
    def list_variants(
        sandbox: SandboxName,
        limit: Annotated[int, Field(ge=1, le=100)] = 20,
        cursor: Annotated[str | None, Field(description="next_cursor of the previous page")] = None,
    ) -> Annotated[CallToolResult, VariantList]:
        """List the variant files of a sandbox: name, first line of the docstring, problems.

        Use it to see what exists before you write or run a variant. Next: check_variant for one
        of yours, or run_variants for several.
        """
        box = create.open_sandbox(toolbox.settings, sandbox)
        page = variants.list_variants(box, limit, cursor)
        tampered = create.tampered_core(box)
        result = VariantList(
            sandbox=sandbox,
            total=page.total,
            variants=list(page.variants),
            tampered_core=tampered,
            next_cursor=page.next_cursor,
            next="check_variant, then run_variants",
        )
        return answer(_variant_text(result), result)


def _variant_text(result: VariantList) -> str:
    lines = [f"{result.total} variants in {result.sandbox}:"]
    for found in result.variants:
        mark = f"  PROBLEM: {found.problem}" if found.problem else ""
        kind = "baseline" if found.is_baseline else "yours"
        lines.append(f"- {found.name} ({kind}, {found.lines} lines): {found.summary}{mark}")
    if result.tampered_core:
        changed = ", ".join(result.tampered_core)
        lines.append(
            f"core/ was changed ({changed}). This has no effect: runs use the packaged copy."
        )
    if result.next_cursor:
        lines.append(f"More: cursor={result.next_cursor!r}")
    return "\n".join([*lines, f"Next: {result.next}"])


def _register_check(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="Check a variant",
        read_only=True,
        destructive=False,
        idempotent=True,
        open_world=False,
    )
    def check_variant(
        sandbox: SandboxName,
        variant: Annotated[str, Field(description="File name in variants/, without .py")],
    ) -> Annotated[CallToolResult, CheckReport]:
        """Check one variant in seconds: rules of the sandbox, shapes, gradients, a few steps.

        Use it after every change, before run_variants. Each error names the line and what to
        write instead. It also says how far the file is from its parent (a change without effect
        is the most frequent failure), L0, time per step, parameters that never move, and the
        knob. Next: fix the errors and call it again, or call run_variants.
        """
        box = create.open_sandbox(toolbox.settings, sandbox)
        level = choose_level(toolbox.settings.glass, box.spec.limits.glass)
        # Not called for a file with static errors, which is answered at once.
        kernels = partial(compiled_kernels, toolbox.settings.cache)
        report = check.check_variant(box, variant, level, kernels=kernels)
        return answer(report.text(), report)


def _grid_entries(grid: Any) -> Any:
    """Return a grid that was sent as {"K": [16, 64]} in the published form."""
    if not isinstance(grid, dict) or grid.keys() == {"name", "values"}:
        return [grid] if isinstance(grid, dict) else grid
    return [{"name": name, "values": values} for name, values in grid.items()]


def _grid_of(constants: Sequence[GridConstant]) -> dict[str, list[bool | int | float | str]]:
    """Return the values by constant. Raises BadRequest for a constant that is named twice."""
    grid = {constant.name: constant.values for constant in constants}
    if len(grid) < len(constants):
        raise BadRequest("grid names a constant twice. Put all its values into one entry.")
    return grid


def _register_run(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="Train and benchmark variants",
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=False,
    )
    def run_variants(
        sandbox: SandboxName,
        variants: Annotated[
            list[str],
            Field(description="Names in variants/, without .py", min_length=1, max_length=100),
        ],
        seeds: Annotated[
            list[int] | None,
            Field(description="Default: those in sandbox.toml. Three or more show the noise"),
        ] = None,
        l0_targets: Annotated[
            list[float] | None,
            Field(
                description="For each of these L0, search the value of each variant's KNOB with "
                "which the mean L0 of all seeds is within 5 % of it",
                max_length=10,
            ),
        ] = None,
        baseline: Annotated[
            str | None,
            Field(
                description="With l0_targets: also run this one at these L0 and around them, so "
                "that compare_variants can compare with it. Default: topk",
                max_length=100,
            ),
        ] = None,
        grid: Annotated[
            list[GridConstant] | None,
            BeforeValidator(_grid_entries),
            Field(
                description="Constants at the top of the files and the values to try, as in "
                '[{"name": "K", "values": [16, 64]}]; all combinations are run for every variant',
                max_length=6,
            ),
        ] = None,
        controls: Annotated[
            bool,
            Field(
                description="Also run two blanks (the first baseline renamed) and a known cheat; "
                "read_benchmarks then says whether any of them gained an advantage"
            ),
        ] = False,
        request_key: Annotated[
            str | None,
            Field(
                description="Any word; a call with the same word returns the same job",
                max_length=200,
            ),
        ] = None,
    ) -> Annotated[CallToolResult, RunStarted]:
        """Train and benchmark variants x seeds as one job; returns a job_id at once.

        Activations are harvested once and shared. SAEs that have a score for the same file, seed
        and settings are not run again, so you can repeat a call that was interrupted. Always
        include a baseline (topk) and the control (untrained). Variants can only be compared at
        equal L0: use l0_targets, as in [32, 64]. Before you trust a result, use controls=True and
        three seeds. The job continues if you disconnect. Next: wait_for_job, then read_benchmarks.
        """
        started = start_run(
            toolbox.settings,
            toolbox.jobs,
            sandbox,
            variants,
            seeds or (),
            request_key,
            grid=_grid_of(grid or ()),
            l0_targets=l0_targets or (),
            baseline=baseline,
            controls=controls,
        )
        return _started(started)


def _started(started: StartedRun) -> CallToolResult:
    job = started.job
    result = RunStarted(
        job_id=job.job_id,
        status=job.status,
        saes=started.saes,
        search_runs=started.search_runs,
        minutes=round(started.seconds / 60, 1),
        baseline=started.baseline,
        queue_position=job.queue_position,
        note=READ_LATER if job.queue_position else None,
        next=f"wait_for_job(job_id={job.job_id!r})",
    )
    place = f", place {job.queue_position} in the queue" if job.queue_position else ""
    count = f"{result.saes} SAEs"
    if result.search_runs:
        count += f" and about {result.search_runs} more to find the L0s"
    if result.baseline:
        count += f", with {result.baseline} at and around the L0s"
    lines = [
        f"Job {job.job_id} {job.status}{place}: {count}.",
        f"It will take about {duration(started.seconds)}; SAEs that have a score take no time.",
        *([READ_LATER] if job.queue_position else []),
        f"Next: {result.next}",
    ]
    return answer("\n".join(lines), result)
