"""Write docs/tools.md: every tool with all that its schemas say, also what is not published.

    python scripts/tools_page.py

`make schemas` runs it after it has written the schemas; a test checks that the page is up to date.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mcp.server.mcpserver.tools import Tool
from pydantic import TypeAdapter

from fumehood.schema_forms import whole_input, whole_output
from fumehood.tool_text import arguments_of, kind_of
from fumehood.tooling import Toolbox
from fumehood.wings import WINGS
from fumehood_tools.settings import load_settings

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "tools.md"
HEAD = """# Tools

The tools that an agent sees, by toolset. `fumehood serve --toolsets papers,bench` offers only two
toolsets. Every tool returns text, and the same content as data: the fields under *returns*. An
agent is sent less: no bounds that go without saying, and only the names and types of the fields of
a result. `make schemas` writes this page.

The toolset `pods`, and the arguments `target`, `gpus`, `pods`, `hours`, `max_cost_usd` and `hosts`
of `run_variants`, are offered only where `RUNPOD_API_KEY` is set or the workspace has a
`hosts.toml` ([GPUs](gpus.md)), or where the toolset is named.
"""


def tools_by_toolset() -> dict[str, list[Tool]]:
    """Return toolset -> its tools, in the order that a client sees."""
    found = {}
    for wing in WINGS:
        toolbox = Toolbox(load_settings(), toolsets=[wing.name])
        wing.open_door(toolbox)
        found[wing.name] = list(toolbox.tools.values())
    return found


def page() -> str:
    """Return the text of the page."""
    parts = [HEAD]
    for toolset, tools in tools_by_toolset().items():
        parts.append(f"## {toolset}\n")
        parts += [_section(tool) for tool in tools]
    return "\n".join(parts)


def _section(tool: Tool) -> str:
    lines = [f"### `{tool.name}`\n", f"{_one_line(tool.description)}\n"]
    offered, whole = tool.parameters["properties"], _whole_arguments(tool)
    for argument in arguments_of(whole):
        if argument.name in offered:
            about = f": {argument.about}" if argument.about else ""
            lines.append(f"- `{argument.name}` ({argument.kind}, {argument.need}){about}")
            lines += _inner(whole["properties"][argument.name], "  ")
    if tool.fn_metadata.output_model is not None:
        returned = TypeAdapter(tool.fn_metadata.output_model).json_schema()
        lines += ["\n*returns*\n", *_fields(whole_output(returned), "")]
    return "\n".join([*lines, ""])


def _whole_arguments(tool: Tool) -> dict[str, Any]:
    return whole_input(tool.fn_metadata.arg_model.model_json_schema(by_alias=True))


def _fields(node: dict[str, Any], indent: str) -> Iterator[str]:
    """Yield a line for every field of an object, and for the described fields of objects in it."""
    for name, field in node.get("properties", {}).items():
        about = f": {_one_line(field['description'])}" if "description" in field else ""
        yield f"{indent}- `{name}` ({kind_of(field)}){about}"
        yield from _inner(field, f"{indent}  ")


def _inner(field: dict[str, Any], indent: str) -> Iterator[str]:
    """Yield the lines of the objects in a field, if one of their fields has a description."""
    if any("description" in inner for inner in field.get("properties", {}).values()):
        yield from _fields(field, indent)
    for node in (*field.get("anyOf", ()), field.get("items")):
        if node:
            yield from _inner(node, indent)


def _one_line(text: str) -> str:
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
