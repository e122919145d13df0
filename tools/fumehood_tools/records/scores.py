"""Score records: what the evaluator writes, and nobody else.

One run is one folder `results/<variant>/seed<seed>-<run digest>/` with the weights
(`sae.safetensors`), the variant's file as it was, the training log, sae-bench's own two result
files (`core.json`, `sparse_probing.json`) and `score.json`, the record below. A run that failed has
`failure.json`. Both are signed when they are written: what is read must have a sound receipt.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field, field_validator, model_validator

from fumehood_tools.records.inertness import Inertness
from fumehood_tools.records.integrity import Integrity
from fumehood_tools.records.parameters import Value
from fumehood_tools.records.work import Work
from fumehood_tools.registry.kinds import SCORE
from fumehood_tools.registry.lookup import check_measured
from fumehood_tools.where import Where


class Provenance(BaseModel, frozen=True):
    """What a score is a score of, and by whose code."""

    variant_sha256: str
    weights_sha256: str
    weights_bytes: int
    settings_digest: str = Field(
        description="content address of [training], [scoring] and what an SAE may hold and spend"
    )
    template_sha256: str
    evaluator_sha256: str
    trained: Where | None = Field(
        None, description="where it was trained; null: the record is older than this"
    )
    scored: Where | None = Field(None, description="where it was scored; null: as above")
    versions: dict[str, str] = Field(
        default_factory=dict, description="of records that do not say it of both apart"
    )
    machine: str | None = Field(None, description="as versions")
    arithmetic: str = Field(
        "float32", description="of large products in training, float32 or bfloat16"
    )

    @property
    def place(self) -> str:
        """Where the score was made: one text; two where more than the number of threads differs."""
        if self.trained is None or self.scored is None:
            return self.machine or "an unknown machine"
        trained, scored = self.trained, self.scored
        if trained.text() == scored.text():
            return trained.text()
        if trained.model_copy(update={"threads": scored.threads}).text() == scored.text():
            return trained.text(scored_with=scored.threads)
        return f"trained: {trained.text()}; scored: {scored.text()}"


class Data(BaseModel, frozen=True):
    """The activations a score stands on."""

    digest: str = Field(description="content address of the activations, both splits")
    train_tokens: int = Field(description="seen in training")
    eval_tokens: int = Field(description="measured on")
    train_sha256: str | None = Field(None, description="of the token rows of the training split")
    eval_sha256: str | None = Field(None, description="of the token rows of the evaluation split")


class RecordedFile(BaseModel, frozen=True):
    """A file of a record."""

    sha256: str
    bytes: int | None = Field(None, description="size; null: the record is older than this")

    @model_validator(mode="before")
    @classmethod
    def _of_a_digest(cls, said: Any) -> Any:
        """Read what older records say of a file: its sha256 alone."""
        return {"sha256": said} if isinstance(said, str) else said


class Cost(BaseModel, frozen=True):
    """What a score took."""

    train_seconds: float
    score_seconds: float
    usd: float = Field(0.0, description="rented machines; 0 on one's own")


class Score(BaseModel, frozen=True):
    """One trained and scored SAE. On disk it is a receipt: see fumehood_tools.receipts."""

    variant: str
    seed: int
    parameters: dict[str, Value] = Field(
        default_factory=dict, description="constants of the file with another value than its own"
    )
    knob: str | None = Field(None, description="the constant that the file calls its sparsity knob")
    file_sha256: str | None = Field(
        None, description="the file whose copy this is; null: variant_sha256 is that file's"
    )
    run: str = Field(description="content address of all that decides on the numbers")
    control: str | None = Field(None, description="which control of the run it is, and of what")
    subject: str
    layer: int
    site: str
    dict_size: int
    data: Data
    metrics: dict[str, float] = Field(
        description="metric -> value, see fumehood_tools.registry; absent: not measured, never a "
        "stand-in for a value"
    )
    integrity: Integrity | None = Field(None, description="what the evaluator's checks measured")
    inertness: Inertness | None = Field(None, description="compared with what it inherits from")
    work: Work | None = Field(
        None, description="what its training cost; null: the record is older than this"
    )
    density: list[int] | None = Field(
        None,
        description="latents that never fired on the evaluation tokens, then by how often they "
        "did: share of the tokens from 1e-5 to 1, four bins per decade",
    )
    provenance: Provenance
    files: dict[str, RecordedFile] = Field(
        default_factory=dict, description="what lies beside the record, by name"
    )
    spec: dict[str, Any] = Field(description="the whole sandbox.toml, to score it again")
    glass: str = Field(
        description="which isolation held, in training and in scoring: the weaker of both"
    )
    cost: Cost
    started: str = Field(description="ISO 8601, UTC")
    finished: str = Field(description="ISO 8601, UTC")

    @field_validator("metrics", mode="before")
    @classmethod
    def _without_unmeasured(cls, found: Any) -> Any:
        """Drop nulls: older records name every metric."""
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
        """The sha256 of the file in variants/ that this is a score of."""
        return self.file_sha256 or self.provenance.variant_sha256


class Failure(BaseModel, frozen=True):
    """One run that did not end in a score. On disk it is a receipt too."""

    variant: str
    seed: int
    parameters: dict[str, Value] = Field(default_factory=dict)
    file_sha256: str | None = None
    run: str = Field(description="content address of all that decides on the numbers")
    control: str | None = None
    stage: str = Field(description="check, train, score")
    code: str
    check: str | None = Field(None, description="the evaluator's check that did not pass")
    limit: str | None = Field(None, description="the limit of the glass that ended it")
    message: str = Field(description="what happened and what to do next")
    variant_sha256: str
    glass: str | None = Field(None, description="which isolation held")
    started: str
    finished: str

    @property
    def file_version(self) -> str:
        """The sha256 of the file in variants/ that failed."""
        return self.file_sha256 or self.variant_sha256
