"""The tool that runs custom evaluations, or tries them on random latents."""

from typing import Annotated

from mcp.types import CallToolResult
from pydantic import BaseModel, Field

from fumehood.doors.arguments import SandboxName
from fumehood.doors.records import shelf_of
from fumehood.doors.waiting import duration
from fumehood.tooling import Toolbox, answer
from fumehood_tools.errors import BadRequest
from fumehood_tools.evaluations.dry_run import Tried, dry_run
from fumehood_tools.evaluations.sae_bench import refuse_sae_bench
from fumehood_tools.evaluations.source import chosen_evaluations
from fumehood_tools.evaluations.start import Started, start_evaluations
from fumehood_tools.glass import choose_level
from fumehood_tools.sandbox.create import open_sandbox

MOST_TRIED = 8


class EvaluationsStarted(BaseModel):
    """A job of evaluations, or the findings of a dry run."""

    job_id: str = ""
    evaluations: list[str]
    saes: int = 0
    recorded: int = Field(0, description="done before, not repeated")
    minutes: float = 0.0
    findings: list[str] = Field([], description="of a dry run")
    next: str


def register(toolbox: Toolbox) -> None:
    """Declare the tool."""

    @toolbox.tool(
        title="Run custom evaluations",
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=False,
    )
    def run_evaluations(
        sandbox: SandboxName,
        evaluations: Annotated[
            list[str] | None, Field(description="Names; default: all", max_length=50)
        ] = None,
        variants: Annotated[
            list[str] | None, Field(description="Default: all", max_length=100)
        ] = None,
        dry_run: Annotated[bool, Field(description="Try on random latents")] = False,
    ) -> Annotated[CallToolResult, EvaluationsStarted]:
        """Measure scored SAEs with evaluations/<name>.py: METRICS and evaluate(latents, context).

        Shipped: dictionary_recovery, feature_absorption, first_letter, latent_census,
        seed_stability. Start with dry_run. Its metrics (<name>__<metric>) are then in
        read_benchmarks and compare_variants. Next: wait_for_job.
        """
        if dry_run:
            return _tried(toolbox, sandbox, evaluations or [])
        started = start_evaluations(
            toolbox.settings,
            toolbox.jobs,
            sandbox,
            evaluations or [],
            variants,
            shelf=shelf_of(toolbox),
        )
        return _started(started)


def _tried(toolbox: Toolbox, sandbox: str, names: list[str]) -> CallToolResult:
    box = open_sandbox(toolbox.settings, sandbox)
    for name in names:
        refuse_sae_bench(name, toolbox.settings)
    files = chosen_evaluations(box, names)
    if len(files) > MOST_TRIED:
        raise BadRequest(f"{len(files)} files are too many for a dry run. Name {MOST_TRIED}.")
    if fed := [one.name for one in files if one.is_trusted]:
        raise BadRequest(
            f"{', '.join(fed)} is sae-bench's own code and reads a language model: it has no dry "
            "run. Leave dry_run out."
        )
    level = choose_level(toolbox.settings.glass, box.spec.limits.glass)
    tried = dry_run(files, box.spec, level)
    ok = all(one.problem is None for one in tried)
    repeat = f"run_evaluations(sandbox={sandbox!r}, evaluations={[one.name for one in tried]})"
    content = EvaluationsStarted(
        evaluations=[one.name for one in tried],
        findings=[_finding(one) for one in tried],
        next=repeat if ok else "Fix the file, then try it again with dry_run=True.",
    )
    return answer("\n".join([*content.findings, f"Next: {content.next}"]), content, sparse=True)


def _finding(tried: Tried) -> str:
    if tried.problem is not None:
        return f"{tried.name}: {tried.problem}"
    values = ", ".join(f"{name} {value:.4g}" for name, value in tried.metrics.items())
    return f"{tried.name}: ok in {tried.seconds:.1f} s; on random latents {values}"


def _started(started: Started) -> CallToolResult:
    job = started.job
    content = EvaluationsStarted(
        job_id=job.job_id,
        evaluations=list(started.evaluations),
        saes=started.saes,
        recorded=started.recorded,
        minutes=round(started.seconds / 60, 1),
        next=f"wait_for_job(job_id={job.job_id!r})",
    )
    text = (
        f"Job {job.job_id} {job.status}: {', '.join(started.evaluations)} on {started.saes} SAEs, "
        f"{started.recorded} of them done before. It will take about {duration(started.seconds)}.\n"
        f"Next: {content.next}"
    )
    return answer(text, content, sparse=True)
