"""Trainings of a bench: one after another, on one thread, each of them known by its weights' hash.

No work limit applies, because the run that scores them applies it. What was trained is kept in a
file per training, so that a validation that was interrupted goes on where it was.
"""

import hashlib
import json
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, Field

from fumehood_tools.errors import FumehoodError, StorageFailed
from fumehood_tools.files import digest_of, read_json, sha256_of, write_json
from fumehood_tools.glass import GlassLevel, Nursery, compiled_kernels, remove_folder
from fumehood_tools.proving.bench import ProvingBench
from fumehood_tools.runs.harvesting import Harvest
from fumehood_tools.runs.items import Planner
from fumehood_tools.runs.orders import order_for, recipe_of
from fumehood_tools.runs.training import Place, Training

POLL_SECONDS = 0.05
_HEADER_BYTES = 8


class Wanted(NamedTuple):
    """A training to make: of a variant's file, under its name or another one."""

    name: str
    seed: int
    source: bytes


class Trained(BaseModel, frozen=True):
    """One training. sha256: of the weights' file; matrices: of each tensor with two or more
    dimensions. error: why there are none."""

    sha256: str | None = None
    matrices: dict[str, str] = Field(default_factory=dict)
    error: str | None = None
    seconds: float = 0.0


class BenchTrainings:
    """The trainings of one bench. Use as a context manager: it holds the nursery."""

    def __init__(
        self, bench: ProvingBench, found: Harvest, level: GlassLevel, scratch: Path
    ) -> None:
        self._bench, self._found, self._scratch = bench, found, scratch
        activations = found.activations
        self._recipe = recipe_of(
            bench.spec, activations, found.device, found.arithmetic, found.targets
        )
        shards = (*activations.train_shards, *found.target_shards)
        self._nursery = Nursery(
            scratch,
            level=level,
            readable=dict.fromkeys(path.parent for path in shards),
            cuda=found.device == "cuda",
            kernels=compiled_kernels(bench.settings.cache),
        )

    def __enter__(self) -> "BenchTrainings":
        return self

    def __exit__(self, *exc: object) -> None:
        self._nursery.close()

    def all(
        self, wanted: Sequence[Wanted], told: Callable[[int, Wanted], None]
    ) -> dict[tuple[str, int], Trained]:
        """Return the trainings by name and seed. told: called before each, with its number."""
        made = {}
        for number, one in enumerate(wanted):
            told(number, one)
            made[one.name, one.seed] = self._kept(one)
        return made

    def _kept(self, one: Wanted) -> Trained:
        words = [one.name, one.seed, hashlib.sha256(one.source).hexdigest()]
        digest = digest_of([*words, self._recipe.model_dump(mode="json")])
        path = self._bench.root / "trained" / f"{digest}.json"
        try:
            return Trained.model_validate(read_json(path))
        except (StorageFailed, ValueError):
            trained = self._train(one, self._scratch / digest)
            write_json(path, trained.model_dump(mode="json"))
            return trained

    def _train(self, one: Wanted, folder: Path) -> Trained:
        self._bench.put(one.name, one.source)
        item = Planner(self._bench.box, self._found.digest).item(one.name, one.seed)
        order = order_for(item, self._recipe)
        shards, targets = self._found.activations.train_shards, self._found.target_shards
        place = Place(folder, self._nursery, integer_screening=self._found.integer_screening)
        try:
            with Training(order, shards, place, targets=targets) as training:
                while (outcome := training.finished()) is None:
                    time.sleep(POLL_SECONDS)
                weights = training.out / self._bench.spec.kind.weights_file
                return Trained(
                    sha256=sha256_of(weights),
                    matrices=dict(_matrices(weights.read_bytes())),
                    seconds=outcome.seconds,
                )
        except FumehoodError as error:
            return Trained(error=str(error))
        finally:
            remove_folder(folder)


def _matrices(content: bytes) -> Iterator[tuple[str, str]]:
    """Yield name and sha256 of the tensors with two or more dimensions in a safetensors file."""
    (length,) = struct.unpack("<Q", content[:_HEADER_BYTES])
    body = _HEADER_BYTES + length
    for name, facts in json.loads(content[_HEADER_BYTES:body]).items():
        if name != "__metadata__" and len(facts["shape"]) > 1:
            start, end = facts["data_offsets"]
            yield name, hashlib.sha256(content[body + start : body + end]).hexdigest()
