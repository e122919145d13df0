"""An OpenAI-compatible endpoint on loopback that plays a scripted model.

with ChatEndpoint([calls(("read_study", {"study": "s"})), says("Done?")]) as endpoint:
    ... endpoint.url ...
    endpoint.service.log  # every request with its body
When the script is at its end, the last answer is repeated.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, Self

from fakes.http_service import HttpService, Reply, Request

Script = Callable[[list[dict[str, Any]]], dict[str, Any]] | dict[str, Any]


def says(text: str) -> dict[str, Any]:
    """Return an answer without tool calls."""
    return {"role": "assistant", "content": text}


def calls(*wanted: tuple[str, Any]) -> dict[str, Any]:
    """Return an answer that calls tools. Arguments that are a text are sent as they are."""
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": f"call_{at}_{name}",
                "type": "function",
                "function": {
                    "name": name,
                    "arguments": given if isinstance(given, str) else json.dumps(given),
                },
            }
            for at, (name, given) in enumerate(wanted)
        ],
    }


class ChatEndpoint:
    """Plays a script, one entry per request; an entry may be a function of the messages."""

    def __init__(self, script: Sequence[Script], *, tokens: tuple[int, int] | None = (1000, 100)):
        """tokens: what it reports as input and output of each answer; None: it reports nothing."""
        self.script, self.tokens, self.asked = list(script), tokens, 0
        self.service = HttpService(self._answer, keep_alive=False)

    @property
    def url(self) -> str:
        """The base URL."""
        return f"{self.service.url}/v1"

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """The bodies of all requests."""
        return [request.body for request in self.service.log]

    def __enter__(self) -> Self:
        self.service.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.service.__exit__()

    def _answer(self, request: Request) -> Reply:
        if request.method != "POST" or request.path != "/v1/chat/completions":
            return Reply.of({"error": {"message": "not found"}}, 404)
        entry = self.script[min(self.asked, len(self.script) - 1)]
        self.asked += 1
        message = entry(request.body["messages"]) if callable(entry) else entry
        content: dict[str, Any] = {
            "id": f"chatcmpl-{self.asked}",
            "object": "chat.completion",
            "created": 0,
            "model": request.body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        }
        if self.tokens:
            read, written = self.tokens
            content["usage"] = {
                "prompt_tokens": read,
                "completion_tokens": written,
                "total_tokens": 0,
            }
        return Reply.of(content)
