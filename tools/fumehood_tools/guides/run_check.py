"""Check a whole file: read it, run its blocks, keep the result, and write SARIF where asked."""

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from fumehood_tools.files import write_json
from fumehood_tools.guides.blocks import Block
from fumehood_tools.guides.changes import Changes, changed_in, with_changes
from fumehood_tools.guides.checking import BlockRun, Bounds, Report, glass_level, imported
from fumehood_tools.guides.environments import (
    PYTHON,
    Environment,
    find_environment,
    open_environment,
)
from fumehood_tools.guides.format import Guide, GuideInvalid, is_guide, parse_guide
from fumehood_tools.guides.report import Checked
from fumehood_tools.guides.request import (
    CheckRequest,
    CheckShelf,
    Target,
    check_id,
    environment_of,
    find_target,
    sarif_path,
)
from fumehood_tools.guides.sarif import sarif
from fumehood_tools.settings import Settings
from fumehood_tools.timestamps import now


def check_guide(
    request: CheckRequest, settings: Settings, report: Report, changes: Changes | None = None
) -> Checked:
    """Run every block of a file and keep the result. Raises FumehoodError."""
    target = find_target(request.guide, settings)
    environment = open_environment(environment_of(request, target), settings)
    checked = check_text(target, environment, request, settings, report, changes)
    CheckShelf(settings).put(checked)
    return checked


def kept_check(request: CheckRequest, settings: Settings) -> Checked | None:
    """Return the kept result of the same check; None if it has to be run.

    Nothing is built: a result for an environment that is not there yet cannot exist.
    """
    target = find_target(request.guide, settings)
    environment = find_environment(environment_of(request, target), settings)
    return CheckShelf(settings).get(check_id(target, environment, request))


def check_text(
    target: Target,
    environment: Environment,
    request: CheckRequest,
    settings: Settings,
    report: Report,
    changes: Changes | None = None,
) -> Checked:
    """Run every block of a file in an environment and return the result.

    changes: compares two versions of a package; used if the guide is for another one than is there.
    """
    guide, problem = _as_guide(target)
    page = target.page
    tasks: Sequence[Sequence[Block]] = (
        [task.blocks for task in guide.tasks] if guide else [page.blocks]
    )
    blocks = [block for task in tasks for block in task]
    level = glass_level(settings.glass)
    run = BlockRun(target.shown, target.text, tasks, environment, Bounds(request.block_seconds))
    package = guide.front.package if guide else ""
    checked = Checked(
        check=check_id(target, environment, request),
        guide=target.shown,
        package=package,
        guide_version=guide.front.version if guide else "",
        environment=environment.name if environment.site is None else _shown(environment),
        python=PYTHON,
        versions=environment.versions(imported(blocks), [package] if package else []),
        checked=now(),
        glass=level,
        text_sha256=target.sha256,
        format_problem=problem,
        blocks=run.checked(level, report) if blocks else (),
    )
    here = checked.versions.get(package, "")
    if not checked.stale or not here or changes is None:
        return checked
    changed = changes(package, checked.guide_version, here)
    update = {
        "blocks": with_changes(checked.blocks, blocks, changed),
        "changed": {k: v for block in blocks for k, v in changed_in(block, changed).items()},
    }
    return checked.model_copy(update=update)


def write_sarif(checked: Checked, settings: Settings) -> str:
    """Write the SARIF file of a check; return its path in the workspace. Raises StorageFailed."""
    path = sarif_path(settings, checked)
    write_json(path, sarif(checked, _version()))
    return path.relative_to(settings.workspace).as_posix()


def _as_guide(target: Target) -> tuple[Guide | None, str]:
    """Return the guide, or None and what is wrong with it if it means to be one."""
    if not is_guide(target.text):
        return None, ""
    try:
        return parse_guide(target.text, target.path.name), ""
    except GuideInvalid as error:
        return None, str(error)


def _version() -> str:
    try:
        return version("fumehood")
    except PackageNotFoundError:
        return "0"


def _shown(environment: Environment) -> str:
    return environment.name.rstrip("/").rpartition("/")[2]
