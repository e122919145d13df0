"""A SparseCoder of sparsify, scored in a sandbox by the way that its guide shows."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes.sandbox_files import change_setting, tiny_sandbox

from fumehood_tools.bench.table import read_benchmarks
from fumehood_tools.compare.run import compare_variants
from fumehood_tools.files import data_path
from fumehood_tools.guides.environments import open_environment
from fumehood_tools.guides.format import parse_guide
from fumehood_tools.harvest import Activations, read_activations
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.runs import start_run
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.settings import Settings

Ended = Callable[[JobStore, Job], Job]
LATENTS, K = 128, 6
# Runs with sparsify. The guide's own block comes first: it defines write_variant.
TRAIN = """
import json, sys
import numpy

given = json.loads(sys.argv[1])
def rows(paths):
    return torch.from_numpy(numpy.concatenate([numpy.load(it) for it in paths])).float()

torch.manual_seed(0)
x = rows(given["train"])
sae = SparseCoder(x.shape[1], SparseCoderConfig(num_latents=given["latents"], k=given["k"]))
sae.b_dec.data = x.mean(0)
optimizer = torch.optim.Adam(sae.parameters(), lr=3e-3)
for step in range(200):
    sae.set_decoder_norm_to_unit_norm()
    sae(x[torch.randint(0, len(x), (512,))]).fvu.backward()
    sae.remove_gradient_parallel_to_decoder_directions()
    optimizer.step()
    optimizer.zero_grad()
write_variant(sae, given["scale"], given["file"])
out = sae(rows(given["eval"]))
l0 = (out.latent_acts > 0).sum(-1).float().mean()
print(json.dumps({"explained": 1 - out.fvu.item(), "l0": l0.item()}))
"""


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    return Settings(workspace=tmp_path / "ws", cache=shared_cache)


@pytest.fixture
def box(settings: Settings) -> Sandbox:
    made = tiny_sandbox(settings, dict_size=LATENTS)
    for name in ("source_kb", "constants_kb"):
        change_setting(made.folder, "limits", name, 400)
    return made


@pytest.mark.slow
@pytest.mark.child
def test_a_coder_of_sparsify_gets_its_own_numbers_as_a_score_and_no_verdict(
    settings: Settings, box: Sandbox, ended: Ended
) -> None:
    with contextlib.closing(JobStore(settings.state)) as store:
        _run(settings, store, ["topk", "untrained"], ended)
        activations = _harvested(box, settings.cache)
        own = _train(activations, settings, box.variants / "brought.py")
        _run(settings, store, ["brought"], ended)
    table = read_benchmarks(box.folder)
    rows = {row.variant: row for row in table.rows}
    brought, untrained = rows["brought"], rows["untrained"]
    # Latents reach the evaluator in bfloat16.
    assert brought.metrics["explained_variance"].mean == pytest.approx(own["explained"], abs=0.01)
    assert brought.metrics["l0"].mean == pytest.approx(own["l0"], abs=0.05)
    better = untrained.metrics["explained_variance"].mean + 0.1
    assert brought.metrics["explained_variance"].mean > better
    assert brought.elsewhere and not rows["topk"].elsewhere
    assert any("Not trained here" in text and "brought" in text for text in table.warnings)
    compared = {row.variant: row for row in compare_variants(box.folder).rows}
    assert compared["brought"].verdict == "not trained here"


def _run(settings: Settings, store: JobStore, names: list[str], ended: Ended) -> None:
    job = ended(store, start_run(settings, store, "box", names, [0]).job)
    assert job.status == "succeeded" and job.result is not None, store.read_log(job.job_id)
    assert len(job.result["scored"]) == len(names), store.read_log(job.job_id)


def _harvested(box: Sandbox, cache: Path) -> Activations:
    """Return the activations on which the results of a sandbox were trained and scored."""
    config = json.loads(next(box.folder.glob("results/**/config.json")).read_text("utf-8"))
    manifests = cache.glob("activations/*/manifest.json")
    found = [read_activations(one.parent) for one in manifests]
    [same] = [one for one in found if one.scale == config["scale"]]
    return same


def _train(activations: Activations, settings: Settings, file: Path) -> dict[str, Any]:
    """Train a SparseCoder with sparsify and write it as a variant. Returns its own numbers."""
    path = data_path("guides") / "eai-sparsify.md"
    guide = parse_guide(path.read_text(encoding="utf-8"), path.name)
    [task] = [it for it in guide.tasks if it.name.startswith("score-a-coder")]
    site = open_environment(guide.front.environment, settings).site
    given = {
        "train": [str(it) for it in activations.train_shards],
        "eval": [str(it) for it in activations.eval_shards],
        "scale": activations.scale,
        "latents": LATENTS,
        "k": K,
        "file": str(file),
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", task.blocks[0].code + TRAIN, json.dumps(given)],
        env={**os.environ, "PYTHONPATH": str(site)},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
