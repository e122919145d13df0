"""A marker worker that hangs, dies, sends garbage or leaves children causes a clear error."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from fumehood_tools.errors import BadRequest, FumehoodError, PartMissing, Unreadable
from fumehood_tools.reading.document import Document
from fumehood_tools.reading.marker import read_with_marker
from fumehood_tools.settings import MarkerSettings

READ = (
    "import sys, os, json, time; asked = json.load(sys.stdin); "
    "request, out = asked['request'], asked['out']; "
)


def stand_in(script: str) -> list[str]:
    return [sys.executable, "-c", READ + script]


def ended(note: Path) -> bool:
    """Return whether the process whose id is in a file ends within 10 s."""
    pid = int(note.read_text(encoding="utf-8"))
    end = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > end:
            return False
    return True


@pytest.mark.usefixtures("marker_installed")
def test_the_document_of_the_worker_comes_back_with_its_progress(
    own_pdf: Path, settings: MarkerSettings
) -> None:
    document = Document(source="marker-layout", title="Moss", pages=1)
    answer = document.model_dump_json()
    script = f"print('progress', 1, 1, flush=True); open(out, 'w').write({answer!r})"
    told: list[tuple[int, int]] = []
    got = read_with_marker(
        own_pdf,
        mode="layout",
        settings=settings,
        on_progress=lambda done, total: told.append((done, total)),
        command=stand_in(script),
    )
    assert got == document and told == [(1, 1)]


@pytest.mark.usefixtures("marker_installed")
def test_the_worker_can_neither_download_nor_wait_for_long(
    own_pdf: Path, settings: MarkerSettings
) -> None:
    script = (
        "title = json.dumps([dict(os.environ), request]); "
        "json.dump({'source': 'marker-layout', 'title': title}, open(out, 'w'))"
    )
    got = read_with_marker(own_pdf, mode="layout", settings=settings, command=stand_in(script))
    environ, request = json.loads(got.title)
    assert environ["HF_HUB_OFFLINE"] == "1" and Path(environ["FONT_PATH"]).is_file()
    assert environ["FAST_LAYOUT_SERVER_STARTUP_TIMEOUT"] == "20"
    assert environ["OCR_ERROR_SERVER_STARTUP_TIMEOUT"] == "20"
    assert environ["TORCH_DEVICE"] == "cpu"
    assert request["mode"] == "layout" and request["ocr"] is False
    assert request["path"] == str(own_pdf)


@pytest.mark.usefixtures("marker_installed")
@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("time.sleep(600)", "took over 1 s"),
        ("os.kill(os.getpid(), 9)", "died .signal 9"),
        ("sys.exit('out of luck')", "out of luck"),
        ("open(out, 'w').write('[]')", "not a document"),
    ],
)
def test_a_worker_that_hangs_dies_or_lies_is_a_clear_error(
    own_pdf: Path, settings: MarkerSettings, tmp_path: Path, script: str, message: str
) -> None:
    note = tmp_path / "pid"
    command = stand_in(f"open({str(note)!r}, 'w').write(str(os.getpid())); {script}")
    seconds = 1 if "sleep" in script else 20
    began = time.monotonic()
    with pytest.raises(Unreadable, match=message):
        read_with_marker(
            own_pdf, mode="layout", settings=settings, seconds=seconds, command=command
        )
    assert time.monotonic() - began < 10
    assert ended(note)


@pytest.mark.usefixtures("marker_installed")
@pytest.mark.parametrize("end", ["time.sleep(600)", "os.kill(os.getpid(), 9)"])
def test_a_server_that_it_started_in_a_session_of_its_own_does_not_outlive_it(
    own_pdf: Path, settings: MarkerSettings, tmp_path: Path, end: str
) -> None:
    note = tmp_path / "pid"
    script = (
        "import subprocess; "
        "server = subprocess.Popen(['sleep', '600'], start_new_session=True); "
        f"open({str(note)!r}, 'w').write(str(server.pid)); {end}"
    )
    with pytest.raises(Unreadable):
        read_with_marker(
            own_pdf, mode="layout", settings=settings, seconds=3, command=stand_in(script)
        )
    assert ended(note)


def test_without_marker_it_says_at_once_what_installs_it(
    own_pdf: Path, settings: MarkerSettings, install: Callable[..., None]
) -> None:
    install()
    with pytest.raises(PartMissing, match="marker is not available"):
        read_with_marker(own_pdf, mode="layout", settings=settings, command=["false"])


@pytest.mark.usefixtures("marker_installed")
def test_without_models_mode_models_is_refused_before_anything_starts(
    own_pdf: Path, settings: MarkerSettings
) -> None:
    with pytest.raises(PartMissing, match="hf download datalab-to/surya_layout2"):
        read_with_marker(own_pdf, mode="models", settings=settings, command=["false"])


@pytest.mark.usefixtures("marker_installed")
def test_a_file_that_is_none_is_refused(tmp_path: Path, settings: MarkerSettings) -> None:
    with pytest.raises(BadRequest, match="no file"):
        read_with_marker(tmp_path / "gone.pdf", mode="layout", settings=settings)


@pytest.mark.usefixtures("marker_installed")
@pytest.mark.parametrize("content", [b"", b"%PDF-1.5\n%%EOF", b"<html>no pdf</html>"])
def test_a_damaged_file_is_told_by_the_worker_without_importing_marker(
    tmp_path: Path, settings: MarkerSettings, content: bytes
) -> None:
    path = tmp_path / "broken.pdf"
    path.write_bytes(content)
    with pytest.raises(FumehoodError, match="broken.pdf is damaged") as caught:
        read_with_marker(path, mode="layout", settings=settings)
    assert caught.value.code == "unreadable"
