"""Compare the installed packages with the requirements in fumehood's own metadata."""

import subprocess
import sys
import tomllib
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from fumehood_tools.children import our_environment
from fumehood_tools.doctor.report import Part
from fumehood_tools.installing import CHECKOUT, install_command

# Group of packages -> the modules through which fumehood reaches all of them.
IMPORTS = {
    "sae": ("sae_bench.evals.core.main", "datasets", "scipy.stats"),
    "pdf": ("marker",),
    "runpod": ("runpod", "asyncssh"),
}
IMPORT_SECONDS = 120.0
# One process for all, because they import each other. Imports may print, so our lines are marked.
MARK = "failed import: "
TRY_IMPORTS = f"""
import importlib, sys, traceback
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except BaseException as error:
        said = traceback.format_exception_only(error)[-1].strip()
        print("{MARK}" + name + ": " + said, flush=True)
"""


def group(part: str, *, needed: bool, use: str = "") -> Part:
    """Return the report on one group of packages: an extra of pyproject.toml, or "core"."""
    wanted = _requirements(part)
    versions = {name: installed_version(name) for name in wanted}
    gone = [name for name, found in versions.items() if found is None]
    wrong = [
        f"{name} {found} (not {wanted[name]})"
        for name, found in versions.items()
        if found is not None and not _fits(found, wanted[name])
    ]
    bad = bool(gone or wrong or not wanted)
    there = len(wanted) - len(gone)
    problems = [f"missing {', '.join(gone)}"] if gone else []
    problems += [f"wrong version: {', '.join(wrong)}"] if wrong else []
    detail = "; ".join([f"{there} of {len(wanted)} installed", *problems, *([use] if use else [])])
    return Part(
        section="packages",
        part=part,
        state=("missing" if needed else "absent") if bad else "ok",
        detail=detail,
        command=install_command(part) if bad else None,
    )


def with_imports(finding: Part) -> Part:
    """Return a finding about a group of packages that also says whether they can be imported."""
    modules = IMPORTS.get(finding.part, ())
    if finding.section != "packages" or finding.state != "ok" or not modules:
        return finding
    failed = _failed_imports(modules)
    if not failed:
        return finding.model_copy(update={"detail": f"{finding.detail}, and can be imported"})
    return finding.model_copy(
        update={
            "state": "missing",
            "detail": f"installed, but cannot be imported: {'; '.join(failed)}",
            "command": install_command(finding.part),
        }
    )


def _failed_imports(modules: Sequence[str]) -> list[str]:
    """Return "module: error" for each module that a fresh process fails to import."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-W", "ignore", "-c", TRY_IMPORTS, *modules],
            env=our_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=IMPORT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return [f"{', '.join(modules)}: it took over {IMPORT_SECONDS:.0f} s"]
    lines = done.stdout.splitlines()
    failed = [line.removeprefix(MARK)[:300] for line in lines if line.startswith(MARK)]
    if done.returncode != 0:
        failed.append(f"{', '.join(modules)}: the process ended with exit code {done.returncode}")
    return failed


def installed_version(package: str) -> str | None:
    """Return the version of a package; None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _fits(found: str, wanted: str) -> bool:
    return SpecifierSet(wanted).contains(found, prereleases=True)


def _requirements(group: str) -> dict[str, str]:
    """Return package -> version range, from the checkout or else from the installed wheel."""
    texts = _checkout_requirements(group) if CHECKOUT.is_file() else _wheel_requirements(group)
    wanted = [Requirement(text) for text in texts]
    return {one.name.lower(): str(one.specifier) for one in wanted}


def _checkout_requirements(group: str) -> list[str]:
    project = tomllib.loads(CHECKOUT.read_text(encoding="utf-8"))["project"]
    listed = {"core": project["dependencies"], **project["optional-dependencies"]}
    texts: list[str] = listed[group]
    return texts


def _wheel_requirements(group: str) -> list[str]:
    try:
        texts = requires("fumehood") or []
    except PackageNotFoundError:
        return []
    return [text for text in texts if _belongs(Requirement(text).marker, group)]


def _belongs(marker: Marker | None, group: str) -> bool:
    always = marker is None or marker.evaluate({"extra": ""})
    if group == "core" or always or marker is None:
        return always and group == "core"
    return marker.evaluate({"extra": group})
