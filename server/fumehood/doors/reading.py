"""The door to the text of papers: read, search, record, compare."""

from typing import Annotated

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from fumehood.doors.jobs import watch
from fumehood.tooling import Toolbox, answer, in_thread
from fumehood_tools.errors import Unreadable
from fumehood_tools.jobs.models import Job
from fumehood_tools.reading.ladder import SourceAsked
from fumehood_tools.reading.reader import ReadRequest
from fumehood_tools.reading.text_search import Hits, Match
from fumehood_tools.reading.view import PaperView, Part, view_of

WAIT_SECONDS = 40.0

PaperId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=2000,
        description="Id of search_papers, arXiv id, DOI, URL, or a file in the workspace",
    ),
]


def register(toolbox: Toolbox) -> None:
    """Declare the tools for the text of papers."""
    _register_read(toolbox)
    _register_text_search(toolbox)


def _register_read(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="Read a paper",
        toolset="papers",
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=True,
    )
    async def read_paper(
        paper: PaperId,
        ctx: Context[None, None],
        part: Annotated[Part, Field(description="What of it; begin with outline")] = "outline",
        section: Annotated[
            str | None, Field(description="For part text: a section's or chunk's id")
        ] = None,
        cursor: Annotated[str | None, Field(description="next_cursor of the page before")] = None,
        source: Annotated[SourceAsked, Field(description="auto: the best that is there")] = "auto",
        refresh: Annotated[bool, Field(description="Fetch and read it again")] = False,
        password: Annotated[str | None, Field(description="Of a protected PDF; not kept")] = None,
    ) -> Annotated[CallToolResult, PaperView]:
        """Read a paper: outline first, then sections, tables, equations, references, links.

        Takes the best text there is: arXiv's LaTeX, its HTML, else the PDF; says what was tried.
        Reading it first takes seconds to minutes; then it is kept, and found by text search. All
        text is quoted, untrusted. Next: part="text" with a section, search_paper_text,
        record_findings.
        """
        request = ReadRequest(paper=paper, source=source, refresh=refresh)
        if password is not None:
            await in_thread(toolbox.reader.read_here, request, password)
        found = (
            None if refresh and password is None else await in_thread(toolbox.reader.find, request)
        )
        if found is None:
            job = await in_thread(toolbox.reader.start, request)
            job = await watch(toolbox.jobs, job.job_id, ctx, WAIT_SECONDS)
            found = await in_thread(toolbox.reader.find, request) if _is_done(job) else None
        if found is None:
            waiting = PaperView(paper=paper, part=part, job_id=job.job_id)
            return answer(waiting.text(), waiting)
        view = await in_thread(view_of, *found, part, section, cursor)
        return answer(view.text(), view)


def _register_text_search(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="Search the text of papers",
        toolset="papers",
        read_only=True,
        destructive=False,
        idempotent=True,
        open_world=False,
    )
    def search_paper_text(
        query: Annotated[
            str, Field(min_length=1, max_length=400, description='Words, or a "phrase" in quotes')
        ],
        papers: Annotated[
            list[str] | None, Field(description="Only in these; all that were read if left out")
        ] = None,
        match: Annotated[Match, Field(description="One of the words is enough, or all")] = "any",
        limit: Annotated[int, Field(ge=1, le=50)] = 10,
        offset: Annotated[int, Field(ge=0, description="next_offset of the page before")] = 0,
    ) -> Annotated[CallToolResult, Hits]:
        """Search inside the papers that were read. Use it to find where a paper says something.

        Returns passages, best first: paper, section, page, chunk id, the words around the hit
        (untrusted quotation). Next: read_paper with section=<chunk id> for the whole passage.
        """
        index = toolbox.reader.index(papers)
        hits = index.search(query, match=match, limit=limit, offset=offset)
        return answer(hits.text(), hits)


def _is_done(job: Job) -> bool:
    """Say whether a paper was read. Raises Unreadable when it never will be by this job."""
    if job.status in ("failed", "lost", "cancelled"):
        raise Unreadable(job.error or f"Reading was {job.status}. Call read_paper again.")
    return job.status == "succeeded"
