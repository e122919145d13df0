"""The messages between the processes of a question. Light: read by jobs and by the server."""

from pathlib import Path

from pydantic import BaseModel, Field

from fumehood_tools.harvest import Activations
from fumehood_tools.kinds import SiteName
from fumehood_tools.spec import CorpusSpec, SubjectSpec


class HoldoutRequest(BaseModel, frozen=True):
    """The message to the process that computes a holdout's activations."""

    subject: SubjectSpec
    corpus: CorpusSpec
    others: tuple[CorpusSpec, ...] = Field((), description="of the study's other sandboxes")
    activations: Activations = Field(description="of the sandbox")
    targets: Activations | None = Field(
        None, description="of the sandbox, where another site is predicted than is read"
    )
    writes: SiteName | None = Field(None, description="the site of the targets")
    seed: int = Field(description="the secret of the study")
    device: str
    cache: Path = Field(description="where subjects are")
    folder: Path = Field(description="receives the holdout; the caller removes it")


class QuestionRequest(BaseModel, frozen=True):
    """The message to the job that answers a question."""

    study: str
    plan: int
    question: int = Field(description="its number, counted before the job was started")
    digest: str = Field(description="of the weights that it is about")


class RetestRequest(BaseModel, frozen=True):
    """The message to the job that tests a winner elsewhere."""

    study: str
    plan: int
    variant: str
    subject: str
    layer: int
    digest: str = Field(description="of what is tested where")
