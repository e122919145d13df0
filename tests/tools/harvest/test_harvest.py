"""The harvest process, `python -m fumehood_tools.harvest`, on the synthetic subject."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fumehood_tools.errors import StorageFailed
from fumehood_tools.harvest import Activations, read_activations

pytestmark = pytest.mark.child

SUBJECT = {"name": "synthetic", "layer": 0, "site": "resid_post"}
CORPUS = {"name": "synthetic", "context": 32, "train_tokens": 40_000, "eval_tokens": 2_000}
LARGE = {**CORPUS, "train_tokens": 130_000}  # eight shards


def start(cache: Path, **changes: Any) -> subprocess.Popen[str]:
    """Start a harvest child; its stdout is JSON lines."""
    spec = {"subject": SUBJECT, "corpus": CORPUS, "cache": str(cache), "parts": ["activations"]}
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / "spec.json"
    path.write_text(json.dumps({**spec, **changes}), encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "-m", "fumehood_tools.harvest", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
    )


def finish(child: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """Wait for a child to end; return all lines that it has written."""
    out, err = child.communicate(timeout=120)
    assert out, err
    return [json.loads(line) for line in out.splitlines()]


def harvest(cache: Path, **changes: Any) -> Activations:
    """Run a harvest to its end and return its activations."""
    last = finish(start(cache, **changes))[-1]
    assert "activations" in last, last
    return Activations.model_validate(last["activations"])


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait until the condition holds; fail after `seconds`."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.01)  # the child needs the processor


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every npy file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.npy")}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with one finished harvest of CORPUS."""
    cache = tmp_path_factory.mktemp("finished")
    harvest(cache)
    return cache


def test_a_harvest_leaves_shards_tokens_and_a_scale_that_fit_together(finished: Path) -> None:
    found = harvest(finished)
    x_ND = np.concatenate([np.load(path) for path in found.train_shards]).astype(np.float64)
    tokens = np.load(found.eval_tokens_file)
    assert x_ND.shape == (found.train_tokens, 64) and found.train_tokens >= 40_000
    assert found.scale == pytest.approx(np.sqrt((x_ND**2).sum(1).mean()), rel=1e-6)
    assert tokens.shape == (found.eval_tokens // 31, 32) and (tokens[:, 0] == 0).all()
    assert sum(len(np.load(path)) for path in found.eval_shards) == found.eval_tokens
    assert all(np.load(path).dtype == np.float16 for path in found.train_shards)
    assert read_activations(found.folder) == found


def test_a_killed_harvest_goes_on_where_it_was_and_makes_the_same_bytes(tmp_path: Path) -> None:
    child = start(tmp_path / "killed", corpus=LARGE)
    wait_for(lambda: list((tmp_path / "killed").glob("activations/*/train/00001.npy")))
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=30)
    (folder,) = (path for path in (tmp_path / "killed/activations").iterdir() if path.is_dir())
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("*/[0-9]*.npy")}
    assert 3 <= len(kept) < 9 and not (folder / "manifest.json").exists()
    half_written = folder / "train" / ".00009.npy.abc"
    half_written.write_bytes(b"as left by a kill")

    lines = finish(start(tmp_path / "killed", corpus=LARGE))
    resumed = Activations.model_validate(lines[-1]["activations"])
    undisturbed = harvest(tmp_path / "whole", corpus=LARGE)
    assert resumed.digest == undisturbed.digest and resumed.scale == undisturbed.scale
    assert contents(resumed.folder) == contents(undisturbed.folder)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert not half_written.exists()
    counted = [line["progress"] for line in lines if "progress" in line]
    assert counted[-1]["done"] == counted[-1]["total"] and counted[-1]["rate"] > 0


def test_a_finished_harvest_is_found_again_without_importing_torch(finished: Path) -> None:
    code = (
        "import sys; from fumehood_tools.harvest.__main__ import main;"
        f"main([{str(finished / 'spec.json')!r}]); sys.exit('torch' in sys.modules)"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    again = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert again.returncode == 0 and '"activations"' in again.stdout


def test_a_shard_that_was_cut_short_is_made_again(finished: Path) -> None:
    found = harvest(finished)
    before = contents(found.folder)
    shard = found.train_shards[1]
    shard.write_bytes(shard.read_bytes()[:1000])
    (found.folder / "manifest.json").unlink()
    assert contents(harvest(finished).folder) == before


def test_two_harvests_of_the_same_data_at_once_do_the_work_once(tmp_path: Path) -> None:
    first = start(tmp_path)
    assert first.stdout is not None and "Loading" in first.stdout.readline()
    lines = finish(start(tmp_path))
    phases = [line["progress"]["phase"] for line in lines if "progress" in line]
    assert set(phases) == {"waiting"} and "waiting for it" in lines[0]["progress"]["message"]
    assert finish(first)[-1] == lines[-1]


def test_a_full_disk_ends_in_a_typed_error_and_a_later_run_goes_on(tmp_path: Path) -> None:
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limit[1]))
    try:
        child = start(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    last = finish(child)[-1]
    assert child.returncode == 1 and last["error"]["code"] == "storage_failed"
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".0")]
    assert harvest(tmp_path).eval_tokens >= 2_000


@pytest.mark.parametrize(
    ("changes", "code", "hint"),
    [
        ({"subject": {**SUBJECT, "layer": 3}}, "bad_request", "layers 0 to 0"),
        ({"subject": {"name": "smollm2-136m"}}, "unknown_name", "smollm2-135m"),
        ({"corpus": {"name": "mixed"}}, "bad_request", 'corpus.name to "synthetic"'),
        ({"parts": ["probing"]}, "unknown_name", "topics"),
        ({"colour": "red"}, "bad_request", "colour"),
    ],
)
def test_a_request_that_cannot_be_right_is_answered_with_the_way_out(
    tmp_path: Path, changes: dict[str, Any], code: str, hint: str
) -> None:
    last = finish(start(tmp_path, **changes))[-1]
    assert last["error"]["code"] == code and hint in last["error"]["message"]


def test_a_folder_without_a_manifest_is_not_a_harvest(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed):
        read_activations(tmp_path)
