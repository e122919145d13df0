"""Downloads are limited in size and time, fail with typed errors, and reach private networks only
if the settings allow it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.http_service import Fault, HttpService, Reply, Request

from fumehood_tools.web.downloads import Downloads
from fumehood_tools.web.model import SourceFailed, answer_within
from fumehood_tools.web.pacing import Pacer
from fumehood_tools.web.service import open_client


@pytest.fixture
def service() -> Iterator[HttpService]:
    def answer(request: Request) -> Reply:
        return Reply(b"%PDF-1.7 text of " + request.path.encode(), content_type="application/pdf")

    with HttpService(answer) as service:
        yield service


@pytest.fixture
def downloads(tmp_path: Path, service: HttpService) -> Iterator[Downloads]:
    client = open_client()
    yield Downloads(client, Pacer(tmp_path / "turns"), (service.url,))
    client.close()


def test_a_file_is_fetched_whole(
    downloads: Downloads, service: HttpService, tmp_path: Path
) -> None:
    found = downloads.fetch(f"{service.url}/a.pdf", tmp_path / "x" / "a", answer_within(9), 1000)
    assert found.path.read_bytes() == b"%PDF-1.7 text of /a.pdf"
    assert found.content_type == "application/pdf"


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault("status", status=404), "bad_answer"),
        (Fault("status", status=429, retry_after="9"), "rate_limited"),
        (Fault("status", status=500), "unavailable"),
        (Fault("truncated"), "unavailable"),
        (Fault("reset"), "unavailable"),
        (Fault("drip"), "timeout"),
        (Fault("hang"), "timeout"),
    ],
)
def test_a_download_that_fails_leaves_no_file(
    downloads: Downloads, service: HttpService, tmp_path: Path, fault: Fault, status: str
) -> None:
    service.fault = fault
    with pytest.raises(SourceFailed) as failed:
        downloads.fetch(f"{service.url}/a", tmp_path / "x" / "a", answer_within(1.2), 10**7)
    assert failed.value.status == status
    assert list((tmp_path / "x").iterdir() if (tmp_path / "x").exists() else []) == []


def test_a_file_that_is_too_large_is_cut_off(
    downloads: Downloads, service: HttpService, tmp_path: Path
) -> None:
    with pytest.raises(SourceFailed, match="larger than 10 bytes"):
        downloads.fetch(f"{service.url}/a", tmp_path / "a", answer_within(9), 10)


def _redirecting(service: HttpService, to: str) -> None:
    def answer(request: Request) -> Reply:
        if request.path == "/end":
            return Reply(b"the end")
        return Reply(b"", 302, f"text/plain\r\nLocation: {to}")

    service.answer = answer


def test_redirects_are_followed_but_not_for_ever(
    downloads: Downloads, service: HttpService, tmp_path: Path
) -> None:
    _redirecting(service, f"{service.url}/end")
    found = downloads.fetch(f"{service.url}/a", tmp_path / "a", answer_within(9), 1000)
    assert found.url == f"{service.url}/end"
    _redirecting(service, f"{service.url}/again")
    with pytest.raises(SourceFailed, match="redirects more than 5 times"):
        downloads.fetch(f"{service.url}/a", tmp_path / "b", answer_within(20), 1000)


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:9/secret",
        "http://[::1]:9/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://localhost:9/",
        "file:///etc/passwd",
        "ftp://example.org/x",
    ],
)
def test_no_address_of_this_network_is_asked_even_by_redirect(
    downloads: Downloads, service: HttpService, tmp_path: Path, target: str
) -> None:
    for url in (target, f"{service.url}/start"):
        _redirecting(service, target)
        with pytest.raises(SourceFailed) as failed:
            downloads.fetch(url, tmp_path / "a", answer_within(5), 1000)
        assert failed.value.status == "refused"
    assert not (tmp_path / "a").exists()
