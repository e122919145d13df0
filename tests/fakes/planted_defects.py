"""Defects to plant in a sandbox: what validate_sandbox has to name, and where.

`READ` defects are found by reading. `RUN` defects need trainings; each is in a file of its own, so
that one run shows all of them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

Plant = Callable[[Path], None]


class Defect(NamedTuple):
    """One defect. requirement: the only one that fails; file: what its fault names."""

    name: str
    requirement: str
    file: str
    plant: Plant


def rewrite(path: str, old: str, new: str) -> Plant:
    """Return a function that replaces a text that stands in a file of a sandbox."""

    def plant(folder: Path) -> None:
        text = (folder / path).read_text(encoding="utf-8")
        assert old in text, f"{path} has no {old!r}"
        (folder / path).write_text(text.replace(old, new), encoding="utf-8")

    return plant


def append(path: str, text: str) -> Plant:
    """Return a function that adds text to a file, which is created if it is not there."""

    def plant(folder: Path) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        with (folder / path).open("a", encoding="utf-8") as file:
            file.write(text)

    return plant


def link(folder: Path) -> None:
    """Make a link out of the sandbox."""
    (folder / "variants" / "linked.py").symlink_to("/etc/hostname")


def without_refusals(folder: Path) -> None:
    """Leave out the section of AGENTS.md on what is refused."""
    path = folder / "AGENTS.md"
    before, _, after = path.read_text(encoding="utf-8").partition("## What is refused")
    path.write_text(before + "## " + after.partition("\n## ")[2], encoding="utf-8")


def in_variant(name: str, requirement: str, variant: str, text: str) -> Defect:
    """Return a defect that is text at the end of a baseline's file."""
    path = f"variants/{variant}.py"
    return Defect(name, requirement, path, append(path, text))


READ = (
    Defect(
        "missing key in the manifest",
        "1.3",
        "sandbox.toml",
        rewrite("sandbox.toml", "loss_rows = 8", "# loss_rows"),
    ),
    Defect(
        "unknown key in the manifest",
        "1.1",
        "sandbox.toml",
        append("sandbox.toml", "\n[extras]\nspeed = 9\n"),
    ),
    Defect(
        "unknown template",
        "1.2",
        "sandbox.toml",
        rewrite("sandbox.toml", 'template = "sae"', 'template = "saes"'),
    ),
    Defect(
        "budget of zero",
        "6.1",
        "sandbox.toml",
        rewrite("sandbox.toml", "train_minutes = 30", "train_minutes = 0"),
    ),
    Defect("edited core", "3.1", "core/train.py", append("core/train.py", "\n# mine\n")),
    Defect("link out of the folder", "3.2", "variants/linked.py", link),
    Defect(
        "results that came with it",
        "3.3",
        "results/topk/seed0-00000000",
        append("results/topk/seed0-00000000/score.json", '{"metrics": {"l0": 1.0}}'),
    ),
    Defect(
        "variant that imports from outside core",
        "2.2",
        "variants/mine.py",
        append("variants/mine.py", '"""Mine."""\nfrom helpers import BaseSAE as CustomSAE\n'),
    ),
    Defect(
        "no untrained control",
        "5.1",
        "variants/",
        rewrite("variants/untrained.py", "TRAIN = False", "TRAIN = True"),
    ),
    Defect(
        "document that names a missing file",
        "8.3",
        "README.md",
        append("README.md", "\nSee `core/tricks.py`.\n"),
    ),
    Defect("file that no document names", "8.2", "notes.txt", append("notes.txt", "mine\n")),
    Defect("rules without refusals", "8.4", "AGENTS.md", without_refusals),
)

FORGETS = """

class CustomTrainer(CustomTrainer):
    def update(self, step, x):
        return 0.0
"""
CLOCK = """

import time


class CustomSAE(CustomSAE):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.encoder.weight.data.add_(1e-4 * (time.time_ns() % 1_000))
"""
FIXED = """

import torch


class CustomSAE(CustomSAE):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        torch.nn.init.eye_(self.encoder.weight.data)
        torch.nn.init.eye_(self.decoder.weight.data)
"""
BY_NAME = """

class CustomSAE(CustomSAE):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for weight in self.parameters():
            weight.data.mul_(1.0 if __name__ == "variant_jumprelu" else 0.1)
"""
RUN = (
    Defect(
        "interface that cannot be imported",
        "2.1",
        "core/__init__.py",
        append("core/__init__.py", "\nimport nothing_of_that_name\n"),
    ),
    Defect(
        "baseline that does not train",
        "4.2",
        "variants/p_anneal.py",
        append("variants/p_anneal.py", FORGETS),
    ),
    Defect(
        "baseline that is not deterministic",
        "4.4",
        "variants/standard.py",
        append("variants/standard.py", CLOCK),
    ),
    Defect(
        "seed that is ignored",
        "4.5",
        "variants/batch_topk.py",
        append("variants/batch_topk.py", FIXED),
    ),
    Defect(
        "blank that wins by its name",
        "5.2",
        "variants/jumprelu.py",
        append("variants/jumprelu.py", BY_NAME),
    ),
)
