"""The request of a job of evaluations, as its file in the job's folder has it. Light."""

from pydantic import BaseModel, Field

REQUEST_FILE = "request.json"


class EvaluationsRequest(BaseModel, frozen=True):
    """What to evaluate with what."""

    sandbox: str
    evaluations: tuple[str, ...] = Field((), description="names; (): every one")
    variants: tuple[str, ...] | None = Field(None, description="None: all")
