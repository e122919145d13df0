"""A sandbox folder with signed synthetic records; nothing was trained."""

import hashlib
from pathlib import Path
from typing import Any, Literal

import pytest

from fumehood_tools.files import write_text
from fumehood_tools.kinds import kind_named
from fumehood_tools.receipts import Draft, RecordWriter, place_of, results_of
from fumehood_tools.records.scores import Failure

WEIGHTS = b"not really weights"


class Records:
    """Writes synthetic records into a sandbox folder in the evaluator's format."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.packaged: dict[str, str] = {}
        self._clock = 0
        self._writer: RecordWriter | None = None

    def variant(self, name: str, source: str | None = None, *, packaged: bool = False) -> str:
        """Write a variant file and return its sha256. Packaged variants count as baselines."""
        text = f'"""{name}."""\n' if source is None else source
        write_text(self.folder / "variants" / f"{name}.py", text)
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        if packaged:
            self.packaged[name] = sha256
        return sha256

    def score(self, name: str, seed: int = 0, **changes: Any) -> Path:
        """Write a score of the variant's current file; return its folder."""
        source = (self.folder / "variants" / f"{name}.py").read_bytes()
        parts: dict[str, Any] = {
            part: {**content, **changes.pop(part, {})} for part, content in PARTS.items()
        }
        parts["provenance"].setdefault("variant_sha256", hashlib.sha256(source).hexdigest())
        record = {
            "variant": name,
            "seed": seed,
            "finished": self._now(),
            **SCORE,
            **parts,
            **changes,
        }
        return self._put(record, source, "score")

    def failure(
        self, name: str, seed: int = 0, message: str = "NaN loss at step 3.", **changes: Any
    ) -> Path:
        """Write a failure record of the variant's current file; return its folder."""
        source = (self.folder / "variants" / f"{name}.py").read_bytes()
        failure = Failure(
            variant=name,
            seed=seed,
            run="0" * 16,
            stage="train",
            code="variant_rejected",
            message=message,
            variant_sha256=hashlib.sha256(source).hexdigest(),
            started="2026-01-01T00:00:00+00:00",
            finished=self._now(),
        )
        return self._put({**failure.model_dump(mode="json"), **changes}, source, "failure")

    def _put(
        self, record: dict[str, Any], source: bytes, kind: Literal["score", "failure"]
    ) -> Path:
        workspace = self.folder.parents[1]
        if self._writer is None:
            self._writer = RecordWriter(workspace, results_of(self.folder.name))
        name = f"seed{record['seed']}-{self._clock:08x}"
        folder = self.folder / "results" / record["variant"] / name
        files: dict[str, bytes | Path] = {f"{record['variant']}.py": source}
        if kind == "score":
            files[kind_named(record.get("kind", "sae")).weights_file] = WEIGHTS
        self._writer.write(Draft(kind, place_of(folder, workspace), record, files))
        return folder

    def _now(self) -> str:
        self._clock += 1
        minutes, seconds = divmod(self._clock, 60)
        return f"2026-01-01T00:{minutes:02}:{seconds:02}+00:00"


METRICS: dict[str, Any] = {
    "l0": 32.0,
    "l1": 41.5,
    "explained_variance": 0.7353,
    "mse": 5100.0,
    "cosine": 0.91,
    "alive": 0.93,
    "loss_recovered": 0.941,
    "ce_clean": 3.54,
    "ce_spliced": 4.12,
    "ce_ablated": 11.2,
    "probing": 0.851,
    "probing_top1": 0.702,
    "probing_top2": 0.719,
    "probing_top5": 0.763,
    "probing_subject": 0.861,
    "sae_bench_explained_variance": 0.862,
    "sae_bench_explained_variance_legacy": 0.751,
    "sae_bench_mse": 2.5,
}
PROVENANCE: dict[str, Any] = {
    "weights_sha256": hashlib.sha256(WEIGHTS).hexdigest(),
    "weights_bytes": len(WEIGHTS),
    "settings_digest": "s" * 16,
    "template_sha256": "7" * 64,
    "evaluator_sha256": "e" * 16,
    "versions": {"torch": "2.13.0"},
    "machine": "x86_64, 2 cores, Linux",
}
PARTS: dict[str, dict[str, Any]] = {
    "metrics": METRICS,
    "provenance": PROVENANCE,
    "data": {"digest": "d" * 16, "train_tokens": 200_000, "eval_tokens": 16_256},
    "cost": {"train_seconds": 19.0, "score_seconds": 34.0},
}
SCORE: dict[str, Any] = {
    "run": "0" * 16,
    "subject": "smollm2-135m",
    "layer": 10,
    "site": "resid_post",
    "dict_size": 1536,
    "files": {},
    "spec": {},
    "glass": "landlock",
    "started": "2026-01-01T00:00:00+00:00",
}


@pytest.fixture(scope="session")
def fonts(shared_cache: Path) -> Path:
    """The folder for matplotlib's font list, shared by all plots of the session."""
    return shared_cache / "matplotlib"


def empty_box(folder: Path) -> Records:
    box = folder / "sandboxes" / "box"
    box.mkdir(parents=True)
    return Records(box)


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return empty_box(tmp_path)


@pytest.fixture(scope="module")
def shared_records(tmp_path_factory: pytest.TempPathFactory) -> Records:
    """A sandbox that the tests of a module fill once and then only read."""
    return empty_box(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def five(records: Records) -> Records:
    """Plausible scores of two baselines, two variants and the control, with one seed each."""
    for name in ("topk", "standard", "untrained"):
        records.variant(name, packaged=True)
    for name in ("two_stage_topk", "gain"):
        records.variant(name)
    records.score("topk")
    records.score("standard", metrics={"l0": 76.1, "explained_variance": 0.71, "alive": 0.99})
    records.score("two_stage_topk", metrics={"explained_variance": 0.748, "probing_top5": 0.741})
    records.score("gain", metrics={"l0": 40.2, "explained_variance": 0.741, "probing_top5": 0.771})
    control = {"explained_variance": 0.051, "probing_top5": 0.724, "loss_recovered": 0.31}
    records.score("untrained", metrics=control, cost={"train_seconds": 0.4})
    return records
