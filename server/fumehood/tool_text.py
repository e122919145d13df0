"""Everything that an agent reads about a tool before it calls it, as text for people."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from mcp.types import Tool

LIMITS = {"minimum": "from", "maximum": "to", "minItems": "at least", "maxItems": "at most"}


class Argument(NamedTuple):
    """One argument of a tool; `need` is "required", or "optional" with the default value."""

    name: str
    kind: str
    need: str
    about: str


def tool_text(tool: Tool) -> str:
    """Return the title, the description and all arguments of a tool."""
    lines = [f"{tool.name}: {tool.title}", "", tool.description or ""]
    found = list(arguments_of(tool.input_schema))
    lines += ["", "Arguments:" if found else "It takes no arguments."]
    for argument in found:
        about = f": {argument.about}" if argument.about else ""
        lines.append(f"  {argument.name} ({argument.kind}, {argument.need}){about}")
    return "\n".join(lines)


def arguments_of(schema: dict[str, Any]) -> Iterator[Argument]:
    """Yield the arguments in an input schema, in its order."""
    required = schema.get("required", ())
    for name, argument in schema.get("properties", {}).items():
        default = f", default {json.dumps(argument['default'])}" if "default" in argument else ""
        need = "required" if name in required else f"optional{default}"
        yield Argument(name, kind_of(argument), need, argument.get("description", ""))


def kind_of(node: dict[str, Any]) -> str:
    """Return the type in a JSON schema in words, with its limits."""
    if "enum" in node:
        return " or ".join(json.dumps(value) for value in node["enum"])
    if "anyOf" in node:
        return " or ".join(kind_of(option) for option in node["anyOf"])
    limits = [f"{words} {node[key]}" for key, words in LIMITS.items() if key in node]
    kind = str(node.get("type", "object"))
    if kind == "array":
        kind = f"list of {kind_of(node.get('items', {}))}"
    elif "properties" in node:
        kind = f"{{{', '.join(node['properties'])}}}"
    return ", ".join([kind, " ".join(limits)]) if limits else kind
