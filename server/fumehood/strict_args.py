"""Arguments of a tool call: nothing unknown is accepted, and a refusal is readable.

The SDK drops unknown arguments without a word, so a misspelt `max_second=5` would run with the
default. Here the published schema forbids them (`additionalProperties: false`) and a call with
one is refused with the nearest known name, whichever protocol era the client speaks. Pydantic's
own complaint is shortened to one line per argument, without its links.

What it does not do: unknown keys *inside* an argument are the business of that argument's model.
"""

import difflib
from collections.abc import Collection
from typing import Any

from mcp.server.mcpserver.tools import Tool
from pydantic import ValidationError

MAX_ECHO = 80
"""Characters of a refused value that are repeated to the caller."""


def close_the_schema(tool: Tool) -> None:
    """Make the tool's published input schema closed, and drop what no agent needs to read.

    That is the titles that pydantic generates, and in output schemas the descriptions too: a
    result explains itself, and they were a fifth of the tool list.
    """
    arguments = tool.fn_metadata.arg_model
    arguments.model_config["extra"] = "forbid"
    arguments.model_rebuild(force=True)
    tool.parameters = without(("title",), arguments.model_json_schema(by_alias=True))
    output = tool.fn_metadata.output_schema
    if output is not None:
        tool.fn_metadata.output_schema = without(("title", "description"), output)


def without(keywords: Collection[str], schema: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON schema without some keywords; properties that are *named* so stay."""

    def clean(node: Any, *, names: bool = False) -> Any:
        if isinstance(node, list):
            return [clean(item) for item in node]
        if not isinstance(node, dict):
            return node
        return {
            key: clean(value, names=not names and key in ("properties", "$defs"))
            for key, value in node.items()
            if names or key not in keywords
        }

    cleaned: dict[str, Any] = clean(schema)
    return cleaned


def unknown_arguments(arguments: dict[str, Any], schema: dict[str, Any]) -> str | None:
    """Return a sentence about arguments that the schema does not know, None without any."""
    known = list(schema.get("properties", {}))
    strange = [name for name in arguments if name not in known]
    if not strange:
        return None
    named = []
    for name in strange:
        close = difflib.get_close_matches(name, known, n=1)
        named.append(f"{name[:MAX_ECHO]!r}" + (f" (did you mean {close[0]!r}?)" if close else ""))
    accepted = f"Accepted: {', '.join(known)}" if known else "This tool takes no arguments"
    return f"bad_request: Unknown argument {', '.join(named)}. {accepted}. Nothing was done."


def invalid_arguments(error: ValidationError) -> str:
    """Return pydantic's complaint as text for an agent: one line per argument, no links."""
    lines = []
    for problem in error.errors(include_url=False, include_context=False):
        where = ".".join(str(part) for part in problem["loc"]) or "arguments"
        given = "" if problem["type"] == "missing" else f" (got {_short(problem['input'])})"
        lines.append(f"{where}: {problem['msg']}{given}")
    return "bad_request: " + "; ".join(lines) + ". Nothing was done; fix it and call again."


def _short(value: Any) -> str:
    """Return a value as text of bounded length."""
    text = repr(value)
    return text if len(text) <= MAX_ECHO else text[: MAX_ECHO - 1] + "…"
