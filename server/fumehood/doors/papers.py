"""The tool that searches for papers. `reading` declares the tools for their text."""

from typing import Annotated, Literal

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from fumehood.doors import reading
from fumehood.doors.arguments import Cursor
from fumehood.doors.library import search_of
from fumehood.doors.waiting import progress_from_thread
from fumehood.tooling import Toolbox, answer, in_thread
from fumehood_tools.papers.report import SearchResult
from fumehood_tools.papers.search_request import MOST_QUERY, AgentJudgement, SearchRequest
from fumehood_tools.papers.sources.model import SourceName

Year = Annotated[int | None, Field(ge=1900, le=2100)]


def register(toolbox: Toolbox) -> None:
    """Declare the tools for papers."""
    _register_search(toolbox)
    reading.register(toolbox)


def _register_search(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="Search papers",
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=True,
    )
    async def search_papers(
        query: Annotated[
            str,
            Field(min_length=1, max_length=MOST_QUERY, description="Technique, question or title"),
        ],
        ctx: Context[None, None],
        purpose: Annotated[
            str, Field(max_length=1000, description="Why you search; the judge reads it")
        ] = "",
        sources: Annotated[
            list[SourceName] | None, Field(description="Only these; default: all")
        ] = None,
        first_year: Year = None,
        last_year: Year = None,
        limit: Annotated[int, Field(ge=1, le=50)] = 10,
        cursor: Cursor = None,
        judgements: Annotated[
            list[AgentJudgement] | None,
            Field(description="Your own, by paper id; they override all others", max_length=50),
        ] = None,
        judge: Annotated[
            Literal["auto", "lexical"],
            Field(description="auto: Perplexity if its key is set, else by matching words"),
        ] = "auto",
        refresh: Annotated[
            bool, Field(description="Ignore answers cached in the last day")
        ] = False,
        bibtex: Annotated[bool, Field(description="Also return BibTeX for this page")] = False,
    ) -> Annotated[CallToolResult, SearchResult]:
        """Find papers: arXiv, Hugging Face, your library; with keys Perplexity, Exa and others.

        Use it before you write a variant, to see whether the idea exists. Asks all sources at
        once and merges duplicates. Returns papers, most relevant first, with id, abstract, code
        links, confidence (0 to 1), reasoning and judge; and the status of every source. A failed
        source is not evidence that nothing exists. May take 20 s, with a judge 40 s. Next: your own
        judgements (same query and purpose), or cursor.
        """
        if cursor is not None:
            page = await in_thread(search_of(toolbox).page, cursor, limit, bibtex=bibtex)
            return answer(page.text(), page)
        wish = SearchRequest(
            query=query,
            purpose=purpose,
            sources=tuple(sources or ()),
            first_year=first_year,
            last_year=last_year,
        )
        tell = progress_from_thread(ctx)

        found = await in_thread(
            search_of(toolbox).search,
            wish,
            limit=limit,
            judgements=judgements or (),
            judge=judge,
            refresh=refresh,
            bibtex=bibtex,
            on_answer=tell,
        )
        return answer(found.text(), found)
