"""What a validation says: evidence with file and line, the score's parts, the class, judgments."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field

from fumehood_tools.quoting import one_line

Standing = Literal["primary", "secondary", "mentioned", "unknown"]
STANDINGS: tuple[Standing, ...] = ("primary", "secondary", "mentioned", "unknown")
Part = Literal["identity", "method", "quality", "nature"]
MOST_QUOTE = 200
MOST_EVIDENCE = 40


def _quote(text: object) -> object:
    if not isinstance(text, str):
        return text
    short = one_line(text)
    return short if len(short) <= MOST_QUOTE else short[: MOST_QUOTE - 1] + "…"


Quote = Annotated[str, BeforeValidator(_quote)]


class Evidence(BaseModel, frozen=True):
    """One fact that bears on whether the code is the paper's."""

    part: Part
    kind: str = Field(description="Name of the rule, as in the table of docs/codebases.md")
    says: Quote = Field(description="The fact in our words")
    strength: float = Field(default=0, description="What it adds to its part, 0 to 1")
    file: str = Field(default="", description="File in the repository; '' if it is in the paper")
    line: int | None = Field(default=None, description="Counted from 1")
    quote: Quote = Field(default="", description="Untrusted words of the repository or the paper")

    @property
    def place(self) -> str:
        """The file and line, '' if the fact has none."""
        return f"{self.file}:{self.line}" if self.file and self.line else self.file


class CodeQuote(BaseModel, frozen=True, extra="forbid"):
    """Words of one file that support a judgment."""

    file: str = Field(max_length=1000, description="Path in the repository")
    line: int = Field(ge=1, description="Where the quote begins, from 1")
    quote: str = Field(min_length=4, max_length=1000, description="Verbatim from the file")


class ComponentJudgement(BaseModel, frozen=True, extra="forbid"):
    """Your judgment of one component that the paper claims."""

    component: str = Field(min_length=3, max_length=200, description="'equation 3', 'revival loss'")
    verdict: Literal["implemented", "partly", "absent", "contradicted"]
    quotes: list[CodeQuote] = Field(
        default_factory=list,
        max_length=10,
        description="Where the code shows it; needed for all verdicts but absent",
    )
    note: str = Field(default="", max_length=500)


class CheckedJudgement(BaseModel, frozen=True):
    """A judgment after the check of its quotes. Rejected ones are not stored."""

    judgement: ComponentJudgement
    accepted: bool
    reason: str = Field(default="", description="Why it was rejected, and what is at that place")
    commit: str = Field(default="", description="Commit whose files the quotes were checked in")


class Validation(BaseModel, frozen=True):
    """Whether a repository is the code of a paper, with the evidence."""

    paper: str
    repository: str = Field(description="Address, without credentials")
    standing: Standing = Field(description="unknown: the evidence decides nothing, see missing")
    why: str
    score: float = Field(description="identity x (0.65 + 0.35 x method), less for copies")
    identity: float = Field(description="Noisy-or of the evidence that it is the paper's, 0 to 1")
    method: float = Field(description="Noisy-or of the method's evidence in the source, 0 to 1")
    parts: dict[str, float] = Field(description="Each kind of evidence and what it adds")
    nature: list[str] = Field(
        default_factory=list, description="fork, re-implementation, survey list, library …"
    )
    missing: list[str] = Field(default_factory=list, description="What would decide it")
    commit: str = Field(default="", description="'' without version control")
    committed: str = Field(default="", description="Date of the commit")
    licence: str = Field(default="", description='SPDX identifier; "other": not known')
    swhid: str = Field(default="", description="Software Heritage id of the commit")
    swhid_folder: str = Field(default="", description="Software Heritage id of its files")
    evidence: list[Evidence] = Field(default_factory=list)
    not_counted: dict[str, int] = Field(
        default_factory=dict, description="Why files were skipped -> how many"
    )
    judgements: list[CheckedJudgement] = Field(default_factory=list)
    disagreement: str = Field(
        default="", description="Where the agent's judgments contradict the score; both are kept"
    )
