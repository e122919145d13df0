"""Write docs/tools.md: every tool as the agent sees it, generated from the published schemas.

    python scripts/tools_page.py

`make schemas` runs it after it has written the schemas; a test checks that the page matches them.
"""

import json
import sys
from pathlib import Path
from typing import Any

import anyio
from mcp import Client

from fumehood.app import build_server
from fumehood.tool_text import arguments_of
from fumehood.wings import WINGS
from fumehood_tools.settings import load_settings

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS = ROOT / "tests" / "server" / "tool_schemas.json"
PAGE = ROOT / "docs" / "tools.md"
HEAD = """# Tools

The tools that an agent sees, by toolset. `fumehood serve --toolsets papers,bench` offers only two
toolsets. Every tool returns text, and the same content as data. `make schemas` writes this page.

The toolset `pods`, and the arguments `target`, `gpus`, `pods`, `hours`, `max_cost_usd` and `hosts`
of `run_variants`, are offered only where `RUNPOD_API_KEY` is set or the workspace has a
`hosts.toml` ([GPUs](gpus.md)), or where the toolset is named. The toolset `hunt` is offered only where
it is named ([hunts](hunt.md)). `--toolsets all` names all of them.
"""


async def names_by_toolset() -> dict[str, list[str]]:
    """Return toolset -> names of its tools, in the order that a client sees."""
    found = {}
    for wing in WINGS:
        async with Client(build_server(load_settings(), [wing.name])) as client:
            found[wing.name] = [tool.name for tool in (await client.list_tools()).tools]
    return found


def page(schemas: dict[str, Any], toolsets: dict[str, list[str]]) -> str:
    """Return the text of the page."""
    parts = [HEAD]
    for toolset, names in toolsets.items():
        parts.append(f"## {toolset}\n")
        parts += [_section(name, schemas[name]) for name in names]
    return "\n".join(parts)


def _section(name: str, tool: dict[str, Any]) -> str:
    lines = [f"### `{name}`\n", f"{_one_line(tool['description'])}\n"]
    for argument in arguments_of(tool["inputSchema"]):
        about = f": {argument.about}" if argument.about else ""
        lines.append(f"- `{argument.name}` ({argument.kind}, {argument.need}){about}")
    return "\n".join([*lines, ""])


def _one_line(text: str) -> str:
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def main() -> int:
    """Write the page."""
    schemas = json.loads(SCHEMAS.read_text(encoding="utf-8"))
    PAGE.write_text(page(schemas, anyio.run(names_by_toolset)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
