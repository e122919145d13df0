"""Convert tools as two agent frameworks do, and print what was lost, as JSON.

usage: python convert_tools.py TOOLS.json PLAIN_TOOLS.json

Run in an environment of its own (requirements-converters.lock). openai-agents gets the tools in
their usual form and google-genai in the plain one.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agents.strict_schema import ensure_strict_json_schema
from google.genai import _mcp_utils
from mcp.types import Tool


def lost(where: str, sent: dict[str, Any], made: Any) -> Iterator[str]:
    """Yield what is in a JSON schema and not in google-genai's schema."""
    for name, node in (sent.get("properties") or {}).items():
        inner = (made.properties or {}).get(name)
        if inner is None:
            yield f"{where}.{name}"
            continue
        if "description" in node and inner.description != node["description"]:
            yield f"{where}.{name}: description"
        if node.get("enum") and inner.enum != node["enum"]:
            yield f"{where}.{name}: enum"
        if inner.type is None and not inner.any_of:
            yield f"{where}.{name}: type"
        yield from lost(f"{where}.{name}", node, inner)
        if "items" in node and inner.items is not None:
            yield from lost(f"{where}.{name}[]", node["items"], inner.items)


def by_google_genai(tool: dict[str, Any]) -> list[str]:
    """Return what google-genai loses of a tool."""
    (made,) = _mcp_utils.mcp_to_gemini_tool(Tool.model_validate(tool)).function_declarations or []
    return list(lost(tool["name"], tool["inputSchema"], made.parameters))


def by_openai_agents(tool: dict[str, Any]) -> list[str]:
    """Return the arguments that openai-agents loses in its strict form of a tool."""
    made = ensure_strict_json_schema(json.loads(json.dumps(tool["inputSchema"])))
    gone = tool["inputSchema"]["properties"].keys() - made["properties"].keys()
    return sorted(f"{tool['name']}.{name}" for name in gone)


def main() -> None:
    """Print {"openai-agents": [...], "google-genai": [...]}."""
    usual, plain = (json.loads(Path(path).read_bytes()) for path in sys.argv[1:3])
    found = {
        "openai-agents": [one for tool in usual for one in by_openai_agents(tool)],
        "google-genai": [one for tool in plain for one in by_google_genai(tool)],
    }
    print(json.dumps(found))


main()
