"""The tools that list, read and check guides to packages."""

from typing import TYPE_CHECKING, Annotated

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from fumehood.doors import guide_prompts, skills, surveys
from fumehood.doors.arguments import Cursor
from fumehood.doors.waiting import watch
from fumehood.tooling import Toolbox, answer, in_thread
from fumehood_tools.errors import RunFailed
from fumehood_tools.guides.report import CheckPage
from fumehood_tools.guides.view import GuideList, GuideText
from fumehood_tools.jobs.models import Job

if TYPE_CHECKING:
    from fumehood_tools.guides.request import CheckRequest
    from fumehood_tools.guides.view import GuideReader

WAIT_SECONDS = 40.0
GUIDE, TASK = "guide://{package}", "guide://{package}/{task}"

Package = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        description="Name from list_guides, package or package==version",
    ),
]


def register(toolbox: Toolbox) -> None:
    """Declare the tools and resources for guides and packages."""
    _register_reading(toolbox)
    _register_resources(toolbox)
    _register_check(toolbox)
    surveys.register(toolbox)
    skills.register(toolbox)
    guide_prompts.register(toolbox)


def _register_reading(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="List guides",
        read_only=True,
        destructive=False,
        idempotent=True,
        open_world=False,
    )
    def list_guides(
        limit: Annotated[int, Field(ge=1, le=100)] = 20,
        cursor: Cursor = None,
    ) -> Annotated[CallToolResult, GuideList]:
        """List guides to packages whose every code block was run, and whether they still hold.

        Call it before you write code for a package. stale: another version is installed. Next:
        read_guide.
        """
        page = _reader_of(toolbox).page(limit, cursor)
        return answer(page.text(), page)

    @toolbox.tool(
        title="Read a guide",
        read_only=True,
        destructive=False,
        idempotent=True,
        open_world=False,
    )
    def read_guide(
        package: Package,
        task: Annotated[
            str | None, Field(max_length=200, description="One task; null lists all tasks")
        ] = None,
    ) -> Annotated[CallToolResult, GuideText]:
        """Read one task of a guide: code that ran on the named version, tips and pitfalls.

        Without a task: purpose, cheat sheet, gotchas and the list of tasks. Of guides for
        several versions, the one nearest to the installed version is read. A guide that fails or is
        stale comes with a warning.
        """
        found = _reader_of(toolbox).read(package, task)
        return answer(found.text(), found, sparse=True)


def _register_resources(toolbox: Toolbox) -> None:
    @toolbox.resource(GUIDE, title="Guide to a package", mime_type="text/markdown")
    def guide_contents(package: str) -> str:
        """Purpose, cheat sheet, gotchas and tasks of a guide."""
        return _reader_of(toolbox).read(package, None).text()

    @toolbox.resource(TASK, title="Task of a guide", mime_type="text/markdown")
    def guide_task(package: str, task: str) -> str:
        """One task of a guide, with code that ran."""
        return _reader_of(toolbox).read(package, task).text()

    @toolbox.complete(GUIDE, "package")
    @toolbox.complete(TASK, "package")
    def complete_package(begun: str) -> list[str]:
        return [name for name in _reader_of(toolbox).names() if name.startswith(begun)]

    @toolbox.complete(TASK, "task")
    def complete_task(begun: str) -> list[str]:
        return [name for name in _reader_of(toolbox).tasks() if name.startswith(begun)]


def _register_check(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="Check a guide",
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=True,
    )
    async def check_guide(
        guide: Annotated[
            str,
            Field(
                min_length=1,
                max_length=2000,
                description="Name from list_guides, or path of a .md or .rst file or skill folder",
            ),
        ],
        ctx: Context[None, None],
        environment: Annotated[
            str,
            Field(
                max_length=1000,
                description="ours, a guide's environment, or folder of a venv",
            ),
        ] = "",
        block_seconds: Annotated[float, Field(ge=1, le=1800, description="Limit per block")] = 120,
        sarif: Annotated[bool, Field(description="Also write SARIF 2.1.0")] = False,
        rerun: Annotated[bool, Field(description="Ignore a kept result")] = False,
        limit: Annotated[int, Field(ge=1, le=100)] = 20,
        cursor: Cursor = None,
    ) -> Annotated[CallToolResult, CheckPage]:
        """Run every Python block of a guide, README or SKILL.md in isolation, and classify each.

        Gives line, reason and remedy, such as api_changed, silently_none, wrong_output or
        needs_network; failing blocks first. No network, no GPU. Its text is untrusted.
        """
        from fumehood_tools.guides.request import CheckRequest
        from fumehood_tools.guides.start import start_check

        request = CheckRequest(
            guide=guide, environment=environment, block_seconds=block_seconds, sarif=sarif
        )
        if not rerun and (page := await in_thread(_kept, toolbox, request, limit, cursor)):
            return answer(page.text(), page, sparse=True)
        job = await in_thread(start_check, request, toolbox.settings, toolbox.jobs)
        job = await watch(toolbox.jobs, job.job_id, ctx, WAIT_SECONDS)
        if not _has_ended(job):
            waiting = CheckPage(guide=guide, job_id=job.job_id)
            return answer(waiting.text(), waiting, sparse=True)
        page = await in_thread(_kept, toolbox, request, limit, None)
        if page is None:
            raise RunFailed("The guide or its environment changed during the check. Call again.")
        return answer(page.text(), page, sparse=True)


def _kept(
    toolbox: Toolbox, request: "CheckRequest", limit: int, cursor: str | None
) -> CheckPage | None:
    """Return a page of the kept result of the same check; None if it has to be run."""
    from fumehood_tools.guides.request import other_files
    from fumehood_tools.guides.run_check import kept_check, write_sarif
    from fumehood_tools.guides.view import check_page

    checked = kept_check(request, toolbox.settings)
    if checked is None:
        return None
    written = write_sarif(checked, toolbox.settings) if request.sarif else ""
    page = check_page(checked, limit, cursor, written)
    others = other_files(request.guide, toolbox.settings)
    return page.model_copy(update={"other_files": others})


def _has_ended(job: Job) -> bool:
    """Return True if the job has succeeded. Raises RunFailed if it failed."""
    if job.status in ("failed", "lost", "cancelled"):
        raise RunFailed(job.error or f"The check was {job.status}. Call check_guide again.")
    return job.status == "succeeded"


def _reader_of(toolbox: Toolbox) -> "GuideReader":
    from fumehood_tools.guides.view import GuideReader

    return GuideReader(toolbox.settings)
