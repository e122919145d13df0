"""The records of a hunt: signed folders `hunts/<hunt>/entries/<number>-<kind>-<tag>/`.

The tag of a task is the SAE's and the concept's family, that of questions and answers the repeat:
so the ledger alone tells how many there were, also when their folders are gone.
"""

from typing import Literal

from pydantic import BaseModel, Field

Family = Literal["planted", "first_letter", "word_class", "token_kind", "ending"]
Asked = Literal["text", "tokens", "latent"]
Direction = Literal["raise", "lower"]

OPENED, PROBE, ANSWER, SCORE = KINDS = ("hunt", "hunt_probe", "hunt_answer", "hunt_score")
REPEATS = 3


class Concept(BaseModel, frozen=True):
    """What one repeat is about. word: a concept's name, or the number of a planted feature."""

    word: str
    told: str = Field(description="what the agent is told about it")


class HuntOpened(BaseModel, frozen=True):
    """The task, fixed before the first question."""

    sae: str = Field(description="place of its score")
    sae_receipt: str = Field(description="MAC of that score")
    weights_sha256: str
    subject: str
    layer: int
    site: str
    dict_size: int
    family: Family
    concepts: list[Concept] = Field(description="one per repeat")
    questions: int = Field(description="that may be asked in each repeat")
    control_seeds: list[int] = Field(description="of the random control directions")
    tries: list[int] = Field(description="per repeat: 1 if this concept is new on this SAE")
    asked_before: int = Field(0, description="questions in those earlier hunts")
    written: str


class HuntProbe(BaseModel, frozen=True):
    """One question. It is entered before it is answered."""

    repeat: int
    asked: Asked
    content: str = Field(description="the text, the tokens, or the number of the latent")
    written: str


class HuntAnswer(BaseModel, frozen=True):
    """The answer to one repeat. latent: null: none was found."""

    repeat: int
    latent: int | None
    direction: Direction
    strength: float = Field(description="in units of the activations' root mean square norm")
    questions: int = Field(description="that had been asked")
    written: str


class Measure(BaseModel, frozen=True):
    """One measurement of an answer, beside random controls and the best latent."""

    value: float
    random: float = Field(description="mean of the random controls")
    random_spread: float = Field(description="their standard deviation")
    best: float | None = Field(description="of the best latent; null: none is within the guard")
    best_latent: int | None
    score: float | None = Field(
        description="0: as a random control, 1: as the best latent; null: nothing to find"
    )


class RepeatScore(BaseModel, frozen=True):
    """The score of one repeat."""

    repeat: int
    word: str
    latent: int | None
    positives: int = Field(description="held-back tokens with the concept")
    tokens: int = Field(description="held-back tokens")
    detection: Measure = Field(description="AUROC of the latent for the concept")
    f1: float
    f1_best: float
    steering: Measure = Field(description="change of the concept's log-odds, in nats")
    damage: float = Field(description="KL divergence from the unsteered subject, nats per token")
    damage_random: float
    damage_best: float | None
    best_latent: int = Field(description="best at detection and steering together")
    best_both: float | None = Field(description="mean of its two scores")
    score: float | None = Field(
        description="mean of the answer's two scores, divided by best_both; null: no latent of the "
        "SAE has the concept"
    )


class HuntScore(BaseModel, frozen=True):
    """The score of a hunt."""

    score: float = Field(
        description="mean over repeats with a score: 0 as random, 1 as the best latents"
    )
    low: float | None = Field(description="95 % interval over the repeats; null: fewer than two")
    high: float | None
    repeats: list[RepeatScore]
    tries: list[int] = Field(description="of the task")
    answers: list[str] = Field(description="MACs of the answers that were scored")
    seconds: float
    written: str


Content = HuntOpened | HuntProbe | HuntAnswer | HuntScore
MODELS: dict[str, type[Content]] = {
    OPENED: HuntOpened,
    PROBE: HuntProbe,
    ANSWER: HuntAnswer,
    SCORE: HuntScore,
}
KIND_OF: dict[type[BaseModel], str] = {model: kind for kind, model in MODELS.items()}
