"""What an agent sees of the guides: the list, the contents of one, and one task of it."""

from collections.abc import Callable

from pydantic import BaseModel, Field

from fumehood_tools.cursors import cursor_of, offset_of
from fumehood_tools.errors import BadRequest
from fumehood_tools.guides.choosing import Chosen, choose_guide
from fumehood_tools.guides.format import Guide
from fumehood_tools.guides.report import Checked, CheckedBlock, CheckPage
from fumehood_tools.guides.request import CheckShelf
from fumehood_tools.guides.shelf import (
    Shelved,
    Status,
    bad_lines,
    changed_lines,
    guide_files,
    shelved,
    task_of,
)
from fumehood_tools.settings import Settings

BLOCKS, GUIDES = "guide-blocks", "guides"
MOST_TEXT = 18_000


class TaskRow(BaseModel, frozen=True):
    """One task of a guide."""

    task: str = Field(description="Name to pass to read_guide")
    title: str
    blocks: int
    integration: bool = Field(default=False, description="Works with another package")


class GuideRow(BaseModel, frozen=True):
    """One guide."""

    package: str = Field(description="Name to pass to read_guide")
    title: str = ""
    version: str = Field(default="", description="On which it ran")
    installed: str = Field(default="", description="Version here")
    environment: str = ""
    python: str = ""
    date: str = Field(default="", description="Of the last run")
    status: Status
    why: str = Field(default="", description="Reason of the status")
    tasks: int = 0

    def row(self) -> str:
        """Return the guide as a line of text."""
        marks = f"{self.status.upper()}: {self.why}" if self.why else self.status
        here = f" ({self.installed} is installed beside fumehood)"
        told = here if self.installed not in ("", self.version) else ""
        return (
            f"{self.package}: {self.title}; version {self.version}{told}, environment "
            f"{self.environment}, run {self.date}, {self.tasks} tasks; {marks}"
        )


class GuideList(BaseModel, frozen=True):
    """Guides, by name."""

    guides: list[GuideRow]
    total: int
    next_cursor: str | None = None

    def text(self) -> str:
        """Return the list as text for the agent."""
        lines = [f"{self.total} guides:", *(f"  {guide.row()}" for guide in self.guides)]
        lines += [f"More: cursor={self.next_cursor!r}."] * bool(self.next_cursor)
        return "\n".join([*lines, "Next: read_guide(package) lists the tasks of one."])


class GuideText(BaseModel, frozen=True):
    """One task of a guide, or without a task its contents."""

    guide: GuideRow
    warning: str = Field(default="", description="Why not to rely on it")
    task: str = ""
    tasks: list[TaskRow] = Field(default_factory=list)
    markdown: str = Field(description="The task; or purpose, cheat sheet and gotchas")
    could_not_run: list[str] = Field(default_factory=list)
    next_task: str | None = None
    other_guides: dict[str, str] = Field(
        default_factory=dict, description="Guides to other versions -> version"
    )

    def text(self) -> str:
        """Return the text for the agent."""
        lines = [f"WARNING: {self.warning}"] * bool(self.warning)
        lines.append(self.guide.row())
        lines += [
            f"There is another guide to this package, for version {version}: "
            f"read_guide(package={name!r})."
            for name, version in self.other_guides.items()
        ]
        lines += ["", self.markdown, ""]
        if self.tasks:
            lines.append("Tasks (read_guide with task=…):")
            lines += [
                f"  {it.task}: {it.title}{' (integration)' if it.integration else ''}"
                for it in self.tasks
            ]
        lines += [f"Could not be run: {it}" for it in self.could_not_run]
        lines += [f"Next task: {self.next_task}"] * bool(self.next_task)
        return "\n".join(lines)


class GuideReader:
    """Lists and reads the guides of one workspace."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def all(self, only: Callable[[str], bool] = lambda name: True) -> list[Shelved]:
        """Return all guides, by name. only: says of a name whether to read that guide."""
        checks: dict[str, Checked] = {}
        for one in CheckShelf(self._settings).all():
            known = checks.get(one.text_sha256)
            if known is None or known.checked < one.checked:
                checks[one.text_sha256] = one
        files = guide_files(self._settings).items()
        return [shelved(name, path, checks) for name, path in files if only(name)]

    def page(self, limit: int, cursor: str | None) -> GuideList:
        """Return a page of the list."""
        rows = [row_of(one) for one in self.all()]
        start = offset_of(cursor, GUIDES)
        more = cursor_of(GUIDES, start + limit) if start + limit < len(rows) else None
        return GuideList(guides=rows[start : start + limit], total=len(rows), next_cursor=more)

    def read(self, package: str, task: str | None) -> GuideText:
        """Return one task of a guide, or its contents. Raises UnknownName, BadRequest.

        package: as `find` takes it.
        """
        chosen = choose_guide(package, self.all())
        found = chosen.found
        guide = _valid(found)
        warning = _warning(chosen)
        common = {
            "guide": row_of(found),
            "could_not_run": list(guide.front.could_not_run),
            "other_guides": {it.name: it.guide.front.version for it in chosen.others if it.guide},
        }
        if task is None:
            parts = [guide.purpose, f"## Cheat sheet\n{guide.cheat_sheet}"]
            parts.append(f"## Gotchas\n{guide.gotchas}")
            rows = [
                TaskRow(
                    task=it.name,
                    title=it.title,
                    blocks=len(it.blocks),
                    integration=it.is_integration,
                )
                for it in guide.tasks
            ]
            text = _capped("\n\n".join(parts))
            return GuideText(**common, warning=warning, tasks=rows, markdown=text)
        one = task_of(found, guide, task)
        place = guide.tasks.index(one)
        after = guide.tasks[place + 1].name if place + 1 < len(guide.tasks) else None
        here = [*changed_lines(found, one), *bad_lines(found, one)]
        told = " ".join([warning, *here]).strip()
        text = _capped(f"### {one.title}\n{one.text}")
        return GuideText(**common, warning=told, task=one.name, markdown=text, next_task=after)

    def find(self, package: str) -> Shelved:
        """Return the guide that a guide's name, a package or PACKAGE==VERSION means.

        Raises UnknownName.
        """
        return choose_guide(package, self.all()).found

    def names(self) -> list[str]:
        """Return the names of all guides."""
        return list(guide_files(self._settings))

    def tasks(self) -> list[str]:
        """Return the names of the tasks of all guides."""
        guides = [one.guide for one in self.all() if one.guide is not None]
        return sorted({task.name for guide in guides for task in guide.tasks})


def row_of(found: Shelved) -> GuideRow:
    """Return the row of a guide."""
    if found.guide is None:
        return GuideRow(package=found.name, status=found.status, why=found.why)
    front = found.guide.front
    return GuideRow(
        package=found.name,
        title=found.guide.title,
        version=front.version,
        installed=found.installed,
        environment=front.environment,
        python=front.python,
        date=front.date,
        status=found.status,
        why=found.why,
        tasks=len(found.guide.tasks),
    )


def _warning(chosen: Chosen) -> str:
    found, parts = chosen.found, []
    if found.status != "passes":
        said = "fails" if found.status == "fails" else f"is {found.status}"
        parts = [f"This guide {said}.", found.why]
    parts += [chosen.mismatch] * bool(chosen.mismatch)
    return " ".join([*parts, "Check what you use against the package."]) if parts else ""


def _valid(found: Shelved) -> Guide:
    if found.guide is None:
        raise BadRequest(f"The guide is not served, because it breaks the format. {found.why}")
    return found.guide


def _capped(text: str) -> str:
    if len(text) <= MOST_TEXT:
        return text
    return f"{text[:MOST_TEXT]}\n[{len(text) - MOST_TEXT:,} more characters are in the file]"


def check_page(checked: Checked, limit: int, cursor: str | None, sarif: str) -> CheckPage:
    """Return a page of a check's blocks: those that fail first, then by line."""
    blocks = sorted(checked.blocks, key=lambda it: (it.is_good, it.number))
    start = offset_of(cursor, BLOCKS)
    shown: list[CheckedBlock] = []
    room = MOST_TEXT
    for block in blocks[start : start + limit]:
        room -= len(block.row()) + 2 * len(block.source_sha256)
        if room < 0 and shown:
            break
        shown.append(block)
    end = start + len(shown)
    return CheckPage(
        guide=checked.guide,
        environment=checked.environment,
        python=checked.python,
        versions=checked.versions,
        checked=checked.checked,
        glass=checked.glass,
        passes=checked.passes,
        stale=checked.stale,
        format_problem=checked.format_problem,
        counts=checked.counts,
        blocks=shown,
        total=len(blocks),
        next_cursor=cursor_of(BLOCKS, end) if end < len(blocks) else None,
        sarif=sarif,
    )
