"""Read a guide: front matter, purpose, cheat sheet, tasks, gotchas, integration.

    ---
    package: dictionary-learning     the distribution, as on PyPI
    version: 0.1.0                   the version on which every block ran
    environment: ours                ours, or a name in guides/environments
    python: "3.11"
    date: 2026-11-30                 when it last ran as a whole
    ran: every block                 what ran
    could_not_run: []                what could not, in words
    ---
    # Title
    purpose
    ## Cheat sheet
    ## Tasks
    ### Task
    **Prerequisites**: … **Expected outcome**: … code, **Tips**, **Variants**, **Troubleshooting**
    ## Gotchas
    ## Integration
    ### Task

Every mistake is reported with its line and its remedy. No block is run here.
"""

import datetime
import functools
import re
from typing import Annotated, Any, NamedTuple

import yaml
from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from fumehood_tools.errors import FumehoodError
from fumehood_tools.guides.blocks import Block, Heading, Page, page_of, split_front_matter

SECTIONS = ("Cheat sheet", "Tasks", "Gotchas", "Integration")
PARTS = ("Prerequisites", "Expected outcome")
LEAST_TASKS = 1


class GuideInvalid(FumehoodError):
    """A guide breaks a rule of its format."""

    code = "guide_invalid"

    def __init__(self, name: str, line: int, rule: str, remedy: str) -> None:
        super().__init__(f"{name}:{line}: {rule}. {remedy}.")
        self.line = line


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int | float | datetime.date) else value


Text = Annotated[str, BeforeValidator(_as_text), Field(min_length=1)]


class Front(BaseModel, frozen=True, extra="forbid"):
    """The front matter of a guide."""

    package: Text = Field(description="Distribution name, as on PyPI", max_length=100)
    version: Text = Field(description="Version on which every block ran")
    environment: Text = Field(description="'ours', or a name in guides/environments")
    python: Text = Field(description="Python version on which it ran, such as 3.11")
    date: Text = Field(description="Day of the last run of all blocks, ISO 8601")
    ran: Text = Field(description="What ran")
    could_not_run: tuple[str, ...] = Field(default=(), description="What could not, in words")
    also: dict[str, Text] = Field(
        default_factory=dict, description="Other packages that blocks import -> version"
    )


class Task(NamedTuple):
    """One task of a guide. line, end: its first line and the one after its last, from 1."""

    name: str
    title: str
    line: int
    end: int
    text: str
    blocks: tuple[Block, ...]
    is_integration: bool


class Guide(NamedTuple):
    """A guide that follows the format. purpose, cheat_sheet, gotchas: Markdown."""

    front: Front
    title: str
    purpose: str
    cheat_sheet: str
    tasks: tuple[Task, ...]
    gotchas: str
    text: str

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All blocks, in their order."""
        return tuple(block for task in self.tasks for block in task.blocks)


def task_name(title: str) -> str:
    """Return the name of a task in addresses: lower case, words joined by hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60]


def is_guide(text: str) -> bool:
    """Return True if a text has the front matter of a guide, whether or not it is valid."""
    front, _ = split_front_matter(text)
    return bool(re.search(r"(?m)^package\s*:", front) and re.search(r"(?m)^version\s*:", front))


@functools.lru_cache(maxsize=100)
def parse_guide(text: str, name: str) -> Guide:
    """Return the guide in a text. name: of its file, for messages. Raises GuideInvalid.

    Guides are kept, because a client that reads skills asks for each file on its own.
    """
    front = _front(text, name)
    page = page_of(text)
    lines = text.splitlines()
    titles = [one for one in page.headings if one.level == 1]
    if len(titles) != 1:
        line = titles[1].line if titles else page.first_line
        raise GuideInvalid(name, line, "there must be one title", "Write one line '# Title'")
    places = {one.text: one for one in page.headings if one.level == 2}
    _check_sections(page, places, name)
    found = {one: _body(page, lines, places[one]) for one in SECTIONS}
    first = min(one.line for one in places.values())
    purpose = "\n".join(lines[titles[0].line : first - 1]).strip()
    if not purpose:
        raise GuideInvalid(
            name, titles[0].line, "no purpose", "Say in a paragraph what the package is for"
        )
    if "|" not in found["Cheat sheet"]:
        line = places["Cheat sheet"].line
        raise GuideInvalid(name, line, "no table in the cheat sheet", "Write one with | … | … |")
    tasks = [*_tasks(page, lines, places["Tasks"], name)]
    tasks += _tasks(page, lines, places["Integration"], name, is_integration=True)
    _check_blocks(page, tasks, name)
    title = titles[0].text
    return Guide(front, title, purpose, found["Cheat sheet"], tuple(tasks), found["Gotchas"], text)


def _front(text: str, name: str) -> Front:
    content, lines = split_front_matter(text)
    if not lines:
        raise GuideInvalid(name, 1, "no front matter", "Start with lines between two lines of ---")
    try:
        loaded: Any = yaml.safe_load(content)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 2 if mark else 1
        why = getattr(error, "problem", None) or "it cannot be read"
        raise GuideInvalid(
            name, line, f"the front matter is not valid YAML: {why}", "Quote texts with a colon"
        ) from error
    if not isinstance(loaded, dict):
        raise GuideInvalid(name, 2, "the front matter has no fields", "Write 'package: …' etc.")
    try:
        front = Front.model_validate(loaded)
        datetime.date.fromisoformat(front.date)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        line = _line_of(content, field)
        known = ", ".join(Front.model_fields)
        raise GuideInvalid(
            name, line, f"front matter, {field}: {first['msg']}", f"Fields are: {known}"
        ) from error
    except ValueError as error:
        line = _line_of(content, "date")
        raise GuideInvalid(name, line, "date is not a day", "Write it as 2026-11-30") from error
    return front


def _line_of(front: str, field: str) -> int:
    for number, line in enumerate(front.splitlines(), 2):
        if line.startswith(f"{field}:"):
            return number
    return 1


def _check_sections(page: Page, places: dict[str, Heading], name: str) -> None:
    for one in SECTIONS:
        if one not in places:
            raise GuideInvalid(
                name,
                page.text.count("\n") + 1,
                f"there is no section '## {one}'",
                f"Add it; the sections are {', '.join(SECTIONS)}",
            )
    for text, heading in places.items():
        if text not in SECTIONS:
            raise GuideInvalid(
                name,
                heading.line,
                f"'## {text}' is not a section of a guide",
                f"Move it into one of {', '.join(SECTIONS)}",
            )


def _body(page: Page, lines: list[str], start: Heading) -> str:
    return "\n".join(lines[start.line : _end(page, lines, start) - 1]).strip()


def _end(page: Page, lines: list[str], start: Heading) -> int:
    """Return the line of the next heading of the same or a higher level."""
    after = (it.line for it in page.headings if it.line > start.line and it.level <= start.level)
    return next(after, len(lines) + 1)


def _tasks(
    page: Page, lines: list[str], section: Heading, name: str, *, is_integration: bool = False
) -> list[Task]:
    section_end = _end(page, lines, section)
    found: list[Task] = []
    for heading in page.headings:
        if heading.level != 3 or not section.line < heading.line < section_end:
            continue
        end = _end(page, lines, heading)
        blocks = tuple(it for it in page.blocks if heading.line < it.line < end)
        text = "\n".join(lines[heading.line : end - 1]).strip()
        where, called = heading.line, heading.text
        if not blocks:
            raise GuideInvalid(name, where, f"task {called!r} has no code", "Add a ```python block")
        for part in PARTS:
            if f"**{part}**" not in text:
                raise GuideInvalid(
                    name, where, f"task {called!r} has no **{part}**", f"Add '**{part}**: …'"
                )
        slug = task_name(called)
        if not slug:
            raise GuideInvalid(name, where, f"task {called!r} has no address", "Use letters a to z")
        if slug in {task.name for task in found}:
            raise GuideInvalid(name, where, f"two tasks are called {called!r}", "Rename one")
        found.append(Task(slug, called, where, end, text, blocks, is_integration))
    if not found and not is_integration:
        raise GuideInvalid(name, section.line, "there is no task", "Add one as '### Name'")
    return found


def _check_blocks(page: Page, tasks: list[Task], name: str) -> None:
    inside = {block.line for task in tasks for block in task.blocks}
    for block in page.blocks:
        if block.line not in inside:
            raise GuideInvalid(
                name,
                block.line - 1,
                "a Python block is outside of all tasks, so it would run without context",
                "Move it into a task",
            )
