"""A sandbox with signed records of synthetic SAEs, in the form that a job writes."""

import hashlib
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fumehood_tools.bench.collect import settings_of
from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.compare import Comparison, compare_variants
from fumehood_tools.files import write_text
from fumehood_tools.receipts import Draft, RecordWriter, place_of, results_of, state_of
from fumehood_tools.receipts.audit import withdraw

TOKENS = 199_680


class Box:
    """Writes scores of SAEs whose explained variance rises by 0.1 per doubling of L0."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.packaged: dict[str, str] = {}
        self.training: dict[str, Any] = {"lr": 2e-3, "batch_size": 1024}
        """The [training] section of sandbox.toml for the next scores."""
        self.tokens = TOKENS
        self._runs = 0
        self._writer: RecordWriter | None = None

    def file(self, name: str, source: str = "", *, packaged: bool = False) -> str:
        """Write a variant's file."""
        text = source or f'"""{name}."""\n'
        write_text(self.folder / "variants" / f"{name}.py", text)
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        if packaged:
            self.packaged[name] = sha256
        return sha256

    def score(
        self,
        name: str,
        seed: int,
        gain: float = 0.0,
        l0: float = 32.0,
        weights: bytes | None = None,
        **parts: Any,
    ) -> Path:
        """Sign a score of a variant's file as it is now; return its folder.

        Every SAE has weights of its own, unless `weights` are given.
        """
        source = (self.folder / "variants" / f"{name}.py").read_bytes()
        self._runs += 1
        weights = weights or f"weights of run {self._runs}".encode()
        metrics = {"explained_variance": 0.6 + 0.1 * math.log2(l0 / 16) + gain, **MEASURED}
        settings = hashlib.sha256(repr(sorted(self.training.items())).encode()).hexdigest()[:16]
        record = {
            **SCORE,
            "variant": name,
            "seed": seed,
            "run": f"{self._runs:016x}",
            "data": {"digest": "d" * 16, "train_tokens": self.tokens, "eval_tokens": 4_064},
            "metrics": {**metrics, "l0": l0},
            "provenance": {
                **PROVENANCE,
                "variant_sha256": hashlib.sha256(source).hexdigest(),
                "settings_digest": settings,
                "weights_sha256": hashlib.sha256(weights).hexdigest(),
                "weights_bytes": len(weights),
            },
            "spec": {"training": dict(self.training), "scoring": {}, "limits": {}},
            "finished": f"2026-01-01T{self._runs // 3600:02}:{self._runs // 60 % 60:02}:"
            f"{self._runs % 60:02}+00:00",
            **parts,
        }
        folder = self.folder / "results" / name / f"seed{seed}-{self._runs:08x}"
        return self._put(folder, record, source, weights)

    def _put(self, folder: Path, record: dict[str, Any], source: bytes, weights: bytes) -> Path:
        workspace = self.folder.parents[1]
        if self._writer is None:
            self._writer = RecordWriter(workspace, results_of(self.folder.name))
        files: dict[str, bytes | Path] = {
            f"{record['variant']}.py": source,
            "sae.safetensors": weights,
        }
        self._writer.write(Draft("score", place_of(folder, workspace), record, files))
        return folder

    def levels(
        self, name: str, gains: Sequence[float], l0s: Sequence[float] = (16, 32, 64), **parts: Any
    ) -> list[Path]:
        """Write one score per gain and L0: gains by seed, L0 as copies with another K."""
        return [
            self.score(name, seed, gain, l0, parameters={"K": int(l0)}, **parts)
            for seed, gain in enumerate(gains)
            for l0 in l0s
        ]

    def delete(self, folders: Sequence[Path]) -> None:
        """Delete folders of runs, as somebody might do by hand."""
        for folder in folders:
            shutil.rmtree(folder)

    def withdraw(self, folders: Sequence[Path]) -> None:
        """Withdraw receipts, as `fumehood verify --withdraw` does."""
        for folder in folders:
            withdraw(state_of(self.folder), place_of(folder, self.folder.parents[1]))

    def settings(self) -> list[str]:
        """Return the names of all settings, that of the newest score first."""
        found = Shelf(state_of(self.folder)).collect(self.folder / "results")
        return [setting.name for setting in settings_of(found)]

    def compare(self, **asked: Any) -> Comparison:
        """Read the records again and return the comparison."""
        shelf = Shelf(state_of(self.folder))
        return compare_variants(self.folder, packaged=self.packaged, shelf=shelf, **asked)


MEASURED: dict[str, Any] = {"mse": 1.0, "alive": 0.9}
PROVENANCE: dict[str, Any] = {
    "template_sha256": "7" * 64,
    "evaluator_sha256": "e" * 16,
    "versions": {},
    "machine": "a machine",
}
SCORE: dict[str, Any] = {
    "subject": "synthetic",
    "layer": 0,
    "site": "resid_post",
    "dict_size": 128,
    "files": {},
    "glass": "landlock",
    "cost": {"train_seconds": 2.0, "score_seconds": 1.0},
    "started": "2026-01-01T00:00:00+00:00",
}


@pytest.fixture
def box(tmp_path: Path) -> Box:
    folder = tmp_path / "sandboxes" / "box"
    folder.mkdir(parents=True)
    return Box(folder)
