"""The guides that are there: those shipped with fumehood, and those in the workspace's guides/.

A guide's status comes from the newest run of its blocks: the record beside it, or a later check in
this workspace. Reading costs a few milliseconds; nothing is run.
"""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import ValidationError

from fumehood_tools.errors import StorageFailed, UnknownName
from fumehood_tools.files import data_path, read_json
from fumehood_tools.guides.blocks import MOST_BYTES
from fumehood_tools.guides.changes import changed_in
from fumehood_tools.guides.environments import OURS
from fumehood_tools.guides.format import Guide, GuideInvalid, Task, is_guide, parse_guide, task_name
from fumehood_tools.guides.report import Checked
from fumehood_tools.plain_files import read_plain
from fumehood_tools.settings import Settings

Status = Literal["passes", "fails", "stale", "unchecked", "invalid"]


class Shelved(NamedTuple):
    """One guide with its status. guide: None if it breaks the format, which `why` then says.

    installed: version of its package beside fumehood, in whatever environment the guide runs.
    """

    name: str
    path: Path
    guide: Guide | None
    status: Status
    why: str
    installed: str
    record: Checked | None = None


def guide_folders(settings: Settings) -> tuple[Path, ...]:
    """Return the folders with guides; a guide in an earlier one comes first."""
    return (settings.workspace / "guides", data_path("guides"))


def guide_files(settings: Settings) -> dict[str, Path]:
    """Return name -> file of all guides. The name is that of the file, without .md."""
    found: dict[str, Path] = {}
    for folder in guide_folders(settings):
        for path in sorted(folder.glob("*.md")):
            if path.stem not in found and path.is_file() and _means_to_be_one(path):
                found[path.stem] = path
    return dict(sorted(found.items()))


def _means_to_be_one(path: Path) -> bool:
    try:
        return is_guide(read_plain(path, MOST_BYTES).decode("utf-8", "replace"))
    except StorageFailed:
        return False


def record_path(guide: Path) -> Path:
    """Return the record beside a guide."""
    return guide.with_suffix(".record.json")


def shelved(name: str, path: Path, checks: Mapping[str, Checked]) -> Shelved:
    """Return one guide with its status. checks: text digest -> newest check in this workspace."""
    text = read_plain(path, MOST_BYTES).decode("utf-8", "replace")
    try:
        guide = parse_guide(text, path.name)
    except GuideInvalid as error:
        return Shelved(name, path, None, "invalid", str(error), "")
    record = checks.get(_digest(text)) or _record(path)
    installed = installed_version(guide.front.package)
    status, why = _status(guide, text, record, installed)
    return Shelved(name, path, guide, status, why, installed, record)


def _status(guide: Guide, text: str, record: Checked | None, installed: str) -> tuple[Status, str]:
    front = guide.front
    is_of_text = record is not None and record.text_sha256 == _digest(text)
    if record is not None and is_of_text and record.stale:
        return "stale", f"{record.stale} It ran in environment {record.environment!r}."
    if front.environment == OURS and installed != front.version:
        there = f"{installed} is installed" if installed else "it is not installed"
        what = " check_guide tells which names that it uses have changed." if installed else ""
        return "stale", f"It is for {front.package} {front.version}, but {there}.{what}"
    if record is None:
        return "unchecked", "Its blocks have not been run. Call check_guide."
    if not is_of_text:
        return "unchecked", "It was changed after its blocks ran. Call check_guide."
    if not record.passes:
        bad = [block for block in record.blocks if not block.is_good]
        lines = ", ".join(f"{block.line} ({block.outcome})" for block in bad[:5])
        return "fails", f"{len(bad)} blocks fail: line {lines}."
    return "passes", ""


def _digest(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _record(path: Path) -> Checked | None:
    try:
        return Checked.model_validate(read_json(record_path(path)))
    except (StorageFailed, ValidationError):
        return None


def installed_version(package: str) -> str:
    """Return the version of a distribution beside fumehood; "" if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def task_of(found: Shelved, guide: Guide, name: str) -> Task:
    """Return a task by its name or title, in any case. Raises UnknownName."""
    for task in guide.tasks:
        if task_name(name) == task.name:
            return task
    known = [task.name for task in guide.tasks]
    raise UnknownName("task", name, known, f"read_guide({found.name!r}) lists its tasks.")


def changed_lines(found: Shelved, task: Task) -> list[str]:
    """Return what has changed in the API that a task uses since the guide's version, as text."""
    if found.record is None or found.status != "stale":
        return []
    changed = {
        k: v for block in task.blocks for k, v in changed_in(block, found.record.changed).items()
    }
    return [f"Changed since then: {name}: {said}." for name, said in changed.items()]


def bad_lines(found: Shelved, task: Task) -> list[str]:
    """Return the blocks of a task that fail, as text."""
    if found.record is None:
        return []
    return [
        f"line {block.line}: {block.outcome}. {block.why}"
        for block in found.record.blocks
        if not block.is_good and task.line < block.line < task.end
    ]
