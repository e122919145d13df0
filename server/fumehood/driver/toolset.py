"""The tools of the server and of the workshop, as an OpenAI-compatible model sees them."""

import json
import time
from collections.abc import Callable
from typing import Any

from mcp import Client, MCPError

from fumehood.client import text_of
from fumehood.driver import workshop
from fumehood_tools.errors import FumehoodError
from fumehood_tools.quoting import quotable
from fumehood_tools.settings import Settings

MOST_RESULT = 24_000
_WAIT = "wait_for_job"
_GOING_ON = ("queued", "running")


class Toolset:
    """Offers tools to the model and runs them. A failure becomes the text of the result."""

    def __init__(
        self, settings: Settings, client: Client, may_wait: Callable[[], bool] = lambda: True
    ) -> None:
        """may_wait: whether there is time to wait for a job once more."""
        self._settings, self._client, self._may_wait = settings, client, may_wait
        self._names: set[str] = set()
        self._own = {name for name, _, _ in workshop.TOOLS}

    async def offered(self) -> list[dict[str, Any]]:
        """Return all tools in the form of the chat API."""
        served = (await self._client.list_tools()).tools
        self._names = {tool.name for tool in served}
        own = [
            _function(name, text, {"type": "object", "properties": fields, "required": [*fields]})
            for name, text, fields in workshop.TOOLS
        ]
        return [
            *(_function(tool.name, tool.description or "", tool.input_schema) for tool in served),
            *own,
        ]

    async def run(self, call: dict[str, Any]) -> str:
        """Run a call of the model and return the text of its result."""
        name, raw = call["function"]["name"], call["function"]["arguments"]
        try:
            arguments = json.loads(raw or "{}")
        except (ValueError, RecursionError) as error:
            return f"bad_request: the arguments are not JSON ({error}). Send a JSON object."
        if not isinstance(arguments, dict):
            return "bad_request: the arguments are not a JSON object. Send one."
        if name in self._own:
            try:
                return workshop.use(self._settings, name, arguments)
            except FumehoodError as error:
                return f"{error.code}: {error}"
        if name not in self._names:
            known = ", ".join(sorted(self._names | self._own))
            return f"unknown_name: there is no tool {name!r}. The tools are: {known}."
        return await self._served(name, arguments)

    async def _served(self, name: str, arguments: dict[str, Any]) -> str:
        """Call a tool of the server. Waiting for a job is repeated here, which costs no tokens."""
        while True:
            try:
                result = await self._client.call_tool(name, arguments)
            except MCPError as error:
                return f"error: {error.error.message}"
            content = result.structured_content or {}
            going_on = name == _WAIT and content.get("status") in _GOING_ON
            if not going_on or not self._may_wait():
                break
        text = quotable(text_of(result))
        if len(text) > MOST_RESULT:
            text = f"{text[:MOST_RESULT]}\n… (cut; ask for less, or for the next page)"
        return text


def _function(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    function = {"name": name, "description": description, "parameters": schema}
    return {"type": "function", "function": function}


def minutes_since(start: float) -> float:
    """Return the minutes since a value of time.monotonic()."""
    return (time.monotonic() - start) / 60.0
