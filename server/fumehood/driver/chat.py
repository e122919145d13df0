"""One request to an OpenAI-compatible endpoint (`/chat/completions`), with its failures.

The `openai` package sends it. The key is sent to the endpoint only, and never written.
"""

import json
import time
from typing import Any, NamedTuple

import anyio

from fumehood.driver.limits import Limits, Usage, tokens_in
from fumehood_tools.errors import FumehoodError, PartMissing
from fumehood_tools.quoting import one_line

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0
MOST_BYTES = 4_000_000
"""Of one answer. Far more than its tokens can have, so what is longer is no answer of a model."""
MOST_CALLS = 32
"""Tool calls of one answer that are made; limits are checked between answers."""
_LONGEST_NAME = 200
_MOST_TOKENS = 10**9


class EndpointFailed(FumehoodError):
    """The endpoint gave no usable answer. The drive can be continued later."""

    code = "endpoint_failed"


class Answer(NamedTuple):
    """The model's answer: the message as it is kept, its tool calls, and its tokens.

    left_out: tool calls beyond MOST_CALLS, which are not in the message either.
    """

    message: dict[str, Any]
    calls: list[dict[str, Any]]
    used: Usage
    left_out: int = 0


class Chat:
    """Asks one model. Failures that may pass are tried again for the patience of the limits."""

    def __init__(self, base_url: str, model: str, key: str, limits: Limits) -> None:
        """key: "" if the endpoint needs none. Raises PartMissing without the openai package."""
        try:
            from openai import AsyncOpenAI, Omit
        except ImportError as error:
            raise PartMissing("openai", "pip install openai", "it talks to the model") from error
        self.model, self._limits, self._key = model, limits, key
        # The package would also send the user's OpenAI organization and project, to any endpoint.
        unsent = {"OpenAI-Organization": Omit(), "OpenAI-Project": Omit()}
        self._client: AsyncOpenAI = AsyncOpenAI(
            base_url=base_url,
            api_key=key or "none",
            max_retries=0,
            timeout=limits.answer_seconds,
            default_headers=unsent,  # type: ignore[arg-type]
        )

    async def ask(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Answer:
        """Return the model's answer. Raises EndpointFailed with what to do next."""
        import httpx
        import openai

        give_up = time.monotonic() + 60.0 * self._limits.patience_minutes
        pause = FIRST_PAUSE
        while True:
            try:
                # The package's own timeout is for each read, so a slow trickle would never end.
                with anyio.fail_after(self._limits.answer_seconds):
                    return await self._once(messages, tools)
            except openai.APIStatusError as error:
                if error.status_code not in (408, 409, 429) and error.status_code < 500:
                    raise EndpointFailed(self._refused(error.status_code, error.message)) from error
                wait, why = (
                    _wait_of(error.response.headers.get("retry-after"), pause),
                    (f"HTTP {error.status_code}"),
                )
            except (openai.APITimeoutError, httpx.TimeoutException, TimeoutError):
                wait, why = pause, f"no answer within {self._limits.answer_seconds:g} s"
            except (openai.APIConnectionError, httpx.HTTPError) as error:
                cause = error if isinstance(error, httpx.HTTPError) else error.__cause__
                wait, why = pause, f"the connection failed ({type(cause).__name__})"
            except _Unusable as error:
                wait, why = pause, str(error)
            if time.monotonic() + wait > give_up:
                raise EndpointFailed(
                    f"The endpoint gave no usable answer for {self._limits.patience_minutes:g} "
                    f"minutes (last: {why}). Nothing is lost: run the same command later to go on."
                )
            await anyio.sleep(wait)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _refused(self, status: int, message: str) -> str:
        other = "Choose a model that supports tools and has a larger context."
        said = one_line(message)[:300]
        if self._key:
            said = said.replace(self._key, "[key]")
        remedy = _REMEDIES.get(status, other)
        return f"The endpoint refused the request (HTTP {status}: {said}). {remedy}"

    async def _once(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Answer:
        import openai

        try:
            async with self._client.chat.completions.with_streaming_response.create(
                model=self.model,
                messages=messages,  # type: ignore[arg-type]
                tools=tools,  # type: ignore[arg-type]
                max_tokens=self._limits.answer_tokens,
            ) as found:
                body = bytearray()
                async for block in found.iter_bytes():
                    body += block
                    if len(body) > MOST_BYTES:
                        raise _Unusable(f"its answer has more than {MOST_BYTES:,} bytes")
            content = json.loads(body)
        except (openai.APIResponseValidationError, ValueError, RecursionError) as error:
            raise _Unusable("its answer is not JSON") from error
        return _answer(content, [*messages, *tools])


_REMEDIES = {
    401: "Check the key in OPENAI_API_KEY.",
    402: "The account has no credit left.",
    403: "The key may not use this model.",
    404: "Check --base-url (it usually ends with /v1) and --model.",
}


class _Unusable(Exception):
    """An answer with status 200 that is not a chat completion."""


def _answer(content: Any, asked: list[dict[str, Any]]) -> Answer:
    """Return the answer in a chat completion. Raises _Unusable."""
    try:
        said = content["choices"][0]["message"]
        text = _text(said.get("content"))
        wanted = [_call(call, at) for at, call in enumerate(said.get("tool_calls") or ())]
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise _Unusable("its answer is not a chat completion") from error
    calls = wanted[:MOST_CALLS]
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = calls
    used = _usage(content.get("usage"), asked, message)
    return Answer(message, calls, used, len(wanted) - len(calls))


def _text(content: Any) -> str:
    """Return the text of a message. Some endpoints send it in parts."""
    if isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, dict))
        return "\n".join(_sendable(part) for part in parts if isinstance(part, str))
    return _sendable(content) if isinstance(content, str) else ""


def _sendable(text: str) -> str:
    """Return the text with unpaired surrogates replaced: JSON allows them, but UTF-8 does not."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _call(call: dict[str, Any], at: int) -> dict[str, Any]:
    """Return a tool call in the form in which it is sent back."""
    function = call["function"]
    arguments = function.get("arguments")
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments if arguments is not None else {})
    return {
        "id": _sendable(str(call.get("id") or f"call_{at}"))[:_LONGEST_NAME],
        "type": "function",
        "function": {
            "name": _sendable(str(function["name"]))[:_LONGEST_NAME],
            "arguments": _sendable(arguments),
        },
    }


def _usage(said: Any, asked: list[dict[str, Any]], message: dict[str, Any]) -> Usage:
    """Return the tokens that the endpoint reports; an estimate of what it does not.

    0 is no report: a request always has tokens, and an answer if it says anything. With 0 the cost
    would never reach its limit. asked: messages and tools.
    """
    found = said if isinstance(said, dict) else {}
    read, written = _count(found.get("prompt_tokens")), _count(found.get("completion_tokens"))
    if written == 0 and (message["content"] or "tool_calls" in message):
        written = None
    return Usage(
        read or tokens_in(json.dumps(asked)),
        tokens_in(json.dumps(message)) if written is None else written,
        estimated=not read or written is None,
    )


def _count(value: Any) -> int | None:
    """Return a number of tokens; None if it cannot be one."""
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else None


def _wait_of(retry_after: str | None, pause: float) -> float:
    """Return the seconds to wait: those that the endpoint asks for, at least our own pause."""
    try:
        return max(pause, float(retry_after or 0))
    except ValueError:
        return pause
