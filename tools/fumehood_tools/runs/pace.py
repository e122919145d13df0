"""How long a run will take, estimated from earlier runs on this machine.

<cache>/pace.json holds what runs took: seconds of a harvest by its data, and seconds per SAE by its
data and sizes. A kind of run that is not listed is estimated from one that is, in proportion to its
training work, or else from what the default sandbox took on the machine of benchmarks/README.md.
Light: reads one small file. The numbers are for people who wait; nothing is decided by them.
"""

import contextlib
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, Field, ValidationError

from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import digest_of, read_json, write_json
from fumehood_tools.machine import usable_cores
from fumehood_tools.spec import SandboxSpec

START_SECONDS = 10.0
"""From the start of a job to its first training, if the activations are in the cache already."""
_TRAIN_SECONDS, _SCORE_SECONDS = 7.0, 4.5
"""Processor time for one SAE of the default sandbox (benchmarks/README.md)."""
_TOKENS_PER_SECOND = {"synthetic": 100_000.0}
_USUAL_TOKENS_PER_SECOND = 2_200.0
"""Of SmolLM2-135M up to layer 10, in float32 on two cores."""
_CLASSES_PER_TASK = 3.5


class Expected(NamedTuple):
    """The expected seconds of the parts of a run."""

    activations: float
    probing: float
    start: float
    sae: float
    """Per SAE, with as many at once as there are cores."""

    def whole(self, saes: float) -> float:
        """Return the seconds of a run of this many SAEs."""
        return self.activations + self.probing + self.start + saes * self.sae


class _Known(BaseModel):
    """The content of the file."""

    harvested: dict[str, float] = Field(default_factory=dict)
    """Digest of the data -> seconds that their harvest took."""
    sae: dict[str, tuple[float, float]] = Field(default_factory=dict)
    """Digest of data and sizes -> training work in units of `_work`, seconds per SAE."""


def expected(spec: SandboxSpec, cache: Path) -> Expected:
    """Return the expected duration of the parts of a run."""
    known, work, cores = _read(cache), _work(spec), usable_cores()
    default = work / _work(SandboxSpec())
    trained = _TRAIN_SECONDS * default
    sae = max(_SCORE_SECONDS, (trained + _SCORE_SECONDS) / cores)
    if found := known.sae.get(_kind(spec)):
        sae = found[1]
    elif known.sae:
        other, seconds = min(known.sae.values(), key=lambda one: abs(one[0] - work))
        sae = max(min(seconds, _SCORE_SECONDS), seconds * work / other)
    activations = probing = 0.0
    if _data(spec) not in known.harvested:
        rate = tokens_per_second(spec)
        activations = (spec.corpus.train_tokens + spec.corpus.eval_tokens) / rate
        probing = _probing_tokens(spec) / rate
    return Expected(activations, probing, START_SECONDS, sae)


def tokens_per_second(spec: SandboxSpec) -> float:
    """Return the expected rate at which activations of a sandbox's subject are computed."""
    return _TOKENS_PER_SECOND.get(spec.subject.name, _USUAL_TOKENS_PER_SECOND)


def remember(
    spec: SandboxSpec, cache: Path, *, harvest: float | None = None, sae: float | None = None
) -> None:
    """Store the seconds that a harvest took, or one SAE, for the estimates of later runs."""
    known = _read(cache)
    if harvest is not None:
        known.harvested.setdefault(_data(spec), round(harvest, 1))
    if sae is not None:
        known.sae[_kind(spec)] = _work(spec), round(sae, 2)
    with contextlib.suppress(StorageFailed):
        write_json(cache / "pace.json", known.model_dump())


def _read(cache: Path) -> _Known:
    try:
        return _Known.model_validate(read_json(cache / "pace.json"))
    except (StorageFailed, ValidationError):
        return _Known()  # missing or damaged: only an estimate is lost


def _work(spec: SandboxSpec) -> float:
    """Return a number that grows with the work of one training: tokens times latents."""
    return float(spec.corpus.train_tokens * spec.dict_size)


def _probing_tokens(spec: SandboxSpec) -> float:
    scoring = spec.scoring
    texts = (scoring.probing_train + scoring.probing_test) * _CLASSES_PER_TASK
    return len(scoring.probing_tasks) * texts * scoring.probing_context


def _data(spec: SandboxSpec) -> str:
    return digest_of([spec.subject.model_dump(), spec.corpus.model_dump(), _texts(spec)])


def _texts(spec: SandboxSpec) -> list[object]:
    scoring = spec.scoring
    return [
        list(scoring.probing_tasks),
        scoring.probing_context,
        scoring.probing_train,
        scoring.probing_test,
    ]


def _kind(spec: SandboxSpec) -> str:
    return digest_of(
        [_data(spec), spec.dict_size, spec.training.batch_size, spec.scoring.loss_rows]
    )
