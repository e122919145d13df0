"""The messages to the trusted process, and its replies. Light: read by the server and by jobs.

HuntSetup, then any number of questions; each is answered by one line {"answer": …} or
{"error": ErrorReport}.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from fumehood_tools.glass import GlassLevel
from fumehood_tools.harvest import Activations
from fumehood_tools.hunts.records import Concept, Direction, Family
from fumehood_tools.spec import SandboxSpec


class HuntSetup(BaseModel, frozen=True):
    """The first message: the SAE and its data."""

    spec: SandboxSpec
    activations: Activations
    variant: str = Field(description="name of the file in the record's folder, without .py")
    record: Path = Field(description="the folder of the score")
    weights_sha256: str
    cache: Path
    scratch: Path
    glass: GlassLevel


class ChooseConcepts(BaseModel, frozen=True):
    """Ask which concepts a hunt is about. Answer: Chosen.

    More words than are needed are candidates: the first ones that some latent detects on training
    texts are taken.
    """

    question: Literal["choose"] = "choose"
    family: Family
    words: tuple[str, ...]


class Chosen(BaseModel, frozen=True):
    """The concepts, and what an agent is told about each."""

    concepts: list[Concept]


class AskText(BaseModel, frozen=True):
    """Ask which latents are active on a text or a row of tokens. Answer: ActiveLatents."""

    question: Literal["text"] = "text"
    text: str | None = None
    tokens: tuple[int, ...] | None = None


class ActiveLatent(BaseModel, frozen=True):
    """One latent on a text."""

    latent: int
    value: float = Field(description="largest, in units of the activations' typical size")
    position: int = Field(description="where, from 0")
    token: str = Field(description="there")
    share: float = Field(description="of the text's tokens on which it is active")


class ActiveLatents(BaseModel, frozen=True):
    """The most active latents on a text."""

    tokens: int
    latents: list[ActiveLatent]


class AskLatent(BaseModel, frozen=True):
    """Ask where a latent is active and what it writes. Answer: LatentFacts."""

    question: Literal["latent"] = "latent"
    latent: int


class Context(BaseModel, frozen=True):
    """A place in the training texts. text: the token itself is in double angle brackets."""

    value: float
    text: str


class LatentFacts(BaseModel, frozen=True):
    """What is known about one latent."""

    latent: int
    share: float = Field(description="of the looked-at training tokens on which it is active")
    tokens: int = Field(description="how many were looked at")
    contexts: list[Context]
    raises: list[str] = Field(description="tokens whose logits its direction raises most")
    lowers: list[str] = Field(description="tokens whose logits it lowers most")


class ScoreAnswer(BaseModel, frozen=True):
    """Ask for the score of one answer. Answer: records.RepeatScore."""

    question: Literal["score"] = "score"
    repeat: int
    family: Family
    word: str
    latent: int | None
    direction: Direction
    strength: float
    control_seeds: tuple[int, ...]
    seed: int = Field(description="the secret from which held-back texts are drawn")


Question = ChooseConcepts | AskText | AskLatent | ScoreAnswer
