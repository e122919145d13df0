"""Score records: what the evaluator writes, and nobody else.

One run is one folder `results/<variant>/seed<seed>-<run digest>/` with the weights
(`sae.safetensors`), the variant's file as it was, the training log, sae-bench's own two result
files (`core.json`, `sparse_probing.json`) and `score.json`, the record below. A run that failed has
`failure.json`. Both are signed when they are written: what is read must have a sound receipt.
"""

from typing import Any

from pydantic import BaseModel, Field, model_validator

from fumehood_tools.records.inertness import Inertness
from fumehood_tools.records.integrity import Integrity
from fumehood_tools.records.parameters import Value
from fumehood_tools.records.work import Work
from fumehood_tools.where import Where


class Metrics(BaseModel, frozen=True):
    """The measured values of one trained SAE. None: not measured, never a stand-in for a value."""

    l0: float = Field(description="latents different from 0, mean over evaluation tokens")
    l1: float | None = Field(
        None,
        description="sum over latents of what each adds to x_hat, |f_i W_i|, mean over tokens, raw "
        "activations",
    )
    explained_variance: float = Field(
        description="centred: 1 - sum|x-x_hat|^2 / sum|x-mean|^2 over all evaluation tokens"
    )
    mse: float = Field(description="|x-x_hat|^2, mean over all evaluation tokens, raw activations")
    cosine: float | None = Field(None, description="cosine of x and x_hat, mean over tokens")
    alive: float = Field(description="share of latents that fired on the evaluation tokens")
    loss_recovered: float | None = Field(
        None, description="sae-bench ce_loss_score: (ablated - spliced) / (ablated - clean)"
    )
    ce_clean: float | None = Field(None, description="cross-entropy of the subject, nats per token")
    ce_spliced: float | None = Field(None, description="the same with the SAE spliced in")
    ce_ablated: float | None = Field(None, description="the same with the site set to 0")
    probing: float | None = Field(
        None, description="probe on all latents, standardised, mean test accuracy"
    )
    probing_top1: float | None = Field(None, description="probe on the best latent")
    probing_top2: float | None = Field(None, description="probe on the best 2 latents")
    probing_top5: float | None = Field(None, description="probe on the best 5 latents")
    probing_subject: float | None = Field(None, description="probe on the raw activations")
    sae_bench_explained_variance: float | None = Field(
        None, description="sae-bench's own field; wrong when activations are large (see README)"
    )
    sae_bench_explained_variance_legacy: float | None = Field(
        None, description="sae-bench's own field: mean over tokens of 1 - |x-x_hat|^2 / |x-mean|^2"
    )
    sae_bench_mse: float | None = Field(
        None, description="sae-bench's own field; depends on the batch"
    )
    sae_bench_l1: float | None = Field(
        None, description="sae-bench's own field: sum of latents, in the variant's own units"
    )
    sae_bench_probing: float | None = Field(
        None, description="sae-bench's own: on latents in the variant's own units"
    )
    sae_bench_probing_top1: float | None = Field(None, description="the same, best latent")
    sae_bench_probing_top2: float | None = Field(None, description="the same, best 2 latents")
    sae_bench_probing_top5: float | None = Field(None, description="the same, best 5 latents")


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
        """Where the score was made: one text, or two where training and scoring differ."""
        if self.trained is None or self.scored is None:
            return self.machine or "an unknown machine"
        trained, scored = self.trained.text(), self.scored.text()
        return trained if trained == scored else f"trained: {trained}; scored: {scored}"


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
    metrics: Metrics
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
