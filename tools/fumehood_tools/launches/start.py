"""Start a launch as a job. Checks the request and returns at once; the job does the work."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from fumehood_tools.errors import BadRequest
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.launches.request import REQUEST_FILE, LaunchRequest, Script
from fumehood_tools.plain_files import read_plain
from fumehood_tools.pods.wanted import PodsWanted
from fumehood_tools.settings import Settings

MOST_SCRIPT_BYTES = 1 << 20
MOST_WORDS = 100
_PLAIN = re.compile(r"[^\x00-\x1f\x7f\\]+")


def script_of(
    settings: Settings, name: str, arguments: Sequence[str] = (), results: Sequence[str] = ()
) -> Script:
    """Return a Python script of the workspace, read now: later edits do not matter.

    Raises BadRequest for a name outside the workspace or a result that is no plain path below the
    script's folder, StorageFailed for a file that cannot be read.
    """
    folder = settings.workspace.resolve()
    path = (folder / name).resolve()
    if not path.is_relative_to(folder) or path.is_relative_to(folder / ".fumehood"):
        raise BadRequest(f"{name!r} is not in the workspace. Put the script there.")
    if path.suffix != ".py":
        raise BadRequest(f"{name!r} is not a Python file. Name one that ends in .py.")
    if len(arguments) > MOST_WORDS or len(results) > MOST_WORDS:
        raise BadRequest(f"At most {MOST_WORDS} arguments and results are allowed. Pass fewer.")
    for result in results:
        _check_result(result)
    try:
        source = read_plain(path, MOST_SCRIPT_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest(f"{name!r} is not text in UTF-8. Save it as such.") from error
    named = tuple(str(PurePosixPath(result)) for result in results)
    return Script(name=Path(name).name, source=source, arguments=tuple(arguments), results=named)


def start_launch(
    settings: Settings,
    jobs: JobStore,
    pods: PodsWanted,
    script: Script | None = None,
    request_key: str | None = None,
) -> Job:
    """Queue a launch. The price was agreed on before. Raises StorageFailed."""
    request = LaunchRequest(pods=pods, script=script)
    kinds = " or ".join(pods.gpus)
    doing = f"run {script.name}" if script else "keep"
    return jobs.submit(
        "pods",
        [sys.executable, "-m", "fumehood_tools.launches.worker"],
        title=f"{doing}: {pods.count} x {kinds}",
        slot="pods",
        request_key=request_key,
        env=settings.as_environment(),
        files={REQUEST_FILE: request.model_dump(mode="json")},
    )


def _check_result(name: str) -> None:
    path = PurePosixPath(name)
    if not _PLAIN.fullmatch(name) or path.is_absolute() or ".." in path.parts or not path.parts:
        raise BadRequest(
            f"The result {name!r} is not a path below the folder in which the script runs. Name "
            "files or folders that the script writes, such as scores.json."
        )
