"""What a drive may cost, and what it has cost so far. Prices come from the user: no endpoint says
what it charges."""

from typing import NamedTuple

from pydantic import BaseModel, Field

from fumehood_tools.errors import BadRequest

CHARACTERS_PER_TOKEN = 3.0
"""A low estimate for English and code, so that a request is estimated too expensive, not too cheap.
"""


class Limits(BaseModel, frozen=True):
    """The limits of a drive, over all of its sessions. null: no limit."""

    usd: float | None = Field(None, ge=0, description="for the model's tokens")
    minutes: float | None = Field(None, gt=0, description="wall time of this session")
    steps: int = Field(200, ge=1, description="answers of the model")
    input_price: float | None = Field(None, ge=0, description="USD per million tokens")
    output_price: float | None = Field(None, ge=0, description="USD per million tokens")
    answer_tokens: int = Field(8_000, ge=256, description="most tokens of one answer")
    answer_seconds: float = Field(300.0, gt=0, description="longest wait for one answer")
    context_tokens: int = Field(100_000, ge=4_000, description="of one request, estimated")
    patience_minutes: float = Field(
        10.0, ge=0, description="how long an endpoint that refuses or fails is asked again"
    )

    def checked(self) -> "Limits":
        """Return the limits. Raises BadRequest for a limit on cost without prices."""
        if self.usd is not None and (self.input_price is None or self.output_price is None):
            raise BadRequest(
                "--max-cost-usd needs --input-price and --output-price (USD per million tokens), "
                "because an endpoint does not say what it charges. Pass 0 for a local model."
            )
        return self

    def price(self, used: "Usage") -> float:
        """Return the price of some tokens in USD; 0 if no prices were given."""
        total = used.input * (self.input_price or 0.0) + used.output * (self.output_price or 0.0)
        return total / 1e6


class Usage(NamedTuple):
    """Tokens. estimated: the endpoint did not report them, so they were counted by characters."""

    input: int = 0
    output: int = 0
    estimated: bool = False

    def plus(self, other: "Usage") -> "Usage":
        """Return the sum."""
        estimated = self.estimated or other.estimated
        return Usage(self.input + other.input, self.output + other.output, estimated)


def tokens_in(text: str) -> int:
    """Return an estimate of the number of tokens of a text."""
    return int(len(text) / CHARACTERS_PER_TOKEN) + 1


NOTHING_USED = Usage()


class Meter:
    """Counts what a drive has used, and says which limit is reached."""

    def __init__(self, limits: Limits, used: Usage = NOTHING_USED, steps: int = 0) -> None:
        self.limits, self.used, self.steps = limits, used, steps

    @property
    def usd(self) -> float:
        """What the tokens have cost so far."""
        return self.limits.price(self.used)

    def add(self, used: Usage) -> None:
        """Count one answer."""
        self.used, self.steps = self.used.plus(used), self.steps + 1

    def reached(self, next_input: int, minutes: float) -> str | None:
        """Return which limit the next request would exceed, in words; None if none.

        next_input: its estimated tokens. The longest answer is reserved before it is asked for.
        minutes: the wall time of the session so far.
        """
        limits = self.limits
        if self.steps >= limits.steps:
            return f"its limit of {limits.steps} answers is reached"
        if limits.minutes is not None and minutes >= limits.minutes:
            return f"its limit of {limits.minutes:g} minutes is reached"
        most = self.usd + limits.price(Usage(next_input, limits.answer_tokens))
        if limits.usd is not None and most > limits.usd:
            return (
                f"the next answer could bring its cost from ${self.usd:.4f} to ${most:.4f}, over "
                f"its limit of ${limits.usd:g}"
            )
        return None

    def in_words(self) -> str:
        """Return what was used, in words."""
        about = "about " if self.used.estimated else ""
        priced = self.limits.input_price is not None and self.limits.output_price is not None
        cost = f", ${self.usd:.4f}" if priced else ""
        return (
            f"{self.steps} answers, {about}{self.used.input:,} input and "
            f"{about}{self.used.output:,} output tokens{cost}"
        )
