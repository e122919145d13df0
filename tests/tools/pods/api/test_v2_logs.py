"""The log of a pod through REST v2: complete after cuts, and read within limits."""

import json
from collections.abc import Iterator

import httpx
import pytest
from fakes.pod_orders import GPU, Opened, ordered
from fakes.runpod import RunPod
from pydantic import SecretStr

from fumehood_tools.pods.api import LogLine, PodsFailed, ProviderBusy
from fumehood_tools.pods.api.v2 import RestPods
from fumehood_tools.pods.api.v2_logs import MOST_CUTS, MOST_LINES


def event(number: int, text: str, source: str = "container") -> bytes:
    """Return an event as the provider sends it."""
    data = json.dumps({"ts": "2026-11-30T00:00:00Z", "source": source, "line": text})
    return f"id: 2026-11-30T00:00:00Z/{number:012}\ndata: {data}\n\n".encode()


class Stream(httpx.SyncByteStream):
    """A body that is sent in parts, and then ends, is cut, or stays silent."""

    def __init__(self, *parts: bytes, end: type[httpx.TransportError] | None = None) -> None:
        self._parts, self._end = parts, end

    def __iter__(self) -> Iterator[bytes]:
        yield from self._parts
        if self._end is not None:
            raise self._end("the end of the stream")


class Provider:
    """Answers each request with the next stream, and notes where it was asked to resume."""

    def __init__(self, *streams: httpx.SyncByteStream) -> None:
        self._streams = list(streams)
        self.resumed: list[str | None] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.resumed.append(request.headers.get("last-event-id"))
        return httpx.Response(200, stream=self._streams.pop(0))

    def read(self) -> list[LogLine]:
        """Return the log through the adapter."""
        with httpx.Client(transport=httpx.MockTransport(self)) as client:
            return RestPods(client, "http://x/v2", SecretStr("key"), 5, 0.1).logs("pod")


def texts(lines: list[LogLine]) -> list[str]:
    return [line.text for line in lines]


def test_case_15_a_log_that_is_cut_is_resumed_without_loss_or_repetition() -> None:
    one, two, three = event(1, "one"), event(2, "two", "system"), event(3, "three ✓")
    provider = Provider(
        Stream(one[:20], one[20:], two + three[:30], end=httpx.ReadError),
        Stream(two, three, end=httpx.RemoteProtocolError),
        Stream(three, event(4, "three ✓"), end=httpx.ReadTimeout),
    )
    lines = provider.read()
    assert texts(lines) == ["one", "two", "three ✓", "three ✓"]
    assert [line.source for line in lines] == ["container", "system", "container", "container"]
    assert provider.resumed == [None, lines[1].id, lines[2].id]


def test_what_is_no_line_of_a_log_is_passed_over() -> None:
    odd = b": a comment\r\nretry: 5\r\n\r\nid: 7\r\ndata: no json\r\n\r\ndata: [1]\n\ndata:\n\n"
    split = b'id: 8\ndata: {"line":\ndata: "ok"}\n\n' + b'id: 9\ndata: {"line": "cut'
    assert texts(Provider(Stream(odd, split)).read()) == ["ok"]


def test_a_log_ends_at_its_limits() -> None:
    endless = (event(number, "x") for number in range(MOST_LINES + 100))
    assert len(Provider(Stream(*endless)).read()) == MOST_LINES
    cuts = [Stream(event(number, "x"), end=httpx.ReadError) for number in range(MOST_CUTS + 1)]
    assert len(Provider(*cuts).read()) == MOST_CUTS


def test_a_provider_that_gives_no_log_is_a_failure() -> None:
    def silent(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("nothing came")

    with httpx.Client(transport=httpx.MockTransport(silent)) as client:
        api = RestPods(client, "http://x/v2", SecretStr("key"), 0.1, 0.1)
        with pytest.raises(ProviderBusy):
            api.logs("pod")


@pytest.mark.child
def test_a_log_that_stays_open_is_read_so_far(opened: Opened, cloud: RunPod) -> None:
    api = opened("v2", cloud.url, cloud.key)
    made = api.create(ordered(), GPU)
    lines = api.logs(made.id)
    assert lines and texts(lines) == cloud.log(made.id)[: len(lines)]
    assert {line.source for line in lines} == {"system"}
    api.terminate(made.id)
    assert api.logs(made.id) == []


@pytest.mark.child
def test_a_log_is_asked_for_again_after_a_failure(opened: Opened, cloud: RunPod) -> None:
    api = opened("v2", cloud.url, cloud.key)
    made = api.create(ordered(), GPU)
    cloud.fault(on="logs", kind="500")
    assert api.logs(made.id)
    cloud.fault(on="logs", kind="429", retry_after=300, times=9)
    with pytest.raises(PodsFailed, match="Ask again in 300 s"):
        api.logs(made.id)
