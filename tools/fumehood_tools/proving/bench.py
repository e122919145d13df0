"""A copy of a sandbox, in a workspace of its own, in which it is tried with a short budget.

The bench lies in the state folder of the real workspace, so that a validation that was interrupted
finds again what it has trained and scored. Nothing is written into the sandbox itself.
"""

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import tomlkit

from fumehood_tools.files import write_bytes, write_text
from fumehood_tools.proving.folder import VARIANTS, SandboxFolder
from fumehood_tools.proving.report import Budget
from fumehood_tools.sandbox.create import Sandbox, open_sandbox
from fumehood_tools.sandbox.sources import SPEC_FILE
from fumehood_tools.settings import Settings
from fumehood_tools.spec import SandboxSpec

# The most that a quick validation trains and scores.
QUICK_BATCH, QUICK_TRAIN, QUICK_EVAL, QUICK_ROWS = 256, 25_600, 2_032, 8


class ProvingBench(NamedTuple):
    """A bench. box: the copy, with the short budget; canary: a folder that no variant may use."""

    root: Path
    settings: Settings
    box: Sandbox

    @property
    def canary(self) -> Path:
        """A folder outside of workspace and cache with secret.txt, victim.txt and drop/."""
        return self.root / "canary"

    @property
    def spec(self) -> SandboxSpec:
        """The settings of the copy."""
        return self.box.spec

    def put(self, name: str, source: bytes) -> None:
        """Write a variant of the copy."""
        write_bytes(self.box.variants / f"{name}.py", source)


def make_bench(
    root: Path, settings: Settings, folder: SandboxFolder, budget: Budget
) -> ProvingBench:
    """Create the bench, or open the one that an interrupted validation left. Raises StorageFailed.

    The quick budget is tried on the CPU, where equal trainings give equal bytes.
    """
    changed: dict[str, Any] = {"workspace": root / "workspace"}
    if budget == "quick":
        changed["device"] = "cpu"
    own = settings.model_copy(update=changed)
    home = own.sandboxes / folder.name
    shutil.rmtree(home / VARIANTS, ignore_errors=True)
    for name in folder.variants():
        write_bytes(home / VARIANTS / f"{name}.py", folder.source(name))
    for path in folder.files:
        if not path.startswith(f"{VARIANTS}/") and path != SPEC_FILE:
            write_bytes(home / path, folder.read(path))
    (home / "results").mkdir(exist_ok=True)
    document: Any = tomlkit.parse(folder.text(SPEC_FILE))
    if budget == "quick":
        _shorten(document, SandboxSpec.model_validate(document.unwrap()))
    write_text(home / SPEC_FILE, tomlkit.dumps(document))
    bench = ProvingBench(root, own, open_sandbox(own, folder.name))
    (bench.canary / "drop").mkdir(parents=True, exist_ok=True)
    return bench


def _shorten(document: Any, spec: SandboxSpec) -> None:
    batch = min(spec.training.batch_size, QUICK_BATCH)
    short: dict[str, dict[str, Any]] = {
        "training": {"batch_size": batch},
        "corpus": {
            "train_tokens": min(spec.corpus.train_tokens, QUICK_TRAIN),
            "eval_tokens": min(spec.corpus.eval_tokens, QUICK_EVAL),
        },
        "scoring": {"probing_tasks": [], "loss_rows": min(spec.scoring.loss_rows, QUICK_ROWS)},
    }
    for section, values in short.items():
        table = document.setdefault(section, tomlkit.table())
        for key, value in values.items():
            table[key] = value
