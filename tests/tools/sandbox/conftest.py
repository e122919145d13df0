"""A workspace, activation shards from a known dictionary, and `core` as children see it."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fumehood_tools.glass import fumehood_child
from fumehood_tools.kinds import template_root
from fumehood_tools.sandbox.create import Sandbox, create_sandbox
from fumehood_tools.sandbox.trial import INSIDE
from fumehood_tools.settings import Settings

D, F, ROWS, SCALE = 32, 64, 6_000, 7.0


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    return Settings(workspace=tmp_path / "ws", cache=shared_cache)


@pytest.fixture
def sandbox(settings: Settings) -> Sandbox:
    return create_sandbox(settings, "box", subject="synthetic", dict_size=256)


@pytest.fixture(scope="session")
def planted() -> np.ndarray:
    """Return activations [ROWS, D] from a known dictionary; the mean of |x|^2 is SCALE^2."""
    draw = np.random.default_rng(0)
    directions = draw.normal(size=(F, D))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    active = draw.random((ROWS, F)) < 0.05
    x = (active * draw.uniform(0.5, 1.5, (ROWS, F))) @ directions + 0.3
    x += 0.01 * draw.normal(size=x.shape)
    x *= SCALE / np.sqrt((x**2).sum(axis=1).mean())
    return x.astype(np.float16)


@pytest.fixture(scope="session")
def shards(planted: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the paths of the planted activations, in three files of different lengths."""
    folder = tmp_path_factory.mktemp("shards")
    parts = np.split(planted, [1_000, 3_500])
    paths = [folder / f"{number}.npy" for number in range(len(parts))]
    for path, part in zip(paths, parts, strict=True):
        np.save(path, part)
    return [str(path) for path in paths]


@pytest.fixture(scope="module")
def core() -> Iterator[SimpleNamespace]:
    """Import the template's core into this process, and remove it afterwards."""
    before = set(sys.modules)
    sys.path.insert(0, str(template_root()))
    import core as package
    import core.batches
    import core.check
    import core.loading
    import core.train

    yield SimpleNamespace(
        package=package,
        batches=core.batches,
        check=core.check,
        loading=core.loading,
        train=core.train,
    )
    sys.path.remove(str(template_root()))
    stubs = ("core", "nnsight", "wandb")
    for name in set(sys.modules) - before:
        if name.split(".")[0] in stubs or name.startswith("variant_"):
            del sys.modules[name]


@pytest.fixture(scope="module")
def program(core: SimpleNamespace) -> Iterator[ModuleType]:
    """Import the child's program into this process, and remove it afterwards."""
    before, folders = set(sys.modules), [str(INSIDE), str(Path(fumehood_child.__path__[0]).parent)]
    sys.path[:0] = folders
    import fumehood_trial.trial as program

    yield program
    for folder in folders:
        sys.path.remove(folder)
    for name in set(sys.modules) - before:
        if name.split(".")[0] in ("fumehood_trial", "fumehood_child"):
            del sys.modules[name]


@pytest.fixture
def training_spec(shards: list[str], tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return a function that builds the spec.json of a short training."""

    def make(variant: Path, **changes: Any) -> dict[str, Any]:
        steps = changes.get("steps", 60)
        return {
            "variant": str(variant),
            "train_shards": shards,
            "scale": SCALE,
            "activation_dim": D,
            "dict_size": F,
            "seed": 0,
            "steps": steps,
            "batch_size": 256,
            "lr": 5e-3,
            "l1_penalty": 0.06,
            "warmup_steps": max(1, steps // 20),
            "sparsity_warmup_steps": steps // 10,
            "decay_start": int(0.8 * steps),
            "layer": 0,
            "lm_name": "synthetic",
            "site": "resid_post",
            "threads": 1,
            "device": "cpu",
            "out": str(tmp_path / "out"),
            **changes,
        }

    return make


@pytest.fixture
def write_variant(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that writes a variant's file and returns its path."""

    def write(source: str, name: str = "mine") -> Path:
        path = tmp_path / f"{name}.py"
        path.write_text(source, encoding="utf-8")
        return path

    return write


def spec_of(folder: Path) -> Any:
    """Return the config.json of a training."""
    return json.loads((folder / "config.json").read_text(encoding="utf-8"))
