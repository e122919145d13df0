"""Planted cases through real runs on the synthetic subject, and blanks that must not win."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.sandbox_files import tiny_sandbox

from fumehood_tools.compare import compare_variants
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.runs import start_run
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.settings import Settings

pytestmark = pytest.mark.slow

# IDLE is the share of latents that may not be used: a lower share is better. GAIN is absorbed by
# the weights: another value changes the computation, but not the resulting SAE.
SOURCE = '''"""TopK that may not use all of its latents."""

import torch

from core import BaseTopK, BaseTopKTrainer, keep_largest

K = 8
KNOB = "K"
IDLE = {idle}
MORE_SEED = {more_seed}
GAIN = {gain}


class CustomSAE(BaseTopK):
    """TopK with some latents held at 0."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)
        used = torch.ones(dict_size)
        used[: int(IDLE * dict_size)] = 0.0
        self.register_buffer("used", used)

    def select(self, centred):
        return keep_largest(GAIN * self.scores(centred) * self.used, int(self.k))


class CustomTrainer(BaseTopKTrainer):
    """TopK's loss."""

    k = K

    def __init__(self, **kwargs):
        super().__init__(**{{**kwargs, "seed": kwargs["seed"] + MORE_SEED}})
'''
Ended = Callable[[JobStore, Job, float], Job]


def write(box: Sandbox, name: str, idle: float, more_seed: int = 0, gain: float = 1.0) -> str:
    source = SOURCE.format(idle=idle, more_seed=more_seed, gain=gain)
    (box.variants / f"{name}.py").write_text(source, encoding="utf-8")
    return name


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    return Settings(workspace=tmp_path / "ws", cache=shared_cache)


@pytest.fixture
def box(settings: Settings) -> Sandbox:
    """A sandbox without probing, which takes most of the time and is not compared here."""
    return tiny_sandbox(settings, dict_size=128, train_tokens=16_000, eval_tokens=4_064)


def run(
    settings: Settings, ended: Ended, variants: list[str], seeds: int, levels: list[int]
) -> None:
    with contextlib.closing(JobStore(settings.state)) as store:
        grid = {"K": levels}
        job = start_run(settings, store, "box", variants, range(seeds), grid=grid).job
        job = ended(store, job, 1_200)
        assert job.status == "succeeded" and job.result, store.read_log(job.job_id)
        assert not job.result["failed"], job.result


def test_better_equal_and_worse_are_told_apart(
    settings: Settings, box: Sandbox, ended: Ended
) -> None:
    names = [
        write(box, "half", 0.5),
        write(box, "better", 0.0),
        write(box, "equal", 0.5, gain=1.0001),
        write(box, "worse", 0.8),
    ]
    run(settings, ended, names, 5, [6, 8, 12])
    found = compare_variants(box.folder, baseline="half")
    words = {row.variant: row.verdict for row in found.rows}
    assert any("half is not a packaged baseline" in said for said in found.warnings)
    assert words == {"better": "better", "equal": "equal", "worse": "worse"}, found.text()
    assert found.tries == 4, "four files, each with one verdict"


def test_of_twenty_blanks_at_most_one_is_called_better(
    settings: Settings, box: Sandbox, ended: Ended
) -> None:
    blanks = [write(box, f"blank{n:02}", 0.5, more_seed=100 * (n + 1)) for n in range(20)]
    run(settings, ended, [write(box, "half", 0.5), *blanks], 4, [8])
    found = compare_variants(box.folder, baseline="half")
    assert len(found.rows) == 20 and found.tries == 21
    called = [row.variant for row in found.rows if row.verdict in ("better", "worse")]
    print(found.text())
    assert len(called) <= 1, found.text()
