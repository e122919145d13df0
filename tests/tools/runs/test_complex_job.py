"""A complete run of an SAE with complex parameters: checked, trained, compared, scored."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.runs import start_run
from fumehood_tools.sandbox.check import check_variant
from fumehood_tools.sandbox.create import create_sandbox
from fumehood_tools.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.child]
PHASES = '''"""TopK on the real part of complex projections of pairs of dimensions."""

import torch
from core import BaseSAE, BaseTrainer

K = 8


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        draw = torch.randn(dict_size, activation_dim // 2, dtype=torch.complex64)
        self.phases = torch.nn.Parameter(draw / draw.norm(dim=1, keepdim=True))

    def encode(self, x):
        pairs = (x - self.bias).reshape(len(x), -1, 2).contiguous()
        f = torch.relu((torch.view_as_complex(pairs) @ self.phases.T).real)
        values, index = f.topk(K, dim=-1)
        return torch.zeros_like(f).scatter(-1, index, values)


class CustomTrainer(BaseTrainer):
    def loss(self, x, step, logging=False, **kwargs):
        return (x - self.ae(x)).pow(2).sum(dim=-1).mean()
'''


def test_complex_parameters_are_trained_and_scored_as_two_real_ones_each(
    tmp_path: Path, shared_cache: Path, ended: Callable[[JobStore, Job], Job]
) -> None:
    settings = Settings(workspace=tmp_path / "ws", cache=shared_cache)
    sizes = {"dict_size": 128, "train_tokens": 20_000, "eval_tokens": 2_032}
    box = create_sandbox(settings, "box", subject="synthetic", **sizes)
    untrained = PHASES.replace("K = 8", "K = 8\nTRAIN = False")
    for name, source in {"phases": PHASES, "phases_untrained": untrained}.items():
        (box.variants / f"{name}.py").write_text(source, encoding="utf-8")
    report = check_variant(box, "phases", "rlimits")
    assert report.ok, report
    names = ["phases", "phases_untrained"]
    with contextlib.closing(JobStore(settings.state)) as store:
        job = ended(store, start_run(settings, store, "box", names, [0]).job)
    assert job.status == "succeeded" and job.result is not None, job
    assert not job.result["failed"]
    records = [
        json.loads(next(box.results.glob(f"{name}/*/score.json")).read_text(encoding="utf-8"))
        for name in names
    ]
    trained, before = records
    places = [trained["provenance"][part] for part in ("trained", "scored")]
    assert all(place["device"] == "cpu" and place["threads"] >= 1 for place in places)
    assert {place["glass"] for place in places} == {trained["glass"]}
    assert trained["metrics"]["l0"] == 8
    gain = trained["metrics"]["explained_variance"] - before["metrics"]["explained_variance"]
    assert gain > 0.1
    D, F = 64, 128
    plain, biases, phases = 2 * D * F, F + 2 * D, 2 * (F * D // 2)
    assert trained["integrity"]["parameters"] == plain + biases + phases
    assert trained["inertness"]["parent"] == "standard"
    assert "phases" in trained["inertness"]["missing"] + trained["inertness"]["added"]
