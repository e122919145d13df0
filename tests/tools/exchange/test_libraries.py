"""sparsify's and circuit-tracer's own code computes the same with the files that we write.

Each runs in its environment of guides/environments, which is built by uv at first use.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fumehood_tools.errors import PartMissing, RunFailed
from fumehood_tools.exchange import (
    TranscoderWeights,
    read_circuit_tracer,
    read_sparsify,
    write_circuit_tracer,
    write_sparsify,
)
from fumehood_tools.guides.environments import open_environment
from fumehood_tools.settings import Settings

from .test_files import D, F, K, rows, same, some

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.slow

SPARSIFY = """
import os, sys, json, torch
os.environ["SPARSIFY_DISABLE_TRITON"] = "1"
from sparsify import SparseCoder, TranscoderConfig
from safetensors.torch import load_file, save_file
folder = sys.argv[1]
x = load_file(f"{folder}/x.safetensors")["x"]
ours = SparseCoder.load_from_disk(f"{folder}/ours")
out = ours(x)
f = torch.zeros(len(x), ours.num_latents).scatter(1, out.latent_indices, out.latent_acts)
theirs = SparseCoder(6, TranscoderConfig(num_latents=20, k=3, skip_connection=True))
for weight in theirs.parameters():
    weight.data.normal_()
theirs.save_to_disk(f"{folder}/theirs")
made = theirs(x).sae_out
save_file({"y": out.sae_out.detach().contiguous(), "f": f.detach(),
           "made": made.detach().contiguous()}, f"{folder}/said.safetensors")
"""
TRACER = """
import sys, torch
from circuit_tracer.transcoder import load_transcoder_set
from safetensors.torch import load_file, save_file
folder = sys.argv[1]
x = load_file(f"{folder}/x.safetensors")["x"]
hooks = {"feature_input_hook": "mlp.hook_in", "feature_output_hook": "hook_mlp_out"}
one = load_transcoder_set({0: f"{folder}/layer_0.safetensors"}, scan="mine",
                          device=torch.device("cpu"), dtype=torch.float32, lazy_encoder=False,
                          lazy_decoder=False, **hooks)[0]
f = one.encode(x)
y = one(x)
save_file({"f": f.detach().contiguous(), "y": y.detach().contiguous()},
          f"{folder}/said.safetensors")
one.to_safetensors(f"{folder}/again.safetensors")
"""


def computed(name: str, program: str, folder: Path, settings: Settings) -> Any:
    """Return what a program of an environment wrote, given x in `folder`."""
    from safetensors.torch import load_file, save_file

    try:
        environment = open_environment(name, settings)
    except (PartMissing, RunFailed) as error:
        pytest.skip(f"the environment {name} cannot be built here: {error}")
    save_file({"x": rows()}, folder / "x.safetensors")
    ahead = [str(path) for path in environment.profile(()).import_path]
    head = f"import sys; sys.path[:0] = {json.dumps(ahead)}\n"
    done = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", head + program, str(folder)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return load_file(folder / "said.safetensors")


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    return Settings(workspace=tmp_path / "ws", cache=shared_cache)


@pytest.mark.parametrize("skip", [True, False])
def test_sparsify_computes_the_same_with_our_file_and_we_with_its(
    tmp_path: Path, settings: Settings, skip: bool
) -> None:
    made, x = some("topk", skip=skip), rows()
    write_sparsify(made, tmp_path / "ours")
    said = computed("sparsify-1", SPARSIFY, tmp_path, settings)
    torch.testing.assert_close(said["y"], made.predict(x), atol=1e-5, rtol=0)
    torch.testing.assert_close(said["f"], made.encode(x), atol=1e-5, rtol=0)
    found = read_sparsify(tmp_path / "theirs")
    assert found.k == K and found.W_enc.shape == (F, D)
    torch.testing.assert_close(found.predict(x), said["made"], atol=1e-5, rtol=0)


CASES = [("relu", True), ("jumprelu", True), ("jumprelu", False)]


@pytest.mark.parametrize(("activation", "skip"), CASES)
def test_circuit_tracer_computes_the_same_with_our_file(
    tmp_path: Path, settings: Settings, activation: str, skip: bool
) -> None:
    made: TranscoderWeights = some(activation, skip=skip)
    write_circuit_tracer(made, tmp_path, 0)
    said = computed("circuit-tracer-0.5", TRACER, tmp_path, settings)
    torch.testing.assert_close(said["y"], made.predict(rows()), atol=1e-5, rtol=0)
    torch.testing.assert_close(said["f"], made.encode(rows()), atol=1e-5, rtol=0)
    assert same(read_circuit_tracer(tmp_path / "again.safetensors"), made)
