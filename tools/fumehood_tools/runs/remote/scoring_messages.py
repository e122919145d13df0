"""What goes to a machine that scores, and what comes back. Names of files included.

scoring/KEY/  setup.json · asked/REQUEST/ request.json, written last, and the files that it names ·
              done/REQUEST/ answer.json and sae-bench's result files · awaited

The messages to the scorer itself are those of `scoring.requests`, with the paths over there.
"""

from pydantic import BaseModel, Field, field_validator

from fumehood_tools.pods.agent.specs import Sha256
from fumehood_tools.registry.kinds import SCORE
from fumehood_tools.registry.lookup import check_measured
from fumehood_tools.runs.code import evaluator_sha256, template_sha256
from fumehood_tools.runs.remote.messages import plain_where, shown
from fumehood_tools.scoring.requests import (
    ErrorReport,
    ScoringAnswer,
    ScoringFailure,
    ScoringRequest,
)

SETUP_FILE, REQUEST_FILE, AWAITED = "setup.json", "request.json", "awaited"
ASKED, DONE, MAKING = "asked", "done", "making"
SCORING = "scoring"
"""The folder of all scorings, below the agent's."""
READY_FILE = "ready.json"
"""In the working folder of the job: the scorer has its data, or never will."""
RESULT_FILES = ("core.json", "sparse_probing.json")
RESULTS_BYTES = 64 << 20


class Evaluator(BaseModel, frozen=True):
    """The code that scores, by its digests."""

    evaluator: Sha256
    template: Sha256

    @classmethod
    def here(cls) -> "Evaluator":
        """Return the one that this process runs."""
        return cls(evaluator=evaluator_sha256(), template=template_sha256())


class ScorerState(BaseModel, frozen=True):
    """What the machine says before the first request. error: why it cannot score."""

    code: Evaluator
    error: ErrorReport | None = None

    @field_validator("error")
    @classmethod
    def _can_be_shown(cls, error: ErrorReport | None) -> ErrorReport | None:
        return shown(error)


class SentRequest(BaseModel, frozen=True):
    """One SAE to score. files: path over there -> sha256 of what was sent."""

    request: ScoringRequest
    files: dict[str, Sha256]


class ScoredThere(BaseModel, frozen=True):
    """The machine's answer to one request: its word, checked for its form only."""

    request: str = Field(max_length=64, description="digest of the request")
    code: Evaluator = Field(description="computed there, from the code that scored")
    answer: ScoringAnswer | None = None
    failure: ScoringFailure | None = None

    @field_validator("answer")
    @classmethod
    def _is_plain(cls, answer: ScoringAnswer | None) -> ScoringAnswer | None:
        if answer is not None:
            plain_where(answer.where)
            check_measured(SCORE, answer.metrics)
        return answer

    @field_validator("failure")
    @classmethod
    def _can_be_shown(cls, failure: ScoringFailure | None) -> ScoringFailure | None:
        if failure is None:
            return None
        error = shown(failure.error)
        assert error is not None
        return failure.model_copy(update={"error": error})
