"""Score records, which only the evaluator writes.

Each run has a folder `results/<variant>/seed<seed>-<run digest>/` with the weights
(`sae.safetensors` or `transcoder.safetensors`), the variant's file at the time, the training log,
sae-bench's own two result files (`core.json`, `sparse_probing.json`), and the record `score.json`,
see `Score` below. A failed run has `failure.json` instead. Both are signed when they are written,
and readers accept only records with a valid receipt.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field, field_validator, model_validator

from fumehood_tools.kinds import KindName, kind_named
from fumehood_tools.records.inertness import Inertness
from fumehood_tools.records.integrity import Integrity
from fumehood_tools.records.parameters import Value
from fumehood_tools.records.work import Work
from fumehood_tools.registry.kinds import SCORE
from fumehood_tools.registry.lookup import check_measured
from fumehood_tools.where import Where


class Provenance(BaseModel, frozen=True):
    """The provenance of a score: source, weights, settings, code and machines."""

    variant_sha256: str
    weights_sha256: str
    weights_bytes: int
    settings_digest: str = Field(
        description="content address of [training], [scoring] and the limits on an SAE's size and "
        "work"
    )
    template_sha256: str
    evaluator_sha256: str
    trained: Where | None = Field(
        None, description="where it was trained; null in records older than this field"
    )
    scored: Where | None = Field(
        None, description="where it was scored; null in records older than this field"
    )
    versions: dict[str, str] = Field(
        default_factory=dict, description="package versions; only in records without `trained`"
    )
    machine: str | None = Field(None, description="only in records without `trained`")
    arithmetic: str = Field(
        "float32", description="of large matrix products in training, float32 or bfloat16"
    )

    @property
    def place(self) -> str:
        """The machine as text. Names training and scoring separately if they differ in more than
        the number of threads."""
        if self.trained is None or self.scored is None:
            return self.machine or "an unknown machine"
        trained, scored = self.trained, self.scored
        if trained.text() == scored.text():
            return trained.text()
        if trained.model_copy(update={"threads": scored.threads}).text() == scored.text():
            return trained.text(scored_with=scored.threads)
        return f"trained: {trained.text()}; scored: {scored.text()}"


class Data(BaseModel, frozen=True):
    """The activations that a score is based on."""

    digest: str = Field(description="content address of the activations, both splits")
    train_tokens: int = Field(description="number of training tokens")
    eval_tokens: int = Field(description="number of evaluation tokens")
    train_sha256: str | None = Field(None, description="of the token rows of the training split")
    eval_sha256: str | None = Field(None, description="of the token rows of the evaluation split")


class RecordedFile(BaseModel, frozen=True):
    """A file of a record."""

    sha256: str
    bytes: int | None = Field(None, description="size; null in records older than this field")

    @model_validator(mode="before")
    @classmethod
    def _of_a_digest(cls, said: Any) -> Any:
        """Accept the format of older records, which have only the sha256."""
        return {"sha256": said} if isinstance(said, str) else said


class RentedPlace(BaseModel, frozen=True):
    """The rented machine that trained or scored an SAE. How it ended is in its rental's record."""

    intent: str = Field(description="the rental: its record is in rentals/<intent>")
    pod_id: str
    gpu: str | None = Field(description="the provider's id of the kind of GPU")
    gpu_count: int
    quoted_usd_per_hour: float | None = Field(description="of the whole pod, before it was rented")
    price_usd_per_hour: float = Field(description="of the whole pod with its disks, as rented")


class Cost(BaseModel, frozen=True):
    """The cost of a score in time and money."""

    train_seconds: float
    score_seconds: float
    usd: float | None = Field(
        0.0, description="cost of rented machines; 0 on your own; null: nobody told it"
    )
    rented: RentedPlace | None = Field(None, description="null: trained on a machine of your own")
    scored_on: RentedPlace | None = Field(
        None, description="the pod that scored it and nothing else; null: a machine of your own"
    )
    scored_host: str | None = Field(
        None, description="the name in hosts.toml of your host that scored it; null: none of them"
    )


class Asked(BaseModel, frozen=True):
    """The request for the run that a score comes from: what could be known when it was made."""

    after: str | None = Field(
        description="MAC of the newest receipt in the sandbox at that time; null: there was none"
    )
    seeds: list[int] = Field(description="all seeds that were asked for")


class Score(BaseModel, frozen=True):
    """One trained and scored SAE or transcoder. On disk it is signed, see fumehood_tools.receipts.

    A transcoder's metrics are of the output of the MLP whose input is named in `site`.
    """

    kind: KindName = Field(
        "sae", description="the kind of sandbox, sae or transcoder; absent in older records"
    )
    variant: str
    seed: int
    parameters: dict[str, Value] = Field(
        default_factory=dict, description="constants with a value different from the file's"
    )
    knob: str | None = Field(
        None, description="the constant that the file declares as its sparsity knob"
    )
    file_sha256: str | None = Field(
        None, description="sha256 of the file that was copied; null: variant_sha256 is that file's"
    )
    run: str = Field(description="content address of everything that determines the numbers")
    control: str | None = Field(
        None, description="if it is a control: which kind, and of which variant"
    )
    subject: str
    layer: int
    site: str
    dict_size: int
    data: Data
    metrics: dict[str, float] = Field(
        description="metric -> value, see fumehood_tools.registry; a metric that was not measured "
        "is absent"
    )
    integrity: Integrity | None = Field(
        None, description="the measurements of the evaluator's checks"
    )
    inertness: Inertness | None = Field(None, description="the comparison with its parent")
    work: Work | None = Field(
        None, description="the work of its training; null in records older than this field"
    )
    density: list[int] | None = Field(
        None,
        description="number of latents that never fired on the evaluation tokens, then a histogram "
        "of the others by share of tokens, from 1e-5 to 1 with four bins per decade",
    )
    provenance: Provenance
    files: dict[str, RecordedFile] = Field(
        default_factory=dict, description="the files next to the record, by name"
    )
    spec: dict[str, Any] = Field(description="the whole sandbox.toml, for scoring it again")
    asked: Asked | None = Field(
        None, description="the request for its run; null in records older than this field"
    )
    glass: str = Field(description="the weaker of the isolation levels of training and scoring")
    cost: Cost
    started: str = Field(description="ISO 8601, UTC")
    finished: str = Field(description="ISO 8601, UTC")

    @field_validator("metrics", mode="before")
    @classmethod
    def _without_unmeasured(cls, found: Any) -> Any:
        """Drop nulls, because older records have a key for every metric."""
        if not isinstance(found, Mapping):
            return found
        return {key: value for key, value in found.items() if value is not None}

    @field_validator("metrics")
    @classmethod
    def _are_known(cls, found: dict[str, float]) -> dict[str, float]:
        check_measured(SCORE, found)
        return found

    @property
    def file_version(self) -> str:
        """The sha256 of the file in variants/ that was scored."""
        return self.file_sha256 or self.provenance.variant_sha256

    @property
    def weights_file(self) -> str:
        """The name of the file with the weights."""
        return kind_named(self.kind).weights_file


class Failure(BaseModel, frozen=True):
    """One run that ended without a score. On disk it is signed too."""

    variant: str
    seed: int
    parameters: dict[str, Value] = Field(default_factory=dict)
    knob: str | None = Field(None, description="null also in records older than this field")
    file_sha256: str | None = None
    run: str = Field(description="content address of everything that determines the numbers")
    control: str | None = None
    stage: str = Field(description="check, train or score; produce or evaluate")
    code: str
    check: str | None = Field(None, description="the evaluator's check that failed")
    limit: str | None = Field(None, description="the limit of the glass that was reached")
    message: str = Field(description="what happened and what to do next")
    variant_sha256: str
    subject: str | None = Field(None, description="null in records older than this field")
    layer: int | None = Field(None, description="null in records older than this field")
    glass: str | None = Field(None, description="the isolation level")
    sealed_sha256: str | None = Field(
        None,
        description="the sealed files of a sandbox with an evaluation of its own; else null",
    )
    cost: Cost | None = Field(
        None, description="of its training elsewhere; null: on this machine, or it did not end"
    )
    started: str
    finished: str

    @property
    def file_version(self) -> str:
        """The sha256 of the file in variants/ that failed."""
        return self.file_sha256 or self.variant_sha256
