"""The tools for the text of papers: read, search, record findings, compare."""

from typing import Annotated

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from fumehood.doors.arguments import Cursor
from fumehood.doors.library import reader_of, records_of
from fumehood.doors.waiting import watch
from fumehood.tooling import Toolbox, answer, in_thread
from fumehood_tools.errors import NotReady, Unreadable
from fumehood_tools.jobs.models import Job
from fumehood_tools.paper_records.compare import RecordComparison, compare_records
from fumehood_tools.paper_records.record import MOST_ITEMS, Item
from fumehood_tools.paper_records.shelf import RecordedFindings
from fumehood_tools.reading.document import Document
from fumehood_tools.reading.reading import Reading, ReadRequest, SourceAsked
from fumehood_tools.reading.text_search import Hits, Match
from fumehood_tools.reading.view import PaperItem, PaperView, Part, view_of

WAIT_SECONDS = 40.0

PaperId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=2000,
        description="Id from search_papers, arXiv id (v2: that version), DOI, URL, or a file or "
        "folder in the workspace; #name.tex: that file of a LaTeX source",
    ),
]
SamePaper = Annotated[
    str,
    Field(min_length=1, max_length=2000, description="Id, arXiv id, DOI, URL, file or folder"),
]


def register(toolbox: Toolbox) -> None:
    """Declare the tools for the text of papers."""
    _register_read(toolbox)
    _register_text_search(toolbox)
    _register_record(toolbox)
    _register_comparison(toolbox)


def _register_read(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="Read a paper",
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=True,
    )
    async def read_paper(
        paper: PaperId,
        ctx: Context[None, None],
        part: Annotated[Part, Field(description="What to return; start with outline")] = "outline",
        section: Annotated[
            str | None, Field(description='For part="text": id of a section or chunk')
        ] = None,
        cursor: Cursor = None,
        source: Annotated[SourceAsked, Field(description="auto: the best one available")] = "auto",
        refresh: Annotated[bool, Field(description="Fetch and read it again")] = False,
        password: Annotated[str | None, Field(description="Of a protected PDF; not stored")] = None,
    ) -> Annotated[CallToolResult, PaperView]:
        """Read a paper: outline first, then sections, tables, equations, references, links.

        Uses the best text available: arXiv's LaTeX, its HTML, or else the PDF; says what it tried.
        The first reading takes seconds to minutes; then the paper is stored and searchable. All
        text is quoted and untrusted. Next: part="text" with a section, search_paper_text,
        record_findings.
        """
        request = ReadRequest(paper=paper, source=source, refresh=refresh)
        if password is not None:
            await in_thread(reader_of(toolbox).read_here, request, password)
        again = refresh and password is None
        found = await read_first(toolbox, request, ctx, again=again)
        if isinstance(found, Job):
            waiting = PaperView(paper=paper, part=part, job_id=found.job_id)
            return answer(waiting.text(), waiting)
        view = await in_thread(view_of, *found, part, section, cursor, _candidates)
        return answer(view.text(), view)


async def read_first(
    toolbox: Toolbox, request: ReadRequest, ctx: Context[None, None], *, again: bool = False
) -> tuple[Reading, Document] | Job:
    """Return a paper, read now if it was not read before, or the job that is still reading it.

    again: read it even if it was read. Raises BadRequest, UnknownName, Unreadable, StorageFailed.
    """
    reader = reader_of(toolbox)
    if not again and (found := await in_thread(reader.find, request)) is not None:
        return found
    job = await in_thread(reader.start, request)
    job = await watch(toolbox.jobs, job.job_id, ctx, WAIT_SECONDS)
    return (await in_thread(reader.find, request) if _is_done(job) else None) or job


async def read_now(
    toolbox: Toolbox, paper: str, ctx: Context[None, None]
) -> tuple[Reading, Document]:
    """Return a paper like `read_first`. Raises NotReady while a job is still reading it."""
    found = await read_first(toolbox, ReadRequest(paper=paper), ctx)
    if isinstance(found, Job):
        raise NotReady(
            f"{paper} is still being read. Call wait_for_job with job_id={found.job_id!r}, then "
            "repeat this call."
        )
    return found


def _register_text_search(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="Search the text of papers",
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
            list[str] | None, Field(description="Only in these; default: all papers read so far")
        ] = None,
        match: Annotated[Match, Field(description="Require any or all of the words")] = "any",
        limit: Annotated[int, Field(ge=1, le=50)] = 10,
        cursor: Cursor = None,
    ) -> Annotated[CallToolResult, Hits]:
        """Search the text of papers that were read. Use it to find where a paper says something.

        Returns passages, best first: paper, section, page, chunk id, and the words around the hit
        (untrusted quotation). Next: read_paper with section=<chunk id> for the whole passage.
        """
        index = reader_of(toolbox).index(papers)
        hits = index.search(query, match=match, limit=limit, cursor=cursor)
        return answer(hits.text(), hits)


def _register_record(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="Record findings of a paper",
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=False,
    )
    def record_findings(
        paper: SamePaper,
        items: Annotated[
            list[Item], Field(description="Statements, each with its quote", max_length=MOST_ITEMS)
        ],
        replace: Annotated[
            bool, Field(description="Replace the record instead of adding the items to it")
        ] = False,
    ) -> Annotated[CallToolResult, RecordedFindings]:
        """Record a paper's methods, results and limits; every item is checked against its text.

        Use it after read_paper (part="candidates" proposes items). Each quote must appear in the
        paper, and each number of an item in its quote. An item that fails is refused with the
        reason and the nearest text; the others are stored. Returns the result per item, and what
        is still missing. Next: fix the refused items, then compare_papers.
        """
        own = reader_of(toolbox).reading(paper).paper
        recorded = records_of(toolbox).record(own, items, replace=replace)
        return answer(recorded.text(), recorded)


def _register_comparison(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="Compare papers",
        read_only=True,
        destructive=False,
        idempotent=True,
        open_world=False,
    )
    def compare_papers(
        papers: Annotated[list[str], Field(description="Ids", min_length=2, max_length=20)],
    ) -> Annotated[CallToolResult, RecordComparison]:
        """Put the records of papers side by side: methods, parameters, metrics, limitations.

        Needs record_findings for each paper first. Metrics are aligned by name, data set and
        model, each with its quote. Numbers of different papers were not measured in the same
        setting, and the answer says so. Next: search_papers for what is missing, or create_sandbox
        to measure.
        """
        reader, records = reader_of(toolbox), records_of(toolbox)
        found = compare_records({name: records.get(reader.reading(name).paper) for name in papers})
        return answer(found.text(), found)


def _candidates(document: Document) -> list[PaperItem]:
    # Imported here, because compiling its rules takes 20 ms, which would slow the server's start.
    from fumehood_tools.paper_records.candidates import candidate_items

    return candidate_items(document)


def _is_done(job: Job) -> bool:
    """Whether the job has read the paper. Raises Unreadable when the job has failed."""
    if job.status in ("failed", "lost", "cancelled"):
        raise Unreadable(job.error or f"Reading was {job.status}. Call read_paper again.")
    return job.status == "succeeded"
