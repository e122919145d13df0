"""Examine the machine: fumehood's packages, its folders, the hardware, and each wing's needs."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import psutil

from fumehood_tools.doctor.packages import group, installed_version, with_imports
from fumehood_tools.doctor.report import DoctorReport, Part, State, optional
from fumehood_tools.files import total_size
from fumehood_tools.settings import KeyState, Settings, key_states
from fumehood_tools.wings.declared import imported, keys_of

_GIB = 1 << 30
_NEEDED_GIB = 3
_SMI = ("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader")
KEY_WORDS: Mapping[KeyState, str] = {
    "set": "set",
    "not set": "not set",
    "not filled in": "not set (the client did not fill it in)",
}


def examine(
    settings: Settings, environ: Mapping[str, str] | None = None, *, imports: bool = False
) -> DoctorReport:
    """Return the report on the parts that are installed or missing, for all wings in the settings.

    environ: the environment variables to search for keys; default: this process's. imports: also
    import the packages that are installed, in a child process, which takes some seconds. Packages
    of the right versions can still fail to import beside each other.
    """
    parts = [dotted for one in settings.declared for dotted in one.doctor]
    findings = [
        *_packages(),
        *(part for dotted in parts for part in imported(dotted)(settings)),
        *_places(settings),
        *_machine(settings),
        *_keys(settings, environ),
    ]
    if imports:
        findings = [with_imports(finding) for finding in findings]
    ready = all(finding.state != "missing" for finding in findings)
    return DoctorReport(
        version=installed_version("fumehood") or "0+checkout", ready=ready, findings=findings
    )


def _packages() -> list[Part]:
    release = platform.python_version()
    known = (3, 11) <= sys.version_info[:2] <= (3, 12)
    return [
        Part(
            section="packages",
            part="python",
            state="ok" if known else "missing",
            detail=release if known else f"{release}; 3.11 or 3.12 is needed",
            command=None if known else "make PYTHON=python3.11 setup",
        ),
        group("core", needed=True),
    ]


def _places(settings: Settings) -> list[Part]:
    cached = total_size(settings.cache.rglob("*")) if settings.cache.is_dir() else 0
    return [
        _place("workspace", settings.workspace, "FUMEHOOD_WORKSPACE", ""),
        _place("cache", settings.cache, "FUMEHOOD_CACHE", f", {cached / _GIB:.2f} GiB in it"),
    ]


def _place(part: str, folder: Path, variable: str, more: str) -> Part:
    existing = next(path for path in (folder, *folder.parents) if os.path.exists(path))
    free = shutil.disk_usage(existing).free / _GIB
    detail, command = f"{folder}, {free:.1f} GiB free{more}", None
    if not _writable(existing):
        detail, command = f"{folder} is not writable", f"{variable}=<a writable folder> fumehood …"
    elif free < _NEEDED_GIB:
        detail += f"; {_NEEDED_GIB} GiB are needed"
        command = f"{variable}=<a folder on a larger disk> fumehood …"
    state: State = "missing" if command else "ok"
    return Part(section="places", part=part, state=state, detail=detail, command=command)


def _writable(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _machine(settings: Settings) -> list[Part]:
    from fumehood_tools.machine import choose_dtype, describe_processor, known_machine

    memory = psutil.virtual_memory()
    sizes = f"{memory.total / _GIB:.0f} GiB, {memory.available / _GIB:.0f} GiB free"
    cores = f"{psutil.cpu_count()} cores, {describe_processor()}"
    known = known_machine(settings.cache)
    arithmetic = None
    if known is not None:
        forced = "" if settings.dtype == "auto" else ", forced by FUMEHOOD_DTYPE"
        arithmetic = (
            f"{choose_dtype(settings.dtype, known)}{forced}: float32 {known.float32_gflops:.0f}, "
            f"bfloat16 {known.bfloat16_gflops:.0f}, 8-bit integers {known.int8_gops:.0f} GFLOP/s "
            f"measured on {known.threads} threads"
        )
    return [
        Part(section="machine", part="processor", state="ok", detail=cores),
        Part(section="machine", part="memory", state="ok", detail=sizes),
        optional("gpu", _gpu(), "none found; everything runs on the processor"),
        optional("arithmetic", arithmetic, "not measured yet; the first harvest measures it"),
    ]


def _gpu() -> str | None:
    if shutil.which(_SMI[0]) is None:
        return None
    try:
        done = subprocess.run(_SMI, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return "; ".join(done.stdout.strip().splitlines()) or None


def _keys(settings: Settings, environ: Mapping[str, str] | None) -> list[Part]:
    uses = keys_of(settings.declared)
    return [
        Part(
            section="keys (optional)",
            part=name,
            state="ok" if state == "set" else "absent",
            detail=f"{KEY_WORDS[state]}: {uses[name]}",
        )
        for name, state in key_states(environ, settings.declared).items()
    ]
