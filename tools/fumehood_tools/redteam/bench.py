"""The small bench that the suite runs on: a workspace, two sandboxes, a canary folder.

One temporary folder contains workspace/ (with the sandboxes `cheats` and `honest`, which differ
only in their limits), cache/, job/ and canary/ (secret.txt, victim.txt, drop/).
"""

import secrets
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import tomlkit

from fumehood_tools.files import write_text
from fumehood_tools.glass import remove_folder
from fumehood_tools.kinds import KindName
from fumehood_tools.receipts import FAILURE_FILE, SCORE_FILE, WEIGHTS_FILES
from fumehood_tools.redteam.world import Secrets
from fumehood_tools.runs.recording import KEPT
from fumehood_tools.sandbox.create import SPEC_FILE, Sandbox, create_sandbox
from fumehood_tools.settings import GlassAsked, Settings

TRAINING = {"batch_size": 256, "lr": 0.003}
SCORING = {"loss_rows": 8, "probing_train": 60, "probing_test": 60}
# Cheats that only wait should be killed soon; honest variants need time on a busy machine.
LIMITS_OF_CHEATS: dict[str, float] = {
    "train_minutes": 0.15,
    "score_minutes": 0.2,
    "memory_gb": 1.0,
    "scratch_gb": 0.25,
}
LIMITS_OF_HONEST: dict[str, float] = {"train_minutes": 5, "score_minutes": 5, "memory_gb": 2.0}
# The files that the evaluator writes next to the variant's file.
KEPT_FILES = (*WEIGHTS_FILES, *KEPT, SCORE_FILE, FAILURE_FILE)


class Bench(NamedTuple):
    """The paths of a bench, and its secrets."""

    root: Path
    settings: Settings
    cheats: Sandbox
    honest: Sandbox
    secrets: Secrets
    environment_secret: str

    @property
    def canary(self) -> Path:
        """A folder outside of workspace and cache, which no variant may touch."""
        return self.root / "canary"

    @property
    def log(self) -> Path:
        """The log of the job and its trusted children."""
        return self.root / "driver.log"

    def learn_secrets(self) -> None:
        """Add the secrets that exist only after the harvest: the key, the evaluation split."""
        key = self.settings.state / "receipt.key"
        if key.is_file():
            self.secrets.add("the receipt key", key.read_bytes()[:64])
        for path in self.settings.cache.rglob("*.npy"):
            if "eval" in str(path.relative_to(self.settings.cache)):
                with path.open("rb") as file:
                    file.seek(1024)
                    self.secrets.add("the evaluation split", file.read(32))

    def save(self) -> None:
        """Copy the files that a cheat could spoil for the cheats after it."""
        for place in self._spoilable():
            kept = self.root / "kept" / place.relative_to(self.root)
            if not kept.exists():
                shutil.copytree(place, kept, ignore=shutil.ignore_patterns("results"))

    def restore(self) -> None:
        """Restore the saved files, and empty the drop folder. Results and records are kept."""
        for place in self._spoilable():
            kept = self.root / "kept" / place.relative_to(self.root)
            shutil.copytree(kept, place, dirs_exist_ok=True)
        for path in (self.canary / "drop").iterdir():
            remove_folder(path)

    def _spoilable(self) -> tuple[Path, ...]:
        return (self.cheats.folder, self.settings.cache)


def make_bench(root: Path, level: GlassAsked, kind: KindName = "sae") -> Bench:
    """Create the workspace, both sandboxes of a kind and the canary folder under `root`."""
    settings = Settings(
        workspace=root / "workspace", cache=root / "cache", glass=level, device="cpu"
    )
    found, hidden = Secrets(), secrets.token_hex(16)
    found.add("the environment", f"FUMEHOOD_CANARY={hidden}".encode())
    found.add("the environment", hidden.encode())
    canary, told = root / "canary", secrets.token_hex(16)
    write_text(canary / "secret.txt", told)
    write_text(canary / "victim.txt", "as it was\n")
    (canary / "drop").mkdir()
    (canary / "drop").chmod(0o777)
    found.add("the file outside", told.encode())
    for name in ("cheats", "honest"):
        (root / "job" / name).mkdir(parents=True)
    settings.cache.mkdir()
    cheats, honest = (
        _sandbox(settings, name, limits, kind)
        for name, limits in (("cheats", LIMITS_OF_CHEATS), ("honest", LIMITS_OF_HONEST))
    )
    neighbour = f"neighbour-{secrets.token_hex(16)}"
    write_text(cheats.variants / "secret_idea.py", f'"""{neighbour}"""\n')
    found.add("the neighbour's variant", neighbour.encode())
    return Bench(root, settings, cheats, honest, found, hidden)


def _sandbox(settings: Settings, name: str, limits: dict[str, float], kind: KindName) -> Sandbox:
    made = create_sandbox(
        settings,
        name,
        template=kind,
        subject="synthetic",
        layer=0,
        corpus="synthetic",
        dict_size=128,
        train_tokens=25_600,
        eval_tokens=2_032,
    )
    path = made.folder / SPEC_FILE
    document: Any = tomlkit.parse(path.read_text(encoding="utf-8"))
    for section, values in (("training", TRAINING), ("scoring", SCORING), ("limits", limits)):
        for key, value in values.items():
            document[section][key] = value
    write_text(path, tomlkit.dumps(document))
    return made
