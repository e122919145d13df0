"""Look for a paper's code: gather candidates from all sources at once, and check each of them.

Costs one request per service, a page for each project page that the paper links, and two requests
and a small fetch per candidate (the first MOST_CHECKED). The list is stored, so that its other
pages cost nothing. Offline, only this machine is searched.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from fumehood_tools.codebases.asking import SERVICES, About, Named, Service
from fumehood_tools.codebases.author_pages import ask_pages
from fumehood_tools.codebases.links import (
    candidate_of,
    candidates_in,
    cleaned,
    pages_in,
    sighting_of,
)
from fumehood_tools.codebases.merging import in_order, key_of, merged
from fumehood_tools.codebases.model import Candidate, Sighting, Source, SourceReport
from fumehood_tools.codebases.nearby import Sought, in_clones, in_folders, in_packages
from fumehood_tools.codebases.parallel import in_parallel
from fumehood_tools.codebases.report import CodebaseList, shown
from fumehood_tools.codebases.statuses import Checker, is_rate_limit
from fumehood_tools.cursors import cursor_of, position_of
from fumehood_tools.deadlines import Deadline
from fumehood_tools.errors import BadRequest, FumehoodError, UnknownName
from fumehood_tools.files import digest_of
from fumehood_tools.papers.identity import arxiv_id
from fumehood_tools.papers.library import Library
from fumehood_tools.papers.services import Services
from fumehood_tools.reading.document import Document
from fumehood_tools.reading.reading import Reading
from fumehood_tools.repositories.address import read_address, without_credentials
from fumehood_tools.repositories.opening import local_path
from fumehood_tools.settings import Settings
from fumehood_tools.web.model import SourceFailed, answer_within

SOURCE_SECONDS = 15.0
CHECK_SECONDS = 25.0
SLACK_SECONDS = 20.0
MOST_CHECKED = 40
MOST_ASKED_GITHUB = 15
MOST_PARENTS = 5
KEPT_SECONDS = 7 * 24 * 3600.0
_LIST = "codebases "
_KEY_ADDS = {
    "GITHUB_TOKEN": "repositories whose README names the paper",
    "PERPLEXITY_API_KEY": "repositories found by a web search",
    "EXA_API_KEY": "repositories found by meaning",
}


class _Answer(NamedTuple):
    report: SourceReport
    candidates: list[Candidate]


class CodebaseFinder:
    """Finds the code of papers that were read in one workspace. Safe to share between threads."""

    def __init__(
        self,
        settings: Settings,
        library: Library,
        services: Services,
        *,
        source_seconds: float = SOURCE_SECONDS,
        check_seconds: float = CHECK_SECONDS,
    ) -> None:
        self._settings, self._library, self._services = settings, library, services
        self._source_seconds, self._check_seconds = source_seconds, check_seconds

    def find(
        self,
        reading: Reading,
        document: Document,
        *,
        also: Sequence[str] = (),
        limit: int = 20,
        tell: Callable[[str], None] = lambda _: None,
        deadline: Deadline | None = None,
    ) -> CodebaseList:
        """Return the first page of candidates. Raises BadRequest, StorageFailed.

        also: sources that the caller wants in the list. tell: called with progress. deadline: see
        `deadline`; its end stops the search, which then raises SourceFailed.
        """
        whole = deadline or self.deadline()
        own = [*self._given(also), *candidates_in(document)]
        about = self._about(reading, document)
        known = self._of_library(reading.paper)
        own += known
        answers = self._gather(about, document, own, tell, whole)
        candidates = merged([*own, *(one for it in answers for one in it.candidates)])
        candidates = self._checked(candidates, tell, whole)
        whole.left()
        counted = sum(any(it.source == "paper" for it in one.found) for one in candidates)
        reports = [
            SourceReport(name="paper", status="ok", count=counted),
            SourceReport(name="library", status="ok", count=len(known)),
        ]
        reports += [it.report for it in answers]
        name = f"{_LIST}{digest_of([reading.digest, time.time_ns()])}"
        self._library.keep(
            name,
            {
                "paper": reading.paper,
                "title": document.title,
                "candidates": [one.model_dump() for one in candidates],
                "sources": [it.model_dump() for it in reports],
            },
        )
        self._library.forget_kept(_LIST, KEPT_SECONDS)
        return self._page(name, 0, limit)

    def deadline(self) -> Deadline:
        """Return the time in which a search has ended, which begins now."""
        return Deadline(self._source_seconds + self._check_seconds + SLACK_SECONDS, _late)

    def page(self, cursor: str, limit: int = 20) -> CodebaseList:
        """Return another page of an earlier list. Raises BadRequest."""
        name, offset = position_of(cursor, "codebases", 2)
        return self._page(str(name), offset, limit)

    def _page(self, name: str, offset: int, limit: int) -> CodebaseList:
        kept = self._library.kept(name) if name.startswith(_LIST) else None
        if kept is None:
            raise BadRequest("This list is no longer stored. Call find_codebases without a cursor.")
        content = kept[0]
        everything = [Candidate.model_validate(it) for it in content["candidates"]]
        page = everything[offset : offset + limit]
        end = offset + len(page)
        return CodebaseList(
            paper=content["paper"],
            title=content["title"],
            candidates=shown(page),
            first=offset + 1 if page else 0,
            total=len(everything),
            next_cursor=cursor_of("codebases", name, end) if end < len(everything) else None,
            sources=[SourceReport.model_validate(it) for it in content["sources"]],
            cost_usd=round(sum(it["cost_usd"] for it in content["sources"]), 6),
        ).in_words()

    def _given(self, also: Sequence[str]) -> list[Candidate]:
        """Return the candidates that the caller names. Raises BadRequest for what is none."""
        found = []
        for text in map(without_credentials, also):
            seen = Sighting(source="you", how="named by you", url=cleaned(text)[:500], weight=0.5)
            one = candidate_of(text, seen)
            if one is None and text.startswith("pkg:"):
                one = Candidate(source=text, kind="package", found=[seen])
            if one is None and local_path(text, self._settings.workspace) is not None:
                detail = "It is on this machine."
                one = Candidate(
                    source=text, kind="folder", status="local", detail=detail, found=[seen]
                )
            found.append(one or _at_address(text, seen))
        return found

    def _about(self, reading: Reading, document: Document) -> About:
        ids = [reading.paper]
        try:
            known = self._library.find(reading.paper)
            ids += [known.arxiv or "", *known.own_ids()]
        except UnknownName:
            pass
        found = next((it for it in map(arxiv_id, filter(None, ids)) if it), "")
        return About(document.title or reading.title, found, tuple(document.authors))

    def _of_library(self, paper: str) -> list[Candidate]:
        try:
            links = self._library.find(paper).code
        except UnknownName:
            return []
        seen = [
            (url, sighting_of("library", "code link in the library", url, "", 0.6)) for url in links
        ]
        return [one for url, it in seen if (one := candidate_of(url, it)) is not None]

    def _gather(
        self,
        about: About,
        document: Document,
        own: Sequence[Candidate],
        tell: Callable[[str], None],
        whole: Deadline,
    ) -> list[_Answer]:
        """Ask all other sources at once."""
        deadline = Deadline(self._source_seconds, _late, within=whole)
        sought, settings = Sought(about, own), self._settings
        pages = pages_in(document)
        calls: dict[Source, Callable[[], Named]] = {}
        early: list[_Answer] = []
        for service in SERVICES:
            if (answer := self._without_asking(service)) is not None:
                early.append(answer)
            else:
                calls[service.name] = partial(self._ask, service, about)
        if pages and settings.offline:
            early.append(_failed("author_pages", "offline", "Offline mode is on."))
        elif pages:
            limit = answer_within(self._source_seconds)
            calls["author_pages"] = partial(ask_pages, pages, self._services.downloads(), limit)
        calls["clones"] = partial(in_clones, sought, settings)
        calls["packages"] = partial(in_packages, sought, document)
        calls["folders"] = partial(in_folders, sought, settings, deadline)
        names = list(calls)
        late = f"It did not answer within {self._source_seconds:.0f} s. Try again later."
        answers = in_parallel(
            [partial(_asked, name, calls[name]) for name in names],
            deadline,
            lambda number: _failed(names[number], "timeout", late),
            at_once=len(names),
            on_done=lambda it: tell(f"{it.report.name}: {it.report.status}"),
        )
        return [*answers, *early]

    def _without_asking(self, service: Service) -> _Answer | None:
        if self._settings.offline:
            return _failed(service.name, "offline", "Offline mode is on, so no request was sent.")
        if service.key and not self._services.has_key(service.key):
            adds = _KEY_ADDS[service.key]
            return _failed(service.name, "no_key", f"Set {service.key} to get {adds}.")
        return None

    def _ask(self, service: Service, about: About) -> Named:
        web = self._services.web(service.pace)
        return service.ask(about, web, answer_within(self._source_seconds))

    def _checked(
        self, candidates: list[Candidate], tell: Callable[[str], None], whole: Deadline
    ) -> list[Candidate]:
        """Return the candidates with their statuses; those that became one are merged."""
        if self._settings.offline:
            offline = "Offline mode is on, so its host was not asked."
            return [_unchecked(one, offline) for one in candidates]
        time_left = Deadline(self._check_seconds, _late, within=whole)
        checker = Checker(self._settings, self._services, time_left)
        open_ones = [one for one in candidates if one.status == "not_checked"][:MOST_CHECKED]
        done = self._asked_hosts(checker, open_ones, tell)
        parents = _parents(done, candidates)
        candidates, open_ones = [*candidates, *parents], [*open_ones, *parents]
        done += self._asked_hosts(checker, parents, tell)
        by_key = {key_of(one.source): it for one, it in zip(open_ones, done, strict=True)}
        skipped = f"Only the first {MOST_CHECKED} are checked. Validate it to see what it is."
        everything = [
            by_key.get(key_of(one.source)) or _unchecked(one, skipped) for one in candidates
        ]
        return in_order(merged(everything))

    def _asked_hosts(
        self, checker: Checker, candidates: list[Candidate], tell: Callable[[str], None]
    ) -> list[Candidate]:
        late = f"Its host did not answer within {self._check_seconds:.0f} s. Try again later."
        update = {"status": "unreachable", "detail": late}
        return in_parallel(
            [
                partial(checker.check, one, asks_github=place < MOST_ASKED_GITHUB)
                for place, one in enumerate(candidates)
            ],
            checker.deadline,
            lambda number: candidates[number].model_copy(update=update),
            on_done=lambda it: tell(f"{it.source}: {it.status}"),
        )


def _parents(checked: Sequence[Candidate], known: Sequence[Candidate]) -> list[Candidate]:
    """Return the repositories that candidates are forks of, if they are no candidates yet."""
    keys = {key_of(one.source) for one in (*checked, *known)}
    found: dict[str, Candidate] = {}
    for one in checked:
        if one.fork_of and (key := key_of(one.fork_of)) not in keys:
            seen = sighting_of("github", f"{one.source} is a fork of it", one.fork_of, "", 0.3)
            found.setdefault(key, Candidate(source=one.fork_of, found=[seen]))
    return list(found.values())[:MOST_PARENTS]


def _unchecked(one: Candidate, why: str) -> Candidate:
    if one.status != "not_checked":
        return one
    copy = " A copy is in the cache." if one.cached else ""
    return one.model_copy(update={"detail": one.detail or why + copy})


def _asked(name: Source, call: Callable[[], Named]) -> _Answer:
    """Return what a source names; a failure is a status, never an empty list."""
    began = time.monotonic()
    try:
        named = call()
    except SourceFailed as failed:
        if name == "github" and is_rate_limit(failed):
            return _failed(name, "rate_limited", "GitHub's limit is reached. Try again later.")
        return _failed(name, failed.status, str(failed))
    except FumehoodError as failed:
        return _failed(name, "unavailable", str(failed))
    seconds = round(time.monotonic() - began, 2)
    report = SourceReport(
        name=name,
        status="ok",
        count=len({key_of(one.source) for one in named.candidates}),
        seconds=seconds,
        cost_usd=named.cost_usd,
    )
    return _Answer(report, named.candidates)


def _failed(name: Source, status: str, text: str) -> _Answer:
    report = SourceReport.model_validate({"name": name, "status": status, "error": text})
    return _Answer(report, [])


def _late() -> SourceFailed:
    return SourceFailed("timeout", "It did not answer in time. Try again later.")


def _at_address(text: str, seen: Sighting) -> Candidate:
    """Return the repository at an address of any host. Raises BadRequest."""
    try:
        address = read_address(text)
    except BadRequest as error:
        raise BadRequest(
            f"{text[:120]!r} in also is no repository, package or folder. Pass "
            "https://host/owner/name, owner/name, pkg:NAME or a path."
        ) from error
    return Candidate(source=address.page, found=[seen])
