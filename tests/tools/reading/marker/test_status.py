"""marker_available answers within two seconds, without importing or downloading anything."""

import json
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fumehood_tools.reading.marker import MarkerStatus, marker_available
from fumehood_tools.reading.marker.status import OCR_ERROR_MODEL
from fumehood_tools.settings import MarkerSettings, load_marker_settings

Install = Callable[..., None]


def quick(settings: MarkerSettings) -> MarkerStatus:
    """Return the status, and check that it comes in time and imports nothing heavy."""
    before = set(sys.modules)
    began = time.monotonic()
    status = marker_available(settings)
    assert time.monotonic() - began < 2
    assert not {"marker", "surya", "torch", "numpy"} & (set(sys.modules) - before)
    return status


@pytest.fixture
def listening() -> Iterator[str]:
    """Return the address of a local server that accepts connections."""
    with socket.create_server(("0.0.0.0", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"


@pytest.fixture
def full() -> Iterator[str]:
    """Return the address of a server whose queue is full, so that connecting hangs."""
    waiting = []
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        for _ in range(8):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(server.getsockname())
            waiting.append(client)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
    for client in waiting:
        client.close()


def put_layout_model(settings: MarkerSettings) -> None:
    folder = settings.hub / "models--datalab-to--surya_layout2" / "snapshots" / "0123abc"
    folder.mkdir(parents=True)
    (folder / "model.pth").write_bytes(b"weights")


def put_ocr_models(settings: MarkerSettings, program: Path) -> MarkerSettings:
    folder = settings.models / OCR_ERROR_MODEL
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"files": ["a.bin"]}), encoding="utf-8")
    (folder / "a.bin").write_bytes(b"weights")
    gguf = settings.models / "surya.gguf"
    gguf.write_bytes(b"weights")
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    return settings.model_copy(update={"ocr_model": gguf, "llama_server": str(program)})


def test_nothing_installed_is_said_with_the_command_that_installs_it(
    install: Install, settings: MarkerSettings
) -> None:
    install()
    status = quick(settings)
    assert status.mode == "none" and status.version is None
    assert "marker-pdf" in status.missing[0] and "pdf" in status.next_step


def test_a_package_that_marker_needs_is_missed_by_name(
    install: Install, settings: MarkerSettings
) -> None:
    install(marker_pdf="2.0.0", torch="2.13.0")
    status = quick(settings)
    assert status.mode == "none" and status.missing == ["surya-ocr is not installed."]


def test_another_major_release_of_marker_is_not_used(
    install: Install, settings: MarkerSettings
) -> None:
    install(marker_pdf="1.10.1", surya_ocr="0.17.0", torch="2.13.0")
    status = quick(settings)
    assert status.mode == "none" and "1.10.1" in status.missing[0]


@pytest.mark.usefixtures("marker_installed")
def test_without_models_the_layout_of_our_own_is_possible(settings: MarkerSettings) -> None:
    status = quick(settings)
    assert status.mode == "layout" and not status.ocr and status.version == "2.0.0"
    assert "surya_layout2" in status.missing[0] and str(settings.hub) in status.missing[0]
    assert status.next_step.startswith("hf download datalab-to/surya_layout2")


def test_the_layout_model_in_the_cache_makes_mode_models_possible(
    install: Install, settings: MarkerSettings
) -> None:
    install(marker_pdf="2.0.0", surya_ocr="0.22.1", torch="2.13.0", torchvision="0.28.0")
    put_layout_model(settings)
    status = quick(settings)
    assert status.mode == "models" and not status.ocr and status.conversion == "fast"
    assert "OCR model" in " ".join(status.missing)


def test_a_folder_of_weights_may_be_named_instead(
    install: Install, settings: MarkerSettings, tmp_path: Path
) -> None:
    install(marker_pdf="2.0.0", surya_ocr="0.22.1", torch="2.13.0", torchvision="0.28.0")
    mine = settings.model_copy(update={"layout_model": str(tmp_path)})
    assert quick(mine).mode == "layout"
    (tmp_path / "own.pth").write_bytes(b"weights")
    assert quick(mine).mode == "models"


@pytest.mark.parametrize(
    ("vision", "said"), [({}, "not installed"), ({"torchvision": "0.28.0"}, "not built for torch")]
)
def test_a_layout_model_without_its_torchvision_is_not_promised(
    install: Install, settings: MarkerSettings, vision: dict[str, str], said: str
) -> None:
    install(marker_pdf="2.0.0", surya_ocr="0.22.1", torch="2.13.0+cpu", **vision)
    put_layout_model(settings)
    status = quick(settings)
    assert status.mode == "layout" and said in status.missing[0]
    assert "torchvision" in status.next_step


@pytest.mark.usefixtures("marker_installed")
def test_ocr_needs_its_model_its_program_and_its_judge(
    settings: MarkerSettings, tmp_path: Path
) -> None:
    mine = put_ocr_models(settings, tmp_path / "llama-server")
    status = quick(mine)
    assert status.ocr and status.mode == "models" and status.conversion == "balanced"
    (settings.models / OCR_ERROR_MODEL / "a.bin").unlink()
    assert not quick(mine).ocr
    gone = mine.model_copy(update={"llama_server": str(tmp_path / "nothing")})
    assert "nothing" in " ".join(quick(gone).missing)


@pytest.mark.usefixtures("marker_installed")
def test_servers_that_take_connections_stand_for_models(
    settings: MarkerSettings, listening: str
) -> None:
    servers = {"layout_server": listening, "ocr_server": listening, "ocr_error_server": listening}
    status = quick(settings.model_copy(update=servers))
    assert status.mode == "models" and status.ocr and status.conversion == "balanced"
    assert not status.missing and not status.next_step


@pytest.mark.usefixtures("marker_installed")
def test_servers_that_hang_or_are_gone_are_named_in_time(
    settings: MarkerSettings, full: str
) -> None:
    gone = "http://127.0.0.1:9"
    servers = {"layout_server": full, "ocr_server": gone, "ocr_error_server": "no address"}
    status = quick(settings.model_copy(update=servers))
    assert status.mode == "layout"
    assert f"FAST_LAYOUT_SERVER_URL={full}" in status.missing[0]
    assert f"SURYA_INFERENCE_URL={gone}" in status.missing[1]


@pytest.mark.usefixtures("marker_installed")
def test_offline_pages_are_sent_to_no_server_but_this_machine_s(listening: str) -> None:
    port = listening.rpartition(":")[2]
    # 127.0.0.2 is this machine too, but the code takes it for another one.
    for url, mode in ((listening, "models"), (f"http://127.0.0.2:{port}", "layout")):
        env = {"FUMEHOOD_OFFLINE": "1", "FAST_LAYOUT_SERVER_URL": url}
        assert quick(load_marker_settings(env)).mode == mode


def test_the_caches_are_those_that_the_libraries_use(tmp_path: Path) -> None:
    assert load_marker_settings({"HF_HUB_CACHE": "/a"}).hub == Path("/a")
    assert load_marker_settings({"HF_HOME": "/b"}).hub == Path("/b/hub")
    assert load_marker_settings({"XDG_CACHE_HOME": "/c"}).hub == Path("/c/huggingface/hub")
    assert load_marker_settings({}).hub == Path.home() / ".cache/huggingface/hub"
    assert load_marker_settings({"MODEL_CACHE_DIR": "/d"}).models == Path("/d")
    assert load_marker_settings({}).models.parts[-2:] == ("datalab", "models")
