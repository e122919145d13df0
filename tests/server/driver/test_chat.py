"""Requests to an OpenAI-compatible endpoint that fails in every way it can."""

import pytest
from fakes.chat_endpoint import ChatEndpoint, calls, says
from fakes.http_service import Fault, Kind

from fumehood.driver.chat import Chat, EndpointFailed
from fumehood.driver.limits import Limits, Meter, Usage
from fumehood_tools.errors import BadRequest

# The openai package asks the system for its name with a program.
pytestmark = [pytest.mark.anyio, pytest.mark.child]
ASKED = [{"role": "user", "content": "Go on."}]


def chat(endpoint: ChatEndpoint, **limits: float) -> Chat:
    """Return a chat that does not wait for long."""
    some = {"patience_minutes": 0.0, "answer_seconds": 0.3, **limits}
    return Chat(endpoint.url, "tiny", "secret", Limits(**some))


async def test_an_answer_has_its_tool_calls_and_tokens() -> None:
    with ChatEndpoint([calls(("read_study", {"study": "s"}))]) as endpoint:
        answer = await chat(endpoint, answer_seconds=30).ask(ASKED, [])
        assert answer.calls[0]["function"] == {"name": "read_study", "arguments": '{"study": "s"}'}
        assert answer.used == Usage(1000, 100)
        assert endpoint.service.log[0].headers["authorization"] == "Bearer secret"


async def test_tokens_that_are_not_reported_are_estimated_and_marked() -> None:
    with ChatEndpoint([says("Hello.")], tokens=None) as endpoint:
        used = (await chat(endpoint, answer_seconds=30).ask(ASKED, [])).used
        assert used.estimated
        assert used.input > 0


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "text", "text": "Go"}, {"type": "image"}, 5, {"text": ["x"]}], "Go"),
        (5, ""),
        ({"text": "no"}, ""),
        ("half \ud800 of a letter", "half ? of a letter"),
    ],
)
async def test_an_answer_of_another_form_is_read_as_text_that_can_be_sent_back(
    content: object, text: str
) -> None:
    strange = calls(("re\ud800ad" + "x" * 1_000, "\ud800"))
    with ChatEndpoint([{**strange, "content": content}]) as endpoint:
        answer = await chat(endpoint, answer_seconds=30).ask(ASKED, [])
        assert answer.message["content"] == text
        function = answer.calls[0]["function"]
        assert function["name"].startswith("re?ad") and len(function["name"]) == 200
        assert function["arguments"] == "?"
        await chat(endpoint, answer_seconds=30).ask([*ASKED, answer.message], [])


async def test_an_answer_that_is_too_long_or_has_too_many_calls_is_cut_short() -> None:
    many = calls(*[("list_jobs", {"limit": 1})] * 50)
    with ChatEndpoint([many, says("x" * 5_000_000)]) as endpoint:
        answer = await chat(endpoint, answer_seconds=30).ask(ASKED, [])
        assert len(answer.calls) == len(answer.message["tool_calls"]) == 32
        assert answer.left_out == 18
        with pytest.raises(EndpointFailed, match="more than 4,000,000 bytes"):
            await chat(endpoint, answer_seconds=30).ask(ASKED, [])


async def test_tokens_that_are_reported_as_zero_are_estimated_with_the_tools() -> None:
    tool = {"type": "function", "function": {"name": "read", "description": "Read it. " * 400}}
    with ChatEndpoint([says("Hello, here I am."), says("")], tokens=(0, 0)) as endpoint:
        talk = chat(endpoint, answer_seconds=30)
        used = (await talk.ask(ASKED, [tool])).used
        assert used.estimated and used.input > 1_000 and used.output > 5
        assert (await talk.ask(ASKED, [tool])).used.output == 0, "an empty answer"


@pytest.mark.parametrize("tokens", [(10**400, 1), (-5, 3), (True, 1), ("5", 6), (1.5, 2)])
async def test_tokens_that_cannot_be_are_estimated(tokens: tuple[int, int]) -> None:
    with ChatEndpoint([says("Hello.")], tokens=tokens) as endpoint:
        used = (await chat(endpoint, answer_seconds=30).ask(ASKED, [])).used
        assert used.estimated and 0 < used.input < 1_000


@pytest.mark.parametrize(
    "kind", ["html", "hang", "drip", "reset", "truncated", "garbage", "wrong_type"]
)
async def test_an_endpoint_that_gives_no_usable_answer_is_named_and_nothing_is_lost(
    kind: Kind,
) -> None:
    with ChatEndpoint([says("Hello.")]) as endpoint:
        endpoint.service.fault = Fault(kind)
        with pytest.raises(EndpointFailed, match="run the same command later"):
            await chat(endpoint).ask(ASKED, [])


async def test_an_endpoint_that_limits_the_rate_for_an_hour_is_not_asked_for_an_hour() -> None:
    with ChatEndpoint([says("Hello.")]) as endpoint:
        endpoint.service.fault = Fault("status", status=429, retry_after="3600")
        with pytest.raises(EndpointFailed, match="HTTP 429"):
            await chat(endpoint, patience_minutes=10).ask(ASKED, [])
        assert len(endpoint.service.log) == 1


async def test_an_endpoint_that_limits_the_rate_for_a_moment_is_asked_again() -> None:
    with ChatEndpoint([says("Hello.")]) as endpoint:
        endpoint.service.fault = Fault("status", status=429, times=1)
        answer = await chat(endpoint, patience_minutes=1, answer_seconds=30).ask(ASKED, [])
        assert answer.message["content"] == "Hello." and len(endpoint.service.log) == 2


@pytest.mark.parametrize(
    ("status", "remedy"), [(401, "OPENAI_API_KEY"), (404, "base-url"), (400, "tools")]
)
async def test_a_refusal_is_not_repeated_and_names_the_remedy(status: int, remedy: str) -> None:
    with ChatEndpoint([says("Hello.")]) as endpoint:
        endpoint.service.fault = Fault("status", status=status)
        with pytest.raises(EndpointFailed, match=remedy):
            await chat(endpoint, patience_minutes=10, answer_seconds=30).ask(ASKED, [])
        assert len(endpoint.service.log) == 1


async def test_a_key_that_the_endpoint_repeats_is_not_shown() -> None:
    with ChatEndpoint([says("Hello.")]) as endpoint:
        body = b'{"error": {"message": "bad key secret"}}'
        endpoint.service.fault = Fault("status", status=401, body=body)
        with pytest.raises(EndpointFailed) as refused:
            await chat(endpoint, answer_seconds=30).ask(ASKED, [])
        assert "secret" not in str(refused.value)
        assert "openai-organization" not in endpoint.service.log[0].headers


async def test_the_longest_answer_is_reserved_before_it_is_asked_for() -> None:
    limits = Limits(usd=0.01, input_price=1.0, output_price=1.0, answer_tokens=8_000)
    meter = Meter(limits, Usage(1_000, 1_000))
    assert meter.reached(0, 0.0) is None
    reached = meter.reached(1_000, 0.0)
    assert reached is not None
    assert "$0.0110" in reached


async def test_a_limit_on_cost_needs_prices() -> None:
    with pytest.raises(BadRequest, match="--input-price"):
        Limits(usd=1.0).checked()
