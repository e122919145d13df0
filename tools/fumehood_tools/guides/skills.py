"""Guides as Agent Skills (agentskills.io): folders with SKILL.md and one file for each task.

SKILL.md has front matter (`name`, `description`, `metadata`), purpose, cheat sheet, gotchas and the
list of tasks; references/ has the tasks, so that an agent loads one task, not the book. A guide
that fails, is stale or was not run is no skill, because a skill cannot carry a warning.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from fumehood_tools.errors import AlreadyExists, StorageFailed
from fumehood_tools.files import write_text
from fumehood_tools.guides.blocks import MOST_BYTES, split_front_matter
from fumehood_tools.guides.format import Guide, Task
from fumehood_tools.guides.shelf import Shelved
from fumehood_tools.plain_files import read_plain

MAIN = "SKILL.md"
TASKS = "references"
GENERATOR = "fumehood guides export"
MOST_NAME, MOST_DESCRIPTION = 64, 1_024


class Skill(NamedTuple):
    """One skill. files: path in its folder -> text; SKILL.md comes first."""

    name: str
    files: Mapping[str, str]

    @property
    def front(self) -> dict[str, Any]:
        """The front matter of SKILL.md."""
        loaded: dict[str, Any] = yaml.safe_load(split_front_matter(self.files[MAIN])[0])
        return loaded


class Skills(NamedTuple):
    """The skills of all guides. left_out: guide -> reason."""

    skills: tuple[Skill, ...]
    left_out: Mapping[str, str]


def skill_name(guide: str) -> str:
    """Return the name of a guide's skill: at most 64 lower-case letters, digits, single hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", guide.lower())[:MOST_NAME].strip("-")


def skills_of(guides: Sequence[Shelved]) -> Skills:
    """Return the skills of the guides that pass, and why each other guide has none."""
    found: dict[str, Skill] = {}
    left_out = {}
    for one in guides:
        name = skill_name(one.name)
        if one.guide is None or one.status != "passes":
            left_out[one.name] = f"It {_said(one)}. {one.why}".strip()
        elif not name or name in found:
            left_out[one.name] = f"Its skill would be called {name!r}, as another. Rename its file."
        else:
            found[name] = Skill(name, _files(one.guide, name))
    return Skills(tuple(found.values()), left_out)


def _said(found: Shelved) -> str:
    return "fails" if found.status == "fails" else f"is {found.status}"


def _files(guide: Guide, name: str) -> dict[str, str]:
    front = guide.front
    about = " ".join(guide.purpose.split())
    when = f"Use when writing Python code with {front.package}. "
    head = {
        "name": name,
        "description": f"{when}{about}"[:MOST_DESCRIPTION],
        "metadata": {
            "package": front.package,
            "version": front.version,
            "python": front.python,
            "checked": front.date,
            "generator": GENERATOR,
        },
    }
    listed = [f"- [{task.title}]({TASKS}/{task.name}.md)" for task in guide.tasks]
    parts = [
        f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---",
        f"# {guide.title}",
        f"Every block ran on {front.package} {front.version}, Python {front.python}, {front.date}.",
        guide.purpose,
        f"## Cheat sheet\n\n{guide.cheat_sheet}",
        "## Tasks\n\n" + "\n".join(listed),
        f"## Gotchas\n\n{guide.gotchas}",
    ]
    files = {MAIN: "\n\n".join(parts) + "\n"}
    files |= {f"{TASKS}/{task.name}.md": _task_text(task) for task in guide.tasks}
    return files


def _task_text(task: Task) -> str:
    return f"# {task.title}\n\n{task.text}\n"


def write_skills(skills: Sequence[Skill], folder: Path) -> list[Path]:
    """Write skills below a folder; return their folders.

    Replaces skills that were exported before, and removes tasks that they no longer have. Raises
    AlreadyExists if there is another skill of one of these names, StorageFailed.
    """
    for skill in skills:
        _check_that_ours(folder / skill.name)
    for skill in skills:
        for path, text in skill.files.items():
            write_text(folder / skill.name / path, text)
        for found in (folder / skill.name / TASKS).glob("*.md"):
            if f"{TASKS}/{found.name}" not in skill.files:
                found.unlink(missing_ok=True)
    return [folder / skill.name for skill in skills]


def _check_that_ours(folder: Path) -> None:
    """Raise AlreadyExists for a folder that is not an exported skill."""
    if not folder.exists():
        return
    try:
        front = split_front_matter(read_plain(folder / MAIN, MOST_BYTES).decode("utf-8"))[0]
        metadata = yaml.safe_load(front)["metadata"]
        ours = metadata["generator"] == GENERATOR
    except (StorageFailed, ValueError, KeyError, TypeError, yaml.YAMLError):
        ours = False
    if not ours:
        raise AlreadyExists(
            f"{folder} is there already and was not exported by fumehood. Name another folder, or "
            "move it away."
        )
