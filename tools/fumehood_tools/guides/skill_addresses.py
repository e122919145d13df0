"""Skills under addresses, with digests, as the Skills extension of MCP (SEP-2640) defines them.

Follows the stable text of the extension for protocol revision 2026-07-28. A skill's root is
skill://fumehood/NAME; its files lie below. Each call reads the guides again, which takes
milliseconds, so that entries and files always agree.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, Field

from fumehood_tools.cursors import cursor_of, offset_of
from fumehood_tools.errors import UnknownName
from fumehood_tools.guides.skills import MAIN, Skill, skill_name, skills_of
from fumehood_tools.guides.view import GuideReader
from fumehood_tools.settings import Settings

ROOT = "skill://fumehood"
DIRECTORY, MARKDOWN = "inode/directory", "text/markdown"
SKILLS = "skills"
PAGE = 20
HINT = "skills/list lists all skills."


class SkillFile(BaseModel, frozen=True):
    """One file of a skill, with its SHA-256 digest (`sha256:<hex>`) and its size in bytes."""

    uri: str
    digest: str
    size: int


class SkillEntry(BaseModel, frozen=True):
    """One skill: the address of its SKILL.md, the front matter there, and all of its files."""

    uri: str
    frontmatter: dict[str, Any]
    resources: tuple[SkillFile, ...] = Field(description="Complete: SKILL.md and every other file")


class SkillChild(BaseModel, frozen=True):
    """One file or folder directly below a folder of a skill."""

    uri: str
    name: str
    mime_type: str


class SkillReader:
    """Finds the skills of one workspace by their addresses."""

    def __init__(self, settings: Settings) -> None:
        self._guides = GuideReader(settings)

    def all(self) -> dict[str, Skill]:
        """Return root address -> skill."""
        return {f"{ROOT}/{it.name}": it for it in skills_of(self._guides.all()).skills}

    def page(self, cursor: str | None) -> tuple[list[SkillEntry], str | None]:
        """Return (entries, cursor of the next page). Raises BadRequest for a wrong cursor."""
        found = list(self.all().items())
        start = offset_of(cursor, SKILLS)
        end = start + PAGE
        after = cursor_of(SKILLS, end) if end < len(found) else None
        return [_entry(root, skill) for root, skill in found[start:end]], after

    def entry(self, uri: str) -> SkillEntry:
        """Return the skill whose SKILL.md has an address. Raises UnknownName."""
        for root, skill in self._of(uri).items():
            if uri == f"{root}/{MAIN}":
                return _entry(root, skill)
        known = [f"{root}/{MAIN}" for root in self.all()]
        raise UnknownName("skill", uri, known, HINT)

    def text(self, uri: str) -> str:
        """Return the text of a file of a skill. Raises UnknownName."""
        files = dict(_files(self._of(uri)))
        if uri not in files:
            raise UnknownName("skill file", uri, files or self.all(), HINT)
        return files[uri]

    def children(self, uri: str) -> list[SkillChild]:
        """Return what is directly below a folder of a skill. Raises UnknownName."""
        found: dict[str, SkillChild] = {}
        for address, _ in _files(self.all()):
            if address.startswith(f"{uri}/"):
                name, inner, _ = address[len(uri) + 1 :].partition("/")
                kind = DIRECTORY if inner else MARKDOWN
                found[name] = SkillChild(uri=f"{uri}/{name}", name=name, mime_type=kind)
        if not found or not f"{uri}/".startswith(f"{ROOT}/"):
            raise UnknownName("folder of skills", uri, self.all(), HINT)
        return list(found.values())

    def _of(self, uri: str) -> dict[str, Skill]:
        """Return root address -> skill for the skill that an address lies in; else nothing."""
        parts = uri.removeprefix(f"{ROOT}/").split("/") if uri.startswith(f"{ROOT}/") else [""]
        guides = self._guides.all(lambda name: skill_name(name) == parts[0])
        return {f"{ROOT}/{it.name}": it for it in skills_of(guides).skills}


def _files(skills: Mapping[str, Skill]) -> Iterator[tuple[str, str]]:
    """Yield (address, text) of all files of skills."""
    for root, skill in skills.items():
        for path, text in skill.files.items():
            yield f"{root}/{path}", text


def _entry(root: str, skill: Skill) -> SkillEntry:
    files = []
    for path, text in skill.files.items():
        content = text.encode("utf-8")
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        files.append(SkillFile(uri=f"{root}/{path}", digest=digest, size=len(content)))
    return SkillEntry(uri=f"{root}/{MAIN}", frontmatter=skill.front, resources=tuple(files))
