"""Find out what marker can do on this machine, within 2 s and without importing it.

It looks at package metadata and model caches, and tries to connect to the configured servers. It
downloads nothing and does not check that a model loads.
"""

import json
import shutil
import socket
import threading
import time
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import BaseModel, Field

from fumehood_tools.installing import install_command
from fumehood_tools.settings import MarkerSettings, load_marker_settings

CONNECT_SECONDS = 0.8
OCR_ERROR_MODEL = "ocr_error_detection/2025_02_18"
OCR_MODEL = "hf://datalab-to/surya-ocr-2-gguf"
_HERE = ("localhost", "127.0.0.1", "::1")


class MarkerStatus(BaseModel, frozen=True):
    """What marker can do on this machine, and what is missing for more."""

    mode: Literal["models", "layout", "none"] = Field(description="The best mode available")
    version: str | None = Field(
        default=None, description="Version of marker-pdf; None = not installed"
    )
    ocr: bool = Field(
        default=False, description="True if scanned pages and equations can be read too"
    )
    conversion: Literal["fast", "balanced"] = Field(
        default="fast",
        description="balanced: the OCR server also does the layout, which is best and slowest",
    )
    missing: list[str] = Field(
        default_factory=list, description="What is missing, one sentence each"
    )
    next_step: str = Field(default="", description="What to install or run first")


def marker_available(settings: MarkerSettings | None = None) -> MarkerStatus:
    """Return what marker can do on this machine."""
    settings = settings or load_marker_settings()
    installed = {name: _version(name) for name in ("marker-pdf", "surya-ocr", "torch")}
    found = installed["marker-pdf"]
    if gone := [name for name, release in installed.items() if release is None]:
        are = "is" if len(gone) == 1 else "are"
        missing = [f"{' and '.join(gone)} {are} not installed."]
        return MarkerStatus(
            mode="none", version=found, missing=missing, next_step=install_command("pdf")
        )
    if not found or not found.startswith("2."):
        missing = [f"marker-pdf {found} is installed; 2.x is needed."]
        return MarkerStatus(
            mode="none", version=found, missing=missing, next_step=install_command("pdf")
        )
    answering = _answering(settings)
    layout = _layout_gap(settings, answering)
    ocr = _ocr_gap(settings, answering) or _ocr_error_gap(settings, answering)
    gaps = [gap for gap in (layout, ocr) if gap]
    return MarkerStatus(
        mode="layout" if layout and ocr else "models",
        version=found,
        ocr=ocr is None,
        conversion="balanced" if not ocr and (layout or settings.ocr_server) else "fast",
        missing=[gap.text for gap in gaps],
        next_step=gaps[0].cure if gaps else "",
    )


class _Gap(NamedTuple):
    """A missing part, and what to install or run to add it."""

    text: str
    cure: str


def _layout_gap(settings: MarkerSettings, answering: set[str]) -> _Gap | None:
    if settings.layout_server:
        return _server_gap("FAST_LAYOUT_SERVER_URL", settings.layout_server, answering)
    model = settings.layout_model
    if not _holds_weights(model, settings.hub, "*.pth"):
        place = f"{'the cache ' + str(settings.hub) if model.startswith('hf://') else 'its folder'}"
        cure = f"hf download {model.removeprefix('hf://')} (or set FAST_LAYOUT_SERVER_URL)"
        return _Gap(f"The layout model {model} is not in {place}.", cure)
    torch, vision = _version("torch") or "", _version("torchvision")
    cure = f"the build of torchvision that was made for torch {torch}"
    if vision is None:
        return _Gap("The layout model needs torchvision, which is not installed.", cure)
    if torch.partition("+")[2] != vision.partition("+")[2]:
        return _Gap(f"torchvision {vision} was not built for torch {torch}.", cure)
    return None


def _ocr_gap(settings: MarkerSettings, answering: set[str]) -> _Gap | None:
    if settings.ocr_server:
        return _server_gap("SURYA_INFERENCE_URL", settings.ocr_server, answering)
    local = settings.ocr_model is not None and settings.ocr_model.is_file()
    if not (local or _holds_weights(OCR_MODEL, settings.hub, "*.gguf")):
        cure = f"hf download {OCR_MODEL.removeprefix('hf://')} (or set SURYA_INFERENCE_URL)"
        return _Gap(f"The OCR model {OCR_MODEL} is not in the cache {settings.hub}.", cure)
    if shutil.which(settings.llama_server) is None:
        gap = f"The OCR model needs the program {settings.llama_server}, which is not found."
        return _Gap(gap, "llama.cpp, or set SURYA_INFERENCE_URL")
    return None


def _ocr_error_gap(settings: MarkerSettings, answering: set[str]) -> _Gap | None:
    if settings.ocr_error_server:
        return _server_gap("OCR_ERROR_SERVER_URL", settings.ocr_error_server, answering)
    folder = settings.models / OCR_ERROR_MODEL
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        whole = all((folder / name).is_file() for name in manifest["files"])
    except (OSError, ValueError, KeyError, TypeError):
        whole = False
    cure = "marker_single PAPER.pdf, run once with downloads (or set OCR_ERROR_SERVER_URL)"
    return None if whole else _Gap(f"{OCR_ERROR_MODEL} is not in {settings.models}.", cure)


def _server_gap(variable: str, url: str, answering: set[str]) -> _Gap | None:
    if url in answering:
        return None
    return _Gap(
        f"No server answers at {variable}={url}.", f"a running server there, or {variable} unset"
    )


def _holds_weights(checkpoint: str, hub: Path, pattern: str) -> bool:
    """Return whether a checkpoint is on this disk.

    `checkpoint` is a folder, or hf://owner/name for a model in the Hugging Face cache `hub`.
    """
    name = checkpoint.removeprefix("hf://")
    if name == checkpoint:
        return any(Path(checkpoint).glob(pattern))
    owner, _, rest = name.partition("/")
    model, _, inside = rest.partition("/")
    snapshots = hub / f"models--{owner}--{model}" / "snapshots"
    return any(snapshots.glob(f"*/{inside + '/' if inside else ''}{pattern}"))


def _answering(settings: MarkerSettings) -> set[str]:
    """Return the addresses of configured servers that accept a connection.

    In offline mode, only servers on this host are tried.
    """
    asked = (settings.layout_server, settings.ocr_error_server, settings.ocr_server)
    return _connecting(
        url for url in asked if url and (not settings.offline or urlsplit(url).hostname in _HERE)
    )


def _connecting(urls: Iterable[str]) -> set[str]:
    found: set[str] = set()

    def connect(url: str) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
            socket.create_connection((parts.hostname or "", port), CONNECT_SECONDS).close()
        except (OSError, ValueError):
            return
        found.add(url)

    # Daemon threads, because a DNS lookup has no time limit: a slow one is abandoned.
    threads = [threading.Thread(target=connect, args=(url,), daemon=True) for url in urls]
    for thread in threads:
        thread.start()
    end = time.monotonic() + CONNECT_SECONDS
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return found.copy()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
