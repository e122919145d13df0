"""The doctor's checks for the code wing: git, programs that pack repositories, cached sources.

None of them is required: folders, archives and packages are read without git, and we have our own
packer. Whether GITHUB_TOKEN is set stands with the other keys.
"""

import shutil
import subprocess

from fumehood_tools.doctor.packages import installed_version
from fumehood_tools.doctor.report import Part
from fumehood_tools.errors import FumehoodError
from fumehood_tools.repositories.git import Git
from fumehood_tools.repositories.room import stored
from fumehood_tools.settings import Settings
from fumehood_tools.wings.table import SOURCES_GB

LEAST_GIT = (2, 30)
LEAST_NODE = 22
_SECTION = "code"


def parts(settings: Settings) -> list[Part]:
    """Return the report on git, node and repomix, and on the cached sources."""
    return [_git(), _node(), _repomix(), _sources(settings)]


def _sources(settings: Settings) -> Part:
    entries = stored(settings.cache)
    size, most = sum(usage.size for usage in entries) / 1e9, settings.of(SOURCES_GB)
    detail = (
        f"{len(entries)} cached copies, {size:.2f} of at most {most:g} GB ({SOURCES_GB.variable}); "
        "those used longest ago are removed first"
    )
    return Part(section=_SECTION, part="sources", state="ok", detail=detail)


def _git() -> Part:
    command = "apt-get install git, or brew install git"
    try:
        version = Git().version()
    except FumehoodError:
        detail = "not found; without it, no repository on the web can be read"
        return Part(section=_SECTION, part="git", state="absent", detail=detail, command=command)
    numbers = tuple(int(it) for it in version.split()[0].split(".")[:2] if it.isdigit())
    if numbers < LEAST_GIT:
        least = ".".join(map(str, LEAST_GIT))
        detail = f"{version}, but {least} or later is needed for safe options"
        return Part(section=_SECTION, part="git", state="absent", detail=detail, command=command)
    return Part(section=_SECTION, part="git", state="ok", detail=f"{version}: clones repositories")


def _node() -> Part:
    version = _version_of("node")
    major = version.lstrip("v").partition(".")[0]
    if major.isdigit() and int(major) >= LEAST_NODE:
        return Part(section=_SECTION, part="node", state="ok", detail=f"{version}: runs repomix")
    detail = f"{version or 'not found'}; npm's repomix needs {LEAST_NODE} or later"
    return Part(section=_SECTION, part="node", state="absent", detail=detail)


def _repomix() -> Part:
    found = _version_of("repomix")
    port = installed_version("repomix")
    if not found and not port:
        detail, command = "not found; our own packer is used", "npm install --global repomix"
        return Part(
            section=_SECTION, part="repomix", state="absent", detail=detail, command=command
        )
    which = f"{found} ({'command' if not port else 'command, or the port of PyPI'})"
    detail = which if found else f"{port}, the port of PyPI"
    return Part(section=_SECTION, part="repomix", state="ok", detail=detail)


def _version_of(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        return ""
    try:
        done = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip().splitlines()[-1][:40] if done.stdout.strip() else ""
