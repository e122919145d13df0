#!/usr/bin/env bash
# openai-agents 0.24.0 with mcp 2.3.0: converted to its strict form, an MCP tool has no optional argument left.
#
# Expected: an argument that is not in `required` stays optional, or may be null in the strict form, since
# OpenAI's strict mode wants every property in `required` and allows null for what may be left out.
# Found: every property is put into `required` with its bare type. Only an argument whose schema was a choice
# with null keeps null; a default stays in the schema, where strict mode does not use it. So a model that is
# held to this schema must make up a value for each argument that it would have left out: 0, "" or [].
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check openai-agents==0.24.0 mcp==2.3.0
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

from agents.mcp import MCPServerStdio, MCPUtil
from mcp.types import Tool

TOOL = Tool.model_validate(
    {
        "name": "list_rows",
        "description": "List rows.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "table": {"type": "string"},
                "layer": {"type": "integer", "description": "default: a third of the depth"},
                "limit": {"type": "integer", "default": 20},
                "setting": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
            },
            "required": ["table"],
            "additionalProperties": False,
        },
    }
)


def converted(strict):
    server = MCPServerStdio(params={"command": "true"})  # never started
    return MCPUtil.to_function_tool(TOOL, server, strict).params_json_schema


print(f"openai-agents {version('openai-agents')}, mcp {version('mcp')}")
loose, strict = converted(False), converted(True)
print(f"as it is: required {loose['required']}; strict: required {strict['required']}")
print(f"strict: layer {strict['properties']['layer']}, setting {strict['properties']['setting']}")
assert loose["required"] == ["table"], "the usual form changes `required` now"
assert sorted(strict["required"]) == ["layer", "limit", "setting", "table"], "some stay optional now"
assert strict["properties"]["layer"]["type"] == "integer", "a bare type may be null now"
assert {"type": "null"} in strict["properties"]["setting"]["anyOf"], "null is dropped now"
PYTHON
