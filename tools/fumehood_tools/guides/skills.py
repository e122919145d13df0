"""Write guides as plain Agent Skills: `python -m fumehood_tools.guides.skills FOLDER`.

A skill is a folder with SKILL.md (front matter `name` and `description`, then purpose, cheat sheet,
gotchas and the list of tasks) and one file in references/ for each task, so that an agent loads
one task, not the book. A guide that fails, is stale or was not run is left out, with the reason.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import yaml

from fumehood_tools.files import write_text
from fumehood_tools.guides.format import Guide, Task
from fumehood_tools.guides.shelf import Shelved
from fumehood_tools.guides.view import GuideReader
from fumehood_tools.settings import load_settings

MOST_DESCRIPTION = 1_024


class Written(NamedTuple):
    """What was written. left_out: guide -> reason."""

    skills: tuple[str, ...]
    left_out: Mapping[str, str]


def skill_files(guide: Guide, name: str) -> dict[str, str]:
    """Return path -> text of the files of a skill. name: also that of its folder."""
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
        },
    }
    listed = [f"- [{task.title}](references/{task.name}.md)" for task in guide.tasks]
    parts = [
        f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---",
        f"# {guide.title}",
        f"Every block ran on {front.package} {front.version}, Python {front.python}, {front.date}.",
        guide.purpose,
        f"## Cheat sheet\n\n{guide.cheat_sheet}",
        "## Tasks\n\n" + "\n".join(listed),
        f"## Gotchas\n\n{guide.gotchas}",
    ]
    files = {"SKILL.md": "\n\n".join(parts) + "\n"}
    files |= {f"references/{task.name}.md": _task_text(task) for task in guide.tasks}
    return files


def _task_text(task: Task) -> str:
    return f"# {task.title}\n\n{task.text}\n"


def write_skills(guides: list[Shelved], folder: Path) -> Written:
    """Write the guides that pass as skills below a folder. Raises StorageFailed."""
    skills, left_out = [], {}
    for found in guides:
        if found.guide is None or found.status != "passes":
            left_out[found.name] = found.why
            continue
        for path, text in skill_files(found.guide, found.name).items():
            write_text(folder / found.name / path, text)
        skills.append(found.name)
    return Written(tuple(skills), left_out)


def main() -> None:
    """Write the skills of all guides into the folder given on the command line."""
    written = write_skills(GuideReader(load_settings()).all(), Path(sys.argv[1]))
    print(f"Written: {', '.join(written.skills) or 'none'}")
    for name, why in written.left_out.items():
        print(f"Left out: {name}. {why}")


if __name__ == "__main__":
    main()
