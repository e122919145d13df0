"""Every tool names entries of variants/ that are not plain files, and no tool waits for them."""

import os
import sys
from pathlib import Path

import anyio
import pytest
from mcp import Client, StdioServerParameters
from mcp.types import TextContent

from fumehood_tools.settings import Settings

pytestmark = pytest.mark.anyio
SAID = {
    "fifo": "a FIFO",
    "folder": "a folder",
    "device": "a device",
    "dangling": "a link to a file that does not exist",
    "huge": "at most 8,388,608 are allowed",
}


def fill(folder: Path) -> None:
    """Create one file of each kind in a folder."""
    os.mkfifo(folder / "fifo.py")
    (folder / "folder.py").mkdir()
    (folder / "device.py").symlink_to("/dev/zero")
    (folder / "dangling.py").symlink_to("nowhere.py")
    with (folder / "huge.py").open("wb") as file:
        file.truncate(100 << 30)


async def test_tools_refuse_what_is_no_plain_file_and_go_on(
    environ: dict[str, str], settings: Settings
) -> None:
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "fumehood", "serve"], env=environ
    )
    with anyio.fail_after(60):
        async with Client(server) as client:
            sizes = {"dict_size": 256, "train_tokens": 20_000, "eval_tokens": 2_032}
            await client.call_tool(
                "create_sandbox", {"name": "box", "subject": "synthetic", **sizes}
            )
            fill(settings.sandboxes / "box" / "variants")
            listed = await client.call_tool("list_variants", {"sandbox": "box", "limit": 50})
            assert listed.structured_content is not None, listed
            found = {one["name"]: one["problem"] for one in listed.structured_content["variants"]}
            assert found["topk"] is None
            for name, said in SAID.items():
                assert said in found[name]
                one = {"sandbox": "box", "variant": name}
                many = {"sandbox": "box", "variants": ["topk", name]}
                for tool, asked in (("check_variant", one), ("run_variants", many)):
                    result = await client.call_tool(tool, asked)
                    [content] = result.content
                    assert result.is_error and isinstance(content, TextContent)
                    assert f"{name}.py: " in content.text and said in content.text
                    assert f"Remove {name}.py" in content.text
            table = await client.call_tool("read_benchmarks", {"sandbox": "box"})
            assert not table.is_error, table
