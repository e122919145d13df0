"""The tool that validates a sandbox against docs/sandbox-standard.md."""

from typing import TYPE_CHECKING, Annotated

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import BaseModel, Field

from fumehood.doors.arguments import SandboxName
from fumehood.doors.waiting import ENDED, watch
from fumehood.tooling import Toolbox, answer, in_thread
from fumehood_tools.errors import RunFailed
from fumehood_tools.proving.report import Budget, State

if TYPE_CHECKING:
    from fumehood_tools.proving.report import Report
    from fumehood_tools.proving.request import ValidationRequest

WAIT_SECONDS = 40.0


class RequirementResult(BaseModel):
    """The outcome of one requirement."""

    number: str
    state: State
    says: str
    why: str
    faults: list[str] = []
    remedy: str = ""


class ValidationResult(BaseModel):
    """The report of a validation, or the job that makes it."""

    sandbox: str
    job_id: str | None = None
    passes: bool = False
    sealed_sha256: str = ""
    results: list[RequirementResult] = []
    sarif: str = ""
    next: str = ""


def register(toolbox: Toolbox) -> None:
    """Declare the tool."""

    @toolbox.tool(
        title="Validate a sandbox",
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=False,
    )
    async def validate_sandbox(
        sandbox: SandboxName,
        ctx: Context[None, None],
        budget: Annotated[
            Budget, Field(description="read: run nothing; quick: minutes; full: sandbox.toml's")
        ] = "quick",
        sarif: Annotated[bool, Field(description="Also write SARIF 2.1.0")] = False,
        rerun: Annotated[bool, Field(description="Ignore a kept report")] = False,
    ) -> Annotated[CallToolResult, ValidationResult]:
        """Prove that a sandbox meets the standard: manifest, core, baselines, controls, documents.

        Use it after you have made or changed a sandbox. Trains and scores its baselines and
        planted cheats in a copy, as a job. Gives each requirement with faults and remedy.
        """
        from fumehood_tools.proving.request import ValidationRequest
        from fumehood_tools.proving.start import start_validation

        request = ValidationRequest(sandbox=sandbox, budget=budget, sarif=sarif)
        if budget == "read":
            return await in_thread(_read, toolbox, request)
        found = None if rerun else await in_thread(_kept, toolbox, request)
        if found is None:
            job = await in_thread(start_validation, request, toolbox.settings, toolbox.jobs)
            job = await watch(toolbox.jobs, job.job_id, ctx, WAIT_SECONDS)
            if job.status not in ENDED:
                return _waiting(sandbox, job.job_id)
            if job.status != "succeeded":
                raise RunFailed(job.error or f"The validation was {job.status}. Call again.")
            found = await in_thread(_kept, toolbox, request)
        if found is None:
            raise RunFailed("The sandbox changed during the validation. Call again.")
        return found


def _waiting(sandbox: str, job_id: str) -> CallToolResult:
    after = f"wait_for_job(job_id={job_id!r}), then validate_sandbox with the same arguments"
    waiting = ValidationResult(sandbox=sandbox, job_id=job_id, next=after)
    return answer(f"{sandbox} is being validated. Next: {after}.", waiting, sparse=True)


def _kept(toolbox: Toolbox, request: "ValidationRequest") -> CallToolResult | None:
    """Return the answer with a kept report; None if it has to be made."""
    from fumehood_tools.proving.request import kept_report
    from fumehood_tools.proving.validate import write_sarif

    report = kept_report(request, toolbox.settings)
    if report is None:
        return None
    written = write_sarif(report, toolbox.settings) if request.sarif else ""
    return _told(report, written)


def _read(toolbox: Toolbox, request: "ValidationRequest") -> CallToolResult:
    """Return the answer for a validation that runs nothing, which takes under a second."""
    from fumehood_tools.custom.validating import validate_sandbox
    from fumehood_tools.proving.validate import write_sarif

    report = validate_sandbox(request, toolbox.settings)
    return _told(report, write_sarif(report, toolbox.settings) if request.sarif else "")


def _told(report: "Report", sarif: str) -> CallToolResult:
    result = ValidationResult(
        sandbox=report.sandbox,
        passes=report.passes,
        sealed_sha256=report.sealed,
        results=[
            RequirementResult(
                number=one.number,
                state=one.state,
                says=report.rules[one.number].says,
                why=one.why,
                faults=[fault.text() for fault in one.faults],
                remedy=report.remedy(one),
            )
            for one in report.results
        ],
        sarif=sarif,
        next=_next(report),
    )
    lines = [report.text(), *([f"SARIF: {sarif}"] if sarif else []), f"Next: {result.next}"]
    return answer("\n".join(lines), result, sparse=True)


def _next(report: "Report") -> str:
    again = f"validate_sandbox(sandbox={report.sandbox!r}"
    if report.failed():
        return f"Mend what failed, then {again})."
    if report.passes:
        return "Write variants/<name>.py, then check_variant."
    return f"{again}, budget='quick')."
