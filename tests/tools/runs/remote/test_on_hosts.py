"""A run on hosts of the user's own: real sshd on loopback, and the trainings of a local run."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.loopback_ssh import LoopbackSsh, loopback_ssh
from fakes.pod_runs import box, run_here, weights_of

from fumehood_tools.pods.ssh import ClientKey
from fumehood_tools.runs.request import RunRequest
from fumehood_tools.settings import Settings, load_settings

pytestmark = pytest.mark.child


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    own = {"FUMEHOOD_CACHE": str(shared_cache), "FUMEHOOD_DEVICE": "cpu"}
    return load_settings(tmp_path / "ws", own)


@pytest.fixture
def host(tmp_path: Path, settings: Settings) -> Iterator[LoopbackSsh]:
    """A host named lab, which is in hosts.toml."""
    folder = tmp_path / "lab"
    with loopback_ssh(folder, ClientKey(settings.state).public()) as running:
        lines = ("[lab]", 'address = "127.0.0.1"', f"port = {running.port}", "gpus = 0")
        user = f'user = "{running.address.user}"'
        more = (f'folder = "{running.root}"', f'python = "{sys.executable}"')
        text = "\n".join([*lines, user, *more, ""])
        (settings.workspace / "hosts.toml").write_text(text, encoding="utf-8")
        yield running


@pytest.mark.slow
def test_a_run_on_a_host_gives_the_weights_of_a_run_on_this_machine(
    settings: Settings, host: LoopbackSsh, tmp_path: Path
) -> None:
    for name in ("here", "there"):
        box(settings, name)
    variants = ("topk", "gated")
    request = RunRequest(sandbox="here", variants=variants, seeds=(0,))
    run_here(settings, tmp_path / "job-here", request)
    elsewhere = request.model_copy(update={"sandbox": "there", "target": "ssh"})
    result = run_here(settings, tmp_path / "job-there", elsewhere)
    assert sorted(result["scored"]) == ["gated seed 0", "topk seed 0"]
    assert weights_of(settings, "there") == weights_of(settings, "here")
    [score] = (settings.sandboxes / "there" / "results" / "topk").glob("*/score.json")
    record = json.loads(score.read_text(encoding="utf-8"))
    assert record["work"]["reference"] is None, "what a machine says about itself is no limit"
    assert record["cost"]["usd"] == 0 and record["cost"]["rented"] is None
