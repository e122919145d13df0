"""Guides as skills over MCP (SEP-2640): listed, looked up, read and checked by a real client."""

import hashlib
from typing import Any

import pytest
import yaml
from fakes.planted_guide import guide_text
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters
from mcp.types import Request, ResourceTemplateReference, Result
from pydantic import ConfigDict

from fumehood.app import build_server
from fumehood_tools.guides.blocks import split_front_matter
from fumehood_tools.settings import Settings

pytestmark = [pytest.mark.anyio]
EXTENSION = "io.modelcontextprotocol/skills"
INVALID_PARAMS = -32602


class Anything(Result):
    """A result of a method that the SDK does not know."""

    model_config = ConfigDict(extra="allow")


async def _ask(client: Client, method: str, **params: Any) -> dict[str, Any]:
    """Return the result of a method of the extension."""
    request = Request[dict[str, Any], str](method=method, params=params)
    result = await client.session.send_request(request, Anything)
    return result.model_dump(mode="json", by_alias=True)


async def _text(client: Client, uri: str) -> str:
    read = await client.read_resource(uri)
    (content,) = read.contents
    assert content.mime_type == "text/markdown"
    return str(content.text)  # type: ignore[union-attr]


@pytest.mark.child
async def test_every_file_of_every_skill_is_read_over_stdio_with_its_digest(
    job_server: StdioServerParameters,
) -> None:
    async with Client(job_server) as client:
        assert client.protocol_version == "2026-07-28"
        assert client.server_capabilities.extensions[EXTENSION] == {"directoryRead": True}  # type: ignore[index]
        await _read_all(client)


async def test_clients_of_an_older_revision_get_the_same_answers(settings: Settings) -> None:
    async with Client(build_server(settings, ["guides"]), mode="legacy") as client:
        # The SDK declares no extension to them.
        assert client.server_capabilities.extensions is None
        await _read_all(client)


async def _read_all(client: Client) -> None:
    """List all skills and read all of their files."""
    assert client.server_capabilities.resources is not None
    listed = await _ask(client, "skills/list")
    assert listed["resultType"] == "complete" and listed["cacheScope"] == "private"
    assert listed["ttlMs"] >= 0 and "nextCursor" not in listed
    skills = {it["frontmatter"]["name"]: it for it in listed["skills"]}
    assert {"dictionary-learning", "sae-bench"} <= set(skills)
    for name, skill in skills.items():
        assert skill["uri"] == f"skill://fumehood/{name}/SKILL.md"
        got = await _ask(client, "skills/get", uri=skill["uri"])
        assert got["skill"] == skill and got["resultType"] == "complete"
        uris = [it["uri"] for it in skill["resources"]]
        assert skill["uri"] == uris[0] and len(set(uris)) == len(uris) <= 512
        for file in skill["resources"]:
            text = await _text(client, file["uri"])
            content = text.encode("utf-8")
            digest = hashlib.sha256(content).hexdigest()
            assert (file["digest"], file["size"]) == (f"sha256:{digest}", len(content))
        main = await _text(client, skill["uri"])
        assert yaml.safe_load(split_front_matter(main)[0]) == skill["frontmatter"]
        folder = await _ask(
            client, "resources/directory/read", uri=f"skill://fumehood/{name}/references"
        )
        assert {it["uri"] for it in folder["resources"]} == set(uris[1:])


async def test_folders_list_only_what_is_directly_below(settings: Settings) -> None:
    async with Client(build_server(settings, ["guides"])) as client:
        top = await _ask(client, "resources/directory/read", uri="skill://fumehood/sae-bench")
        assert [(it["name"], it["mimeType"]) for it in top["resources"]] == [
            ("SKILL.md", "text/markdown"),
            ("references", "inode/directory"),
        ]
        assert top["resources"][1]["uri"] == "skill://fumehood/sae-bench/references"
        for uri in (
            "skill://fumehood/sae-bench/SKILL.md",
            "skill://fumehood/nowhere",
            "skill://fumehood/sae-bench/references/",
            "skill:",
            "",
        ):
            with pytest.raises(MCPError, match="No folder of skills") as caught:
                await _ask(client, "resources/directory/read", uri=uri)
            assert caught.value.error.code == INVALID_PARAMS


async def test_an_unknown_skill_is_invalid_params_and_names_the_near_one(
    settings: Settings,
) -> None:
    async with Client(build_server(settings, ["guides"])) as client:
        with pytest.raises(MCPError, match="Did you mean 'skill://fumehood/sae-bench/") as caught:
            await _ask(client, "skills/get", uri="skill://fumehood/sae-bensh/SKILL.md")
        assert caught.value.error.code == INVALID_PARAMS
        with pytest.raises(MCPError) as caught:
            await _ask(client, "skills/get")
        assert caught.value.error.code == INVALID_PARAMS
        with pytest.raises(MCPError, match="Invalid cursor") as caught:
            await _ask(client, "skills/list", cursor="moss")
        assert caught.value.error.code == INVALID_PARAMS
        with pytest.raises(MCPError, match=r"No skill file .*sae-bench/moss\.md") as caught:
            await client.read_resource("skill://fumehood/sae-bench/moss.md")
        assert caught.value.error.code == INVALID_PARAMS
        with pytest.raises(MCPError):
            await client.read_resource("skill://fumehood/sae-bench/../sae-bench/SKILL.md")


async def test_a_guide_that_does_not_pass_is_not_served_as_a_skill(settings: Settings) -> None:
    place = settings.workspace / "guides" / "mosslib.md"
    place.parent.mkdir(parents=True)
    place.write_text(guide_text(["A healthy task"]), encoding="utf-8")
    async with Client(build_server(settings, ["guides"])) as client:
        listed = await _ask(client, "skills/list")
        assert "mosslib" not in {it["frontmatter"]["name"] for it in listed["skills"]}
        with pytest.raises(MCPError, match="No skill"):
            await _ask(client, "skills/get", uri="skill://fumehood/mosslib/SKILL.md")


async def test_a_server_without_guides_declares_no_skills_and_refuses_the_method(
    settings: Settings,
) -> None:
    async with Client(build_server(settings, ["jobs"])) as client:
        assert EXTENSION not in (client.server_capabilities.extensions or {})
        with pytest.raises(MCPError) as caught:
            await _ask(client, "skills/list")
        assert caught.value.error.code == -32601


async def test_addresses_of_skill_files_are_completed(settings: Settings) -> None:
    async with Client(build_server(settings, ["guides"])) as client:
        templates = (await client.list_resource_templates()).resource_templates
        (uri,) = [it.uri_template for it in templates if it.uri_template.startswith("skill://")]
        done = await client.complete(
            ResourceTemplateReference(uri=uri), {"name": "skill", "value": "sae-b"}
        )
        assert done.completion.values == ["sae-bench"]
        done = await client.complete(
            ResourceTemplateReference(uri=uri), {"name": "path", "value": "SK"}
        )
        assert done.completion.values == ["SKILL.md"]
