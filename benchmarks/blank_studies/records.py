"""Write scores into a workspace without training, with the recorder that jobs use.

What is real: sandbox, files, settings, recorder, signatures, ledger. What is not: the numbers come
from the caller, and the weights are a few bytes that stand for them.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.files import sha256_of, write_bytes
from fumehood_tools.records.parameters import Value
from fumehood_tools.records.scores import Asked, Data
from fumehood_tools.runs.items import Planner
from fumehood_tools.runs.recording import Recorder
from fumehood_tools.runs.targets import Effort
from fumehood_tools.sandbox.create import create_sandbox, open_sandbox
from fumehood_tools.scoring.requests import ScoringAnswer
from fumehood_tools.settings import Settings
from fumehood_tools.where import here

SOURCE = '''"""TopK that may not use all of its latents."""

import torch

from core import BaseTopK, BaseTopKTrainer, keep_largest

K = 8
KNOB = "K"
IDLE = {idle}
MORE_SEED = {more_seed}


class CustomSAE(BaseTopK):
    """TopK with some latents held at 0."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)
        used = torch.ones(dict_size)
        used[: int(IDLE * dict_size)] = 0.0
        self.register_buffer("used", used)

    def select(self, centred):
        return keep_largest(self.scores(centred) * self.used, int(self.k))


class CustomTrainer(BaseTopKTrainer):
    """TopK's loss."""

    k = K

    def __init__(self, **kwargs):
        super().__init__(**{{**kwargs, "seed": kwargs["seed"] + MORE_SEED}})
'''


class Measured(NamedTuple):
    """One SAE to be recorded. weights: a word that stands for its weights file."""

    variant: str
    seed: int
    value: float
    l0: float
    weights: str
    parameters: Mapping[str, Value] = {}


def new_sandbox(settings: Settings, name: str) -> None:
    """Create the sandbox that the pool was trained in, without probing."""
    box = create_sandbox(
        settings, name, subject="synthetic", dict_size=128, train_tokens=16_000, eval_tokens=4_064
    )
    path = box.folder / "sandbox.toml"
    lines = path.read_text("utf-8").splitlines()
    kept = ["probing_tasks = []" if line.startswith("probing_tasks") else line for line in lines]
    path.write_text("\n".join(kept) + "\n", "utf-8")


def write_variant(
    settings: Settings, sandbox: str, name: str, idle: float, more_seed: int = 0
) -> None:
    """Write a file into variants/. more_seed: added to the seed of its random start."""
    path = open_sandbox(settings, sandbox).variants / f"{name}.py"
    path.write_text(SOURCE.format(idle=idle, more_seed=more_seed), "utf-8")


def record(
    settings: Settings,
    sandbox: str,
    saes: Iterable[Measured],
    seeds: Iterable[int],
    training: Mapping[str, float] | None = None,
) -> list[Path]:
    """Write scores as one job does that was asked for these seeds; return their folders.

    training: values of [training] that the job had instead of those in sandbox.toml.
    """
    box = open_sandbox(settings, sandbox).trained_with(dict(training or {}))
    scratch = settings.workspace.parent / "scratch"
    asked = Asked(after=Shelf(settings.state).newest(box.results), seeds=list(seeds))
    recorder = Recorder(settings, box, "rlimits", asked)
    planner, folders = Planner(box, "data"), []
    tokens = box.spec.steps * box.spec.training.batch_size
    where = here("cpu", 1, "rlimits")
    for sae in saes:
        item = planner.item(sae.variant, sae.seed, sae.parameters)
        out = scratch / "sae.safetensors"
        write_bytes(out, sae.weights.encode())
        answer = ScoringAnswer(
            name=item.name,
            metrics={"l0": sae.l0, "explained_variance": sae.value},
            weights_sha256=sha256_of(out),
            seconds=0.9,
            where=where,
        )
        data = Data(digest="data", train_tokens=tokens, eval_tokens=4_064)
        recorder.start(item)
        recorder.score(item, scratch, data, answer, Effort(0.6, None, where))
        folders.append(item.folder)
    return folders
