"""Guides as skills: the extension io.modelcontextprotocol/skills of MCP (SEP-2640).

A client lists them with skills/list, looks one up with skills/get, lists a folder with
resources/directory/read, and reads files with resources/read. Follows the stable text of the
extension, which is written for protocol revision 2026-07-28; older clients get the same answers.
"""

from collections.abc import Sequence
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.extension import Extension, MethodBinding
from mcp.types import PaginatedRequestParams, RequestParams
from pydantic import Field

from fumehood.tooling import Toolbox, explained, in_thread
from fumehood_tools.guides.skill_addresses import MARKDOWN, ROOT, SkillReader
from fumehood_tools.settings import Settings

FILE = f"{ROOT}/{{skill}}/{{+path}}"
KEPT_MS = 60_000
"""For how long a client may keep an entry. Guides of the workspace can change at any time."""

Context = ServerRequestContext[Any, Any]


class OfUri(RequestParams):
    """A request about one skill."""

    uri: str = Field(max_length=2_000)


class OfFolder(PaginatedRequestParams):
    """A request about one folder of a skill."""

    uri: str = Field(max_length=2_000)


class SkillsExtension(Extension):
    """The methods of the extension, for the skills of one workspace."""

    identifier = "io.modelcontextprotocol/skills"

    def __init__(self, settings: Settings) -> None:
        self._reader = SkillReader(settings)

    def settings(self) -> dict[str, Any]:
        """Return what the server declares beside the identifier."""
        return {"directoryRead": True}

    def methods(self) -> Sequence[MethodBinding]:
        """Return the methods of the extension."""
        return (
            MethodBinding("skills/list", PaginatedRequestParams, explained(self._list)),
            MethodBinding("skills/get", OfUri, explained(self._get)),
            MethodBinding("resources/directory/read", OfFolder, explained(self._children)),
        )

    async def _list(self, ctx: Context, params: PaginatedRequestParams) -> dict[str, Any]:
        entries, after = await in_thread(self._reader.page, params.cursor)
        listed = [it.model_dump(mode="json") for it in entries]
        return _complete(skills=listed, **({"nextCursor": after} if after else {}), **_kept())

    async def _get(self, ctx: Context, params: OfUri) -> dict[str, Any]:
        entry = await in_thread(self._reader.entry, params.uri)
        return _complete(skill=entry.model_dump(mode="json"), **_kept())

    async def _children(self, ctx: Context, params: OfFolder) -> dict[str, Any]:
        found = await in_thread(self._reader.children, params.uri)
        return _complete(
            resources=[{"uri": it.uri, "name": it.name, "mimeType": it.mime_type} for it in found]
        )


def _complete(**content: Any) -> dict[str, Any]:
    return {"resultType": "complete", **content}


def _kept() -> dict[str, Any]:
    return {"ttlMs": KEPT_MS, "cacheScope": "private"}


def register(toolbox: Toolbox) -> None:
    """Declare the extension, and the files of skills as resources."""
    toolbox.extensions.append(SkillsExtension(toolbox.settings))

    @toolbox.resource(FILE, title="File of a skill", mime_type=MARKDOWN)
    def skill_file(skill: str, path: str) -> str:
        """A file of a guide as an Agent Skill: SKILL.md, or a task in references/."""
        return SkillReader(toolbox.settings).text(f"{ROOT}/{skill}/{path}")

    @toolbox.complete(FILE, "skill")
    def complete_skill(begun: str) -> list[str]:
        found = SkillReader(toolbox.settings).all().values()
        return [it.name for it in found if it.name.startswith(begun)]

    @toolbox.complete(FILE, "path")
    def complete_path(begun: str) -> list[str]:
        found = SkillReader(toolbox.settings).all().values()
        return sorted({path for it in found for path in it.files if path.startswith(begun)})
