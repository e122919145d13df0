"""Run marker on a PDF in a child process, and stop that process and everything it started.

The import of marker takes 4 to 15 s; in mode "layout", reading takes about 0.1 s per page.
"""

import contextlib
import importlib.util
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import psutil
from pydantic import ValidationError

from fumehood_tools.children import ChildTask, ask_once
from fumehood_tools.errors import BadRequest, PartMissing, Unreadable
from fumehood_tools.reading.document import Document
from fumehood_tools.reading.marker.status import MarkerStatus, marker_available
from fumehood_tools.reading.pdf.reader import ANOTHER_SOURCE
from fumehood_tools.settings import MarkerSettings, load_marker_settings

MARKER_MODULE = "fumehood_tools.reading.marker"
READ_SECONDS = 900.0
MEMORY = 8_000_000_000
_NAME_TAG = "FUMEHOOD_READER"


def read_with_marker(
    path: Path,
    *,
    mode: Literal["models", "layout"],
    seconds: float = READ_SECONDS,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    settings: MarkerSettings | None = None,
    command: Sequence[str] | None = None,
) -> Document:
    """Return the document that marker makes of a PDF.

    on_progress: called with the pages done and the total number of pages. command: replaces the
    worker, for tests. Raises BadRequest if there is no such file; PartMissing, before any process
    starts, if marker is not installed or, in mode "models", its models are missing; Unreadable if
    the file is damaged, reading takes longer than `seconds`, or the worker fails.
    """
    if not path.is_file():
        raise BadRequest(f"There is no file {path}. Pass the path of a PDF.")
    settings = settings or load_marker_settings()
    status = marker_available(settings)
    _check(status, mode)
    request = {
        "path": str(path.absolute()),
        "mode": mode,
        "conversion": status.conversion if mode == "models" else "fast",
        "ocr": status.ocr and mode == "models",
    }
    task = ChildTask(
        doing=f"Reading {path.name}",
        remedy=ANOTHER_SOURCE,
        seconds=seconds,
        memory=MEMORY,
        failure=Unreadable,
    )
    with _no_survivors() as tag:
        content = ask_once(
            MARKER_MODULE,
            request,
            task,
            on_progress=on_progress,
            environ={**_environment(settings, mode), _NAME_TAG: tag},
            command=command,
        )
    return _document(content, path.name)


def _document(content: bytes, name: str) -> Document:
    """Parse the worker's answer. Raises Unreadable if it is not a document."""
    try:
        return Document.model_validate_json(content)
    except ValidationError as error:
        raise Unreadable(
            f"marker's answer for {name} is not a document ({error.error_count()} errors). "
            "Try another source of this paper."
        ) from error


def _check(status: MarkerStatus, mode: str) -> None:
    """Raise PartMissing unless this mode is available."""
    why = " ".join(status.missing)
    if status.mode == "none":
        raise PartMissing("marker", status.next_step, why)
    if mode == "models" and status.mode != "models":
        raise PartMissing("marker's layout model", status.next_step, why)


def _environment(settings: MarkerSettings, mode: str) -> dict[str, str]:
    """Return environment variables that make marker use only what `marker_available` found."""
    optional = {
        "TORCH_DEVICE": "cpu" if mode == "layout" else settings.torch_device,
        "FAST_LAYOUT_SERVER_URL": settings.layout_server,
        "OCR_ERROR_SERVER_URL": settings.ocr_error_server,
        "SURYA_INFERENCE_URL": settings.ocr_server,
    }
    return {
        "FONT_PATH": str(_font(settings)),
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "FAST_LAYOUT_SERVER_STARTUP_TIMEOUT": "20",
        "OCR_ERROR_SERVER_STARTUP_TIMEOUT": "20",
        "FAST_LAYOUT_MODEL_CHECKPOINT": settings.layout_model,
        "HF_HUB_CACHE": str(settings.hub),
        "MODEL_CACHE_DIR": str(settings.models),
        "LOGLEVEL": "WARNING",
        **{name: value for name, value in optional.items() if value},
    }


def _font(settings: MarkerSettings) -> Path:
    """Return a file for FONT_PATH.

    marker downloads a font if FONT_PATH is missing, although it reads PDFs without one. So any
    existing file will do as the last resort.
    """
    if settings.font is not None and settings.font.is_file():
        return settings.font
    spec = importlib.util.find_spec("matplotlib")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        font = Path(folder, "mpl-data", "fonts", "ttf", "DejaVuSans.ttf")
        if font.is_file():
            return font
    return Path(__file__)


@contextlib.contextmanager
def _no_survivors() -> Iterator[str]:
    """Yield a tag for the worker's environment; at the end, kill every process that has it.

    marker starts model servers in separate sessions, meant to outlive the worker. They inherit its
    environment, so the tag finds them.
    """
    tag = uuid.uuid4().hex
    try:
        yield tag
    finally:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(_NAME_TAG) == tag:
                    process.kill()
