"""Agent frameworks convert our tools without losing an argument or a description."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from mcp import Client

from fumehood.app import build_server
from fumehood_tools.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.child, pytest.mark.anyio]

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-converters" / "bin" / "python"
SCRIPT = Path(__file__).with_name("converters") / "convert_tools.py"


async def schemas(settings: Settings, to: Path, *, plain: bool) -> str:
    async with Client(build_server(settings, plain_schemas=plain)) as client:
        tools = (await client.list_tools()).tools
    content = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]
    to.write_text(json.dumps(content), encoding="utf-8")
    return str(to)


async def test_two_frameworks_convert_every_tool_and_lose_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    assert PYTHON.exists(), "make test-slow makes the environment of the converters"
    usual = await schemas(settings, tmp_path / "usual.json", plain=False)
    plain = await schemas(settings, tmp_path / "plain.json", plain=True)
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(PYTHON), str(SCRIPT), usual, plain],
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"openai-agents": [], "google-genai": []}
