"""Score records: what the evaluator writes, and nobody else.

One run is one folder `results/<variant>/seed<seed>-<run digest>/` with the weights
(`sae.safetensors`), the training log, sae-bench's own two result files (`core.json`,
`sparse_probing.json`) and `score.json`, the record below. A run that failed has `failure.json`.
"""

from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import read_json

SCORE_FILE = "score.json"
FAILURE_FILE = "failure.json"


class Metrics(BaseModel, frozen=True):
    """The measured values of one trained SAE. None: not measured, never a stand-in for a value."""

    l0: float = Field(description="latents different from 0, mean over evaluation tokens")
    l1: float | None = Field(None, description="sae-bench's l1: sum of latents, mean over tokens")
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
    probing: float | None = Field(None, description="probe on all latents, mean test accuracy")
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


class Provenance(BaseModel, frozen=True):
    """What a score is a score of."""

    variant_sha256: str
    weights_sha256: str
    data_digest: str = Field(description="content address of the activations, both splits")
    settings_digest: str = Field(description="content address of [training] and [scoring]")
    template_sha256: str
    evaluator_sha256: str
    versions: dict[str, str] = Field(description="package -> version")
    machine: str = Field(description="processor, cores, system")


class Score(BaseModel, frozen=True):
    """One trained and scored SAE."""

    variant: str
    seed: int
    subject: str
    layer: int
    site: str
    dict_size: int
    train_tokens: int
    eval_tokens: int
    metrics: Metrics
    provenance: Provenance
    glass: str = Field(description="which isolation held: rlimits, portable …")
    train_seconds: float
    score_seconds: float
    finished: str = Field(description="ISO 8601, UTC")


class Failure(BaseModel, frozen=True):
    """One run that did not end in a score."""

    variant: str
    seed: int
    stage: str = Field(description="check, train, score")
    code: str
    message: str = Field(description="what happened and what to do next")
    variant_sha256: str
    finished: str


def read_score(path: Path) -> Score:
    """Return the record in a score.json. Raises StorageFailed when it is damaged."""
    try:
        return Score.model_validate(read_json(path))
    except ValidationError as error:
        raise StorageFailed(
            f"{path} is not a score record ({error.error_count()} problems). "
            "Delete its folder and call run_variants again."
        ) from error
