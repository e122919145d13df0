"""What is asked of a check, the file that it is about, and where its result is kept."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, Field, ValidationError

from fumehood_tools.errors import BadRequest, StorageFailed, UnknownName
from fumehood_tools.files import read_json, write_json
from fumehood_tools.guides.blocks import MOST_BYTES, Page, page_of
from fumehood_tools.guides.environments import OURS, PYTHON, Environment
from fumehood_tools.guides.format import GuideInvalid, is_guide, parse_guide
from fumehood_tools.guides.report import Checked
from fumehood_tools.guides.rst import rst_page_of
from fumehood_tools.guides.shelf import guide_files
from fumehood_tools.plain_files import NotPlain, open_plain, read_plain
from fumehood_tools.settings import Settings

FOLDER = "guide-checks"
SKILL = "SKILL.md"
MARKDOWN, RST = (".md", ".markdown", ".mdx", ".myst", ".txt", ".qmd"), ".rst"
MOST_OTHERS, MOST_LOOKED_AT = 20, 200
RULES = 2
"""Raise it when blocks are run or classified differently, so that old results are not shown."""


class CheckRequest(BaseModel, frozen=True):
    """A check of one file."""

    guide: str
    environment: str = Field(default="", description="Empty: the guide's own, else ours")
    block_seconds: float = 120.0
    sarif: bool = False


class Target(NamedTuple):
    """The file to check. shown: its path without what is private to this machine."""

    path: Path
    shown: str
    text: str

    @property
    def sha256(self) -> str:
        """Digest of its bytes."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogateescape")).hexdigest()

    @property
    def page(self) -> Page:
        """Its headings and Python blocks. Raises BadRequest if there are too many."""
        is_rst = self.path.suffix.lower() == RST
        return rst_page_of(self.text) if is_rst else page_of(self.text)


def find_target(guide: str, settings: Settings) -> Target:
    """Return the file that a guide's name or path means. Raises UnknownName, BadRequest."""
    known = guide_files(settings)
    if guide in known:
        return read_target(known[guide], f"guides/{known[guide].name}")
    if "://" in guide:
        raise BadRequest(
            f"{guide!r} is an address, and nothing is downloaded here. Save the file in the "
            "workspace, and pass its path."
        )
    try:
        path = (settings.workspace / Path(guide).expanduser()).resolve()
        if path.is_dir():
            path = _main_of(path)
        if not path.exists():
            raise UnknownName(
                "guide", guide, known, "Or pass the path of a Markdown file or of a skill's folder."
            )
    except (OSError, ValueError, RuntimeError) as error:
        raise BadRequest(f"{guide!r} is not a path. Pass a guide's name or a file.") from error
    home = settings.workspace.resolve()
    inside = path.is_relative_to(home)
    return read_target(path, path.relative_to(home).as_posix() if inside else path.name)


def _main_of(folder: Path) -> Path:
    """Return the SKILL.md or README.md of a folder. Raises BadRequest if it has neither."""
    for name in (SKILL, "README.md"):
        if (folder / name).is_file():
            return folder / name
    found = sorted(it.name for it in folder.glob("*.md"))[:8]
    there = f"It has {', '.join(found)}." if found else "It has no .md files."
    raise BadRequest(
        f"{folder.name} is a folder without {SKILL} and README.md. {there} Pass the path of a file."
    )


def other_files(guide: str, settings: Settings) -> list[str]:
    """Return the other Markdown files of a skill that have Python blocks, as paths to check.

    Skills keep most of their code beside SKILL.md. Links that lead out of the skill are not
    followed. Raises UnknownName, BadRequest.
    """
    main = find_target(guide, settings).path
    if main.name != SKILL:
        return []
    home, workspace, found = main.parent.resolve(), settings.workspace.resolve(), []
    for path in sorted([*home.glob("*.md"), *home.glob("*/*.md")])[:MOST_LOOKED_AT]:
        place = path.resolve()
        if path.name == SKILL or not place.is_relative_to(home):
            continue
        try:
            has_blocks = bool(
                page_of(read_plain(place, MOST_BYTES).decode("utf-8", "replace")).blocks
            )
        except (StorageFailed, BadRequest):
            continue
        inside = place.is_relative_to(workspace)
        shown = place.relative_to(workspace).as_posix() if inside else str(place)
        found += [shown] * has_blocks
    return found[:MOST_OTHERS]


def read_target(path: Path, shown: str) -> Target:
    """Return a Markdown file, at most MOST_BYTES long. Raises BadRequest, StorageFailed."""
    if path.suffix.lower() not in (*MARKDOWN, RST):
        raise BadRequest(
            f"{shown} is not a Markdown file. Pass a .md or .rst file; convert others first."
        )
    try:
        with open_plain(path, MOST_BYTES) as file:
            content = file.read(MOST_BYTES)
    except NotPlain as error:
        raise BadRequest(f"{shown}: {error.strerror}. Pass a plain Markdown file.") from error
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"Reading {shown}") from error
    if b"\0" in content:
        raise BadRequest(f"{shown} is not text in UTF-8. Save it as UTF-8, and call again.")
    text = content.decode("utf-8-sig", "replace").replace("\r\n", "\n")
    return Target(path, shown, text)


def environment_of(request: CheckRequest, target: Target) -> str:
    """Return the environment to use: the one asked for, else the guide's own, else ours."""
    if request.environment or not is_guide(target.text):
        return request.environment or OURS
    try:
        return parse_guide(target.text, target.path.name).front.environment
    except GuideInvalid:
        return OURS


def check_id(target: Target, environment: Environment, request: CheckRequest) -> str:
    """Return the id of a check: the same for the same text, environment and limits."""
    parts = (RULES, target.shown, target.sha256, environment.identity, PYTHON)
    text = "\n".join(map(str, (*parts, request.block_seconds)))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


class CheckShelf:
    """The results of checks in one workspace."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.state / FOLDER

    def get(self, check: str) -> Checked | None:
        """Return a result, or None if there is none that can be read."""
        try:
            return Checked.model_validate(read_json(self._folder / f"{check}.json"))
        except (StorageFailed, ValidationError):
            return None

    def put(self, checked: Checked) -> None:
        """Keep a result. Raises StorageFailed."""
        write_json(self._folder / f"{checked.check}.json", checked.model_dump(mode="json"))

    def all(self) -> list[Checked]:
        """Return all results that can be read."""
        found = [self.get(path.stem) for path in self._folder.glob("*.json")]
        return [it for it in found if it is not None]


def sarif_path(settings: Settings, checked: Checked) -> Path:
    """Return the place of a check's SARIF file in the workspace."""
    stem = os.path.splitext(os.path.basename(checked.guide))[0]
    return settings.workspace / "guides" / f"{stem}-{checked.check}.sarif"
