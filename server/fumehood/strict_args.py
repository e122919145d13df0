"""Refuse unknown arguments of a tool call, with readable messages.

The SDK silently drops unknown arguments, so a misspelled `max_second=5` would run with the default.
Here the published schema forbids them (`additionalProperties: false`), and a call with one is
refused with the nearest known name, whatever protocol version the client uses. Pydantic's error
message is shortened to one line per argument, without links.

Not covered: unknown keys *inside* an argument, which are up to the argument's model.
"""

import difflib
import json
from typing import Any

from mcp.server.mcpserver.tools import Tool
from pydantic import ValidationError

from fumehood.schema_forms import input_form, open_form, output_form

MAX_ECHO = 80
"""Characters of a refused value that the message quotes."""


def close_the_schema(tool: Tool, *, plain: bool = False) -> None:
    """Forbid unknown arguments, and publish the tool's schemas in forms that most hosts understand.

    plain: for hosts that fail on `additionalProperties` or on output schemas, leave these out.
    The refusal itself is `unknown_arguments`, which the server asks before every call. The SDK's
    model of the arguments is left as it is, because building it once more takes time.
    """
    published = input_form(tool.parameters)
    tool.parameters = open_form(published) if plain else published
    output = tool.fn_metadata.output_schema
    if output is not None:
        tool.fn_metadata.output_schema = None if plain else output_form(output)


def unknown_arguments(arguments: dict[str, Any], schema: dict[str, Any]) -> str | None:
    """Return an error message that names the arguments not in the schema; None without any."""
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
    """Return pydantic's error as a message for an agent, without links."""
    lines = []
    for problem in error.errors(include_url=False, include_context=False):
        where = ".".join(str(part) for part in problem["loc"]) or "arguments"
        given = "" if problem["type"] == "missing" else f" (got {_short(problem['input'])})"
        lines.append(f"{where}: {problem['msg']}{given}")
    return "bad_request: " + "; ".join(lines) + ". Nothing was done; fix it and call again."


def _short(value: Any) -> str:
    """Return a value as JSON, as the client sent it, cut to MAX_ECHO characters."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= MAX_ECHO else text[: MAX_ECHO - 1] + "…"
