"""Search for papers: ask all sources in parallel, then merge, judge, rank, store and page.

A search costs one request per source (arXiv: two if the first finds little), and one request per
twelve papers if Perplexity judges them. Answers are cached in the library for a day, per source;
failures are not cached. Every paper that was found is stored, so a search without a network still
finds it.
"""

import time
from collections.abc import Callable, Sequence
from typing import Literal, get_args

from fumehood_tools.cursors import cursor_of, position_of
from fumehood_tools.errors import BadRequest
from fumehood_tools.files import digest_of
from fumehood_tools.papers.bibtex import write_bibtex
from fumehood_tools.papers.fan_out import SourceResult, ask_all
from fumehood_tools.papers.judging import judge_with_perplexity
from fumehood_tools.papers.library import Library
from fumehood_tools.papers.local_files import take_in
from fumehood_tools.papers.paper import TRUST, Judgement, Paper
from fumehood_tools.papers.ranking import Ranker, lexical_judgements
from fumehood_tools.papers.report import SearchResult, shown
from fumehood_tools.papers.search_request import AgentJudgement, SearchRequest
from fumehood_tools.papers.services import Services
from fumehood_tools.papers.sources.model import Query, SourceName, SourceStatus
from fumehood_tools.papers.sources.remote import REMOTE
from fumehood_tools.settings import Settings

SOURCE_SECONDS = 20.0
JUDGE_SECONDS = 18.0
FRESH_SECONDS = 24 * 3600.0
KEPT_SECONDS = 7 * 24 * 3600.0
FETCHED = 25
KEY_ADDS = {
    "PERPLEXITY_API_KEY": "academic web search, and a judge that gives reasons",
    "EXA_API_KEY": "search by meaning in publications",
    "SEMANTIC_SCHOLAR_API_KEY": "citation counts and venues",
    "OPENALEX_API_KEY": "works outside computer science; the key is free",
}
_NAMES: tuple[str, ...] = get_args(SourceName)


class PaperSearch:
    """Runs the paper searches of one workspace. Safe to share between threads."""

    def __init__(
        self,
        settings: Settings,
        library: Library,
        services: Services,
        *,
        source_seconds: float = SOURCE_SECONDS,
        judge_seconds: float = JUDGE_SECONDS,
    ) -> None:
        self._settings, self._library, self._services = settings, library, services
        self._source_seconds, self._judge_seconds = source_seconds, judge_seconds

    def close(self) -> None:
        """Close the library and all connections."""
        self._library.close()
        self._services.close()

    def search(
        self,
        wish: SearchRequest,
        *,
        limit: int = 10,
        judgements: Sequence[AgentJudgement] = (),
        judge: Literal["auto", "lexical"] = "auto",
        refresh: bool = False,
        bibtex: bool = False,
        on_answer: Callable[[str], None] = lambda _: None,
    ) -> SearchResult:
        """Return the first page of results. Raises BadRequest, UnknownName, StorageFailed.

        judgements: the caller's own, which override all others. judge: "lexical" makes no request.
        refresh: ignore cached answers. on_answer: called with a status line for every source as
        soon as it answers.
        """
        if not wish.query.strip():
            raise BadRequest("The query is empty. Pass the words to search for.")
        if wish.first_year and wish.last_year and wish.first_year > wish.last_year:
            raise BadRequest(
                f"first_year={wish.first_year} is after last_year={wish.last_year}. Swap them."
            )
        self._take_judgements(wish, judgements)
        outcomes = self._gather(wish, refresh, on_answer)
        papers = self._library.remember(paper for it in outcomes for paper in it.papers)
        papers = [paper for paper in papers if _query(wish).covers(paper.year)]
        statuses = [it.status for it in outcomes]
        if papers:
            papers, verdict = self._judged(wish, papers, judge)
            statuses += [verdict] if verdict else []
        name = f"search {digest_of([wish.model_dump(), time.time_ns()])}"
        self._library.keep(
            name,
            {
                "wish": wish.model_dump(),
                "papers": [paper.model_dump() for paper in papers],
                "sources": [it.model_dump() for it in statuses],
            },
        )
        self._library.forget_kept("search ", KEPT_SECONDS)
        return self._page(name, 0, limit, bibtex)

    def page(self, cursor: str, limit: int = 10, *, bibtex: bool = False) -> SearchResult:
        """Return another page of an earlier search. Raises BadRequest."""
        name, offset = position_of(cursor, "search", 2)
        return self._page(str(name), offset, limit, bibtex)

    def _page(self, name: str, offset: int, limit: int, bibtex: bool) -> SearchResult:
        found = self._library.kept(name) if name.startswith("search ") else None
        if found is None:
            raise BadRequest(
                "The results of this search are no longer stored. Search again without a cursor."
            )
        content, _ = found
        everything = [Paper.model_validate(paper) for paper in content["papers"]]
        page = everything[offset : offset + limit]
        end = offset + len(page)
        return SearchResult(
            query=content["wish"]["query"],
            purpose=content["wish"]["purpose"],
            papers=shown(page),
            first=offset + 1 if page else 0,
            total=len(everything),
            next_cursor=cursor_of("search", name, end) if end < len(everything) else None,
            sources=[SourceStatus.model_validate(it) for it in content["sources"]],
            cost_usd=round(sum(it["cost_usd"] for it in content["sources"]), 6),
            bibtex=write_bibtex(page) if bibtex else None,
        ).in_words()

    def _take_judgements(self, wish: SearchRequest, judgements: Sequence[AgentJudgement]) -> None:
        if not judgements:
            return
        self._library.judge(
            wish.question,
            [
                (
                    self._library.find(it.id).id,
                    Judgement(confidence=it.confidence, reasoning=it.reasoning, judged_by="agent"),
                )
                for it in judgements
            ],
        )

    def _gather(
        self, wish: SearchRequest, refresh: bool, on_answer: Callable[[str], None]
    ) -> list[SourceResult]:
        """Return one result per requested source, or per source if the request names none."""
        outcomes: dict[str, SourceResult] = {}
        to_ask = []
        for source in REMOTE:
            if wish.sources and source.name not in wish.sources:
                continue
            if (early := self._without_asking(wish, source.name, source.key, refresh)) is not None:
                outcomes[source.name] = early
            else:
                to_ask.append(source)
        answered = ask_all(
            to_ask,
            _query(wish),
            self._services.web_of,
            seconds=self._source_seconds,
            on_answer=lambda it: on_answer(f"{it.status.name}: {it.status.status}"),
        )
        for outcome in answered:
            outcomes[outcome.status.name] = outcome
            if outcome.status.status == "ok":
                self._keep_answer(wish, outcome)
        if not wish.sources or "library" in wish.sources:
            outcomes["library"] = self._look_into_library(wish)
        return [outcomes[name] for name in _NAMES if name in outcomes]

    def _without_asking(
        self, wish: SearchRequest, name: SourceName, key: str | None, refresh: bool
    ) -> SourceResult | None:
        """Return the result if no request is needed (cached, no key, offline), else None."""
        kept = None if refresh else self._library.kept(_cache_name(wish, name))
        if kept is not None and kept[1] < FRESH_SECONDS:
            content, age = kept
            papers = [Paper.model_validate(paper) for paper in content["papers"]]
            status = SourceStatus.model_validate(content["status"])
            update = {"cached_s": round(age, 1), "cost_usd": 0.0, "seconds": 0.0}
            return SourceResult(status.model_copy(update=update), papers)
        if self._settings.offline:
            text = "Offline mode is on, so no request was sent."
            return SourceResult(SourceStatus(name=name, status="offline", error=text), [])
        if key is not None and not self._services.has_key(key):
            text = f"Set {key} to get {KEY_ADDS[key]}."
            return SourceResult(SourceStatus(name=name, status="no_key", error=text), [])
        return None

    def _keep_answer(self, wish: SearchRequest, outcome: SourceResult) -> None:
        self._library.keep(
            _cache_name(wish, outcome.status.name),
            {
                "papers": [paper.model_dump() for paper in outcome.papers],
                "status": outcome.status.model_dump(),
            },
        )
        self._library.forget_kept("answer ", KEPT_SECONDS)

    def _look_into_library(self, wish: SearchRequest) -> SourceResult:
        began = time.monotonic()
        settings = self._settings
        notes = take_in(self._library, [settings.papers, *settings.library], settings.workspace)
        query = _query(wish)
        found = [it for it in self._library.candidates(wish.query) if query.covers(it.year)]
        ranker = Ranker(found)
        best = [found[place] for place in ranker.order(wish.query)[: query.limit]]
        status = SourceStatus(
            name="library",
            status="ok",
            count=len(best),
            seconds=round(time.monotonic() - began, 2),
            error=" ".join(notes[:5]) or None,
        )
        return SourceResult(status, best)

    def _judged(
        self, wish: SearchRequest, papers: list[Paper], judge: Literal["auto", "lexical"]
    ) -> tuple[list[Paper], SourceStatus | None]:
        """Return the papers with their judgments, best first, and the status of the judge."""
        said = self._library.judgements(wish.question)
        by_words = lexical_judgements(wish.query, wish.purpose, papers)
        best = {paper.id: it for paper, it in zip(papers, by_words, strict=True)}
        for paper in papers:
            for name in (paper.id, *paper.aliases):
                for it in said.get(name, ()):
                    best[paper.id] = _better(best[paper.id], it)
        verdict = None
        open_ones = [paper for paper in papers if best[paper.id].judged_by == "lexical"]
        if judge == "auto" and open_ones and self._services.may_judge():
            asked = judge_with_perplexity(
                wish.query,
                wish.purpose,
                sorted(open_ones, key=lambda it: -best[it.id].confidence),
                self._services.judge_web(),
                seconds=self._judge_seconds,
            )
            self._library.judge(wish.question, list(asked.by_id.items()))
            best.update(asked.by_id)
            verdict = asked.status
        order = sorted(
            enumerate(papers),
            key=lambda it: (-best[it[1].id].confidence, -by_words[it[0]].confidence, it[1].id),
        )
        return [
            paper.model_copy(update={"judgement": best[paper.id]}) for _, paper in order
        ], verdict


def _better(one: Judgement, other: Judgement) -> Judgement:
    """Return the judgment by the more trusted judge, or the more confident of two by the same."""
    return max(one, other, key=lambda it: (TRUST[it.judged_by], it.confidence))


def _query(wish: SearchRequest) -> Query:
    return Query(wish.query, FETCHED, wish.first_year, wish.last_year)


def _cache_name(wish: SearchRequest, name: str) -> str:
    query = _query(wish)
    parts = [name, query.text, query.limit, query.first_year, query.last_year]
    return f"answer {digest_of(parts)}"
