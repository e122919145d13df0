"""A failure of one source becomes its status; the papers of all other sources are returned."""

from concurrent.futures import ThreadPoolExecutor

import exa_py  # noqa: F401  imported here so that its slow import does not use up a search's time
import pytest
from fakes.http_service import Fault
from fakes.paper_services import ATOM_ERROR, PaperServices

from fumehood_tools.papers.search_request import SearchRequest
from fumehood_tools.papers.sources.model import SourceStatus

SOURCES = ("arxiv", "hugging_face", "perplexity", "exa", "semantic_scholar", "openalex")
FAULTS = {
    "too many requests, with a time": (
        Fault("status", status=429, retry_after="40"),
        "rate_limited",
    ),
    "too many requests, without": (Fault("status", status=429), "rate_limited"),
    "out of order": (Fault("status", status=500), "unavailable"),
    "key refused": (Fault("status", status=401), "refused"),
    "request refused": (Fault("status", status=400), "bad_answer"),
    "an outage page at 200": (Fault("html"), "bad_answer"),
    "garbage": (Fault("garbage"), "bad_answer"),
    "another type": (Fault("wrong_type"), "bad_answer"),
    "cut off": (Fault("truncated"), "unavailable"),
    "reset": (Fault("reset"), "unavailable"),
    "silence": (Fault("hang"), "timeout"),
    "a byte now and then": (Fault("drip"), "timeout"),
}
SECONDS = 3.0


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_one_source_is_its_status_and_costs_no_other(fault: str, make_search) -> None:
    what, expected = FAULTS[fault]

    def search_with(broken: str) -> None:
        with PaperServices().running() as services:
            services[broken].fault = what
            search = make_search(services, name=broken, seconds=SECONDS)
            found = search.search(SearchRequest(query="sparse autoencoder"), judge="lexical")
        by_name = {it.name: it for it in found.sources}
        assert by_name[broken].status == expected, by_name[broken]
        assert by_name[broken].count == 0
        assert by_name[broken].error
        for other in set(SOURCES) - {broken}:
            assert by_name[other].status == "ok", by_name[other]
            assert by_name[other].count >= 2
        assert found.total == 4
        assert broken not in {name for paper in found.papers for name in paper.found_by}
        if what.retry_after and broken != "exa":  # exa-py discards Retry-After
            assert by_name[broken].retry_after == 40
            assert "40 s" in (by_name[broken].error or "")

    with ThreadPoolExecutor(len(SOURCES)) as pool:
        list(pool.map(search_with, SOURCES))


def test_when_every_source_fails_the_answer_says_that_nothing_is_known(make_search) -> None:
    with PaperServices().running() as services:
        for service in services.services.values():
            service.fault = Fault("status", status=503)
        search = make_search(services, seconds=1.0)
        found = search.search(SearchRequest(query="sparse autoencoder"))
    assert found.total == 0
    assert "may still exist" in found.text()
    assert {it.status for it in found.sources} == {"unavailable", "ok"}


def test_a_source_that_asks_for_a_second_is_asked_again_after_a_second(
    services: PaperServices, make_search
) -> None:
    services["openalex"].fault = Fault("status", status=429, retry_after="1", times=1)
    found = make_search(services).search(
        SearchRequest(query="sparse autoencoder", sources=("openalex",))
    )
    assert found.sources[0].status == "ok"
    first, second = (request.moment for request in services["openalex"].log)
    assert second - first >= 1.0


def test_a_source_that_asked_for_a_pause_is_left_alone_by_the_next_search(
    services: PaperServices, make_search
) -> None:
    services["exa"].fault = None
    services["openalex"].fault = Fault("status", status=429, retry_after="300")
    wish = SearchRequest(query="sparse autoencoder", sources=("openalex",))
    make_search(services).search(wish)
    again = make_search(services).search(wish)
    assert again.sources[0].status == "rate_limited"
    assert 200 < (again.sources[0].retry_after or 0) <= 300
    assert len(services["openalex"].log) == 1


def test_an_error_entry_of_arxiv_is_not_no_papers(services: PaperServices, make_search) -> None:
    services["arxiv"].fault = Fault("wrong_type", body=ATOM_ERROR.encode())
    found = make_search(services).search(SearchRequest(query="x y", sources=("arxiv",)))
    assert found.sources[0].status == "bad_answer"
    assert "incorrect id format" in (found.sources[0].error or "")


def test_one_entry_in_another_form_is_left_out_and_said(
    services: PaperServices, make_search
) -> None:
    entries = b'[{"paper": {"id": "2309.08600", "title": "Sparse things"}}, {"paper": 7}, 3]'
    services["hugging_face"].fault = Fault("wrong_type", body=entries)
    found = make_search(services).search(SearchRequest(query="sparse", sources=("hugging_face",)))
    assert [paper.title for paper in found.papers] == ["Sparse things"]
    assert found.sources[0].error == "2 of its entries could not be read."


def test_the_judge_may_fail_too_and_words_judge_instead(
    services: PaperServices, make_search
) -> None:
    services.verdict = {"judgements": [{"number": 1, "confidence": 7, "reasoning": "no"}, 3]}
    found = make_search(services).search(SearchRequest(query="sparse autoencoder"))
    assert {paper.judgement.judged_by for paper in found.papers if paper.judgement} == {"lexical"}
    services.verdict = 7
    found = make_search(services, name="other").search(SearchRequest(query="sparse autoencoder"))
    judge = _status(found.sources, "perplexity judge")
    assert judge.status == "bad_answer"
    assert {paper.judgement.judged_by for paper in found.papers if paper.judgement} == {"lexical"}


def _status(sources: list[SourceStatus], name: str) -> SourceStatus:
    return next(it for it in sources if it.name == name)
