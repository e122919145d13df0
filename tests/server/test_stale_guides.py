"""A guide is stale for a real, newer version of its package, and says what has changed in it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fakes.code_services import CodeServices
from fakes.planted_guide import guide_text
from mcp import Client

from fumehood.app import build_server
from fumehood_tools.glass import available_levels
from fumehood_tools.settings import Settings, load_settings

pytestmark = [pytest.mark.slow, pytest.mark.network, pytest.mark.child, pytest.mark.anyio]
walled = pytest.mark.skipif(
    available_levels() == ("rlimits",), reason="needs Landlock or bubblewrap"
)
PACKAGE, OLD, NEW = "more-itertools", "8.14.0", "10.8.0"
TASKS = {
    "Count": "from more_itertools import ilen\nprint(ilen(range(3)))\n```\n```output\n3",
    "Merge": (
        "from more_itertools import collate\nprint(list(collate([1, 4], [2])))\n"
        "```\n```output\n[1, 2, 4]"
    ),
    "Choose": (
        "from more_itertools import map_if\n"
        "print(list(map_if([1, -1], lambda x: x > 0, lambda x: x + 1)))\n```\n```output\n[2, -1]"
    ),
}


def _guide(version: str) -> str:
    text = guide_text([]).replace("package: mosslib", f"package: {PACKAGE}")
    tasks = "".join(
        f"\n### {title}\n\n**Prerequisites**: none. **Expected outcome**: one line.\n\n"
        f"```python\n{code}\n```\n"
        for title, code in TASKS.items()
    )
    return text.replace("version: 1.0.0", f"version: {version}").replace(
        "\n## Gotchas", f"{tasks}\n## Gotchas"
    )


def _run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=300)


def _environment(folder: Path, wheels: Path, version: str) -> None:
    """Make a virtual environment that has one version of the package."""
    _run(sys.executable, "-I", "-m", "venv", str(folder))
    install = [str(folder / "bin" / "python"), "-I", "-m", "pip", "install", "-q", "--no-index"]
    _run(*install, "--find-links", str(wheels), f"{PACKAGE}=={version}")


async def _call(client: Client, tool: str, **arguments: Any) -> tuple[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return result.content[0].text, result.structured_content  # type: ignore[union-attr]


@pytest.fixture
def services(tmp_path: Path) -> CodeServices:
    """An index with both versions, which come from the index that pip uses."""
    wheels = tmp_path / "wheels"
    for version in (OLD, NEW):
        _run(
            *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "-q"),
            *("-d", str(wheels), f"{PACKAGE}=={version}"),
        )
    services = CodeServices(tmp_path / "hosts")
    services.packages[PACKAGE] = {it.name: it.read_bytes() for it in wheels.iterdir()}
    return services


@walled
async def test_a_newer_version_makes_a_guide_stale_and_the_changed_names_are_told(
    tmp_path: Path, services: CodeServices
) -> None:
    environ = {"FUMEHOOD_CACHE": str(tmp_path / "cache"), "FUMEHOOD_ENDPOINTS": services.endpoints}
    settings: Settings = load_settings(tmp_path / "workspace", environ)
    place = settings.workspace / "guides" / "iterate.md"
    place.parent.mkdir(parents=True)
    place.write_text(_guide(OLD), encoding="utf-8")
    for name, version in (("old", OLD), ("new", NEW)):
        _environment(settings.workspace / name, tmp_path / "wheels", version)
    with services.running():
        async with Client(build_server(settings, ["guides"])) as client:
            text, page = await _call(client, "check_guide", guide="iterate", environment="old")
            assert page["passes"] and page["versions"] == {PACKAGE: OLD}, text
            text, page = await _call(client, "check_guide", guide="iterate", environment="new")
            assert page["versions"] == {PACKAGE: NEW} and not page.get("passes"), text
            assert page["stale"].startswith(f"The guide is for {PACKAGE} {OLD}; there is version")
            assert "more_itertools.collate" in page["stale"] and "map_if" in page["stale"]
            assert "ilen" not in page["stale"]
            found = {it["section"]: it for it in page["blocks"]}
            assert found["Count"]["outcome"] == found["Choose"]["outcome"] == "passed"
            assert found["Merge"]["outcome"] == "api_changed"
            assert "more_itertools.collate: removed: function is not" in found["Merge"]["why"]
            text, guides = await _call(client, "list_guides")
            (row,) = [it for it in guides["guides"] if it["package"] == "iterate"]
            assert row["status"] == "stale" and "more_itertools.collate" in row["why"]
            assert "It ran in environment 'new'." in row["why"]
            text, task = await _call(client, "read_guide", package="iterate", task="merge")
            assert "Changed since then: more_itertools.collate: removed" in task["warning"]
            text, task = await _call(client, "read_guide", package="iterate", task="choose")
            assert "func_else: default was lambda x: x, is None" in task["warning"]
            text, task = await _call(client, "read_guide", package="iterate", task="count")
            assert "Changed since then" not in text and text.startswith("WARNING: This guide is")
