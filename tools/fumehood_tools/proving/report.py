"""The outcome of each requirement, and the report of all. Plain data, kept as JSON."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, Field

from fumehood_tools.proving.own_standard import OWN_BY_NUMBER
from fumehood_tools.proving.standard import BY_NUMBER, PARTS, REQUIREMENTS, Requirement
from fumehood_tools.quoting import one_line, quotable

State = Literal["passed", "failed", "not_tried"]
Budget = Literal["read", "quick", "full"]
MOST_WHY = 600
OWN_EVALUATION = "custom, evaluated by its own code"
"""The kind, as reports name it, of sandboxes for which some requirements are others."""


class Fault(BaseModel, frozen=True):
    """One thing that is wrong. file: relative to the sandbox; empty: the sandbox as a whole."""

    why: str
    file: str = ""
    line: int | None = None

    def text(self) -> str:
        """Return it as one line of text."""
        line = f":{self.line}" if self.line else ""
        place = f"{self.file}{line}: " if self.file else ""
        return f"{place}{self.why}"


class Result(BaseModel, frozen=True):
    """The outcome of one requirement."""

    number: str
    state: State
    why: str = Field("", description="what was found; for not_tried, why not")
    faults: tuple[Fault, ...] = ()

    def text(self, rule: Requirement) -> str:
        """Return it as lines of text. rule: the requirement, as it is for this sandbox."""
        if self.state == "passed":
            return f"  {self.number} passed: {self.why or rule.says}"
        if self.state == "not_tried":
            return f"  {self.number} not tried ({self.why}): {rule.says}"
        lines = [f"  {self.number} FAILED: {rule.says}."]
        lines += [f"      {fault.text()}" for fault in self.faults]
        return "\n".join([*lines, f"      Remedy: {rule.remedy}"])


class Report(BaseModel, frozen=True):
    """One validation of one sandbox."""

    id: str = Field(description="depends on the folder's files, the budget and this version")
    sandbox: str
    budget: Budget
    glass: str
    kind: str
    sealed: str = Field(description="sha256 of the files that runs must not find changed")
    validated: str = Field(description="ISO 8601, UTC")
    seconds: float = 0.0
    results: tuple[Result, ...]

    @property
    def passes(self) -> bool:
        """True if every requirement was tried and passed."""
        return all(one.state == "passed" for one in self.results)

    @property
    def counts(self) -> dict[str, int]:
        """State -> number of requirements."""
        return dict(Counter(one.state for one in self.results))

    @property
    def rules(self) -> Mapping[str, Requirement]:
        """The requirements as they are for this sandbox, by number."""
        return OWN_BY_NUMBER if self.kind == OWN_EVALUATION else BY_NUMBER

    def remedy(self, result: Result) -> str:
        """Return what to do about a result; empty if it did not fail."""
        return self.rules[result.number].remedy if result.state == "failed" else ""

    def failed(self) -> list[str]:
        """Return the numbers of the requirements that failed, in order."""
        return [one.number for one in self.results if one.state == "failed"]

    def text(self) -> str:
        """Return the whole report as text; failures first."""
        told = ", ".join(f"{n} {state.replace('_', ' ')}" for state, n in self.counts.items())
        lines = [
            f"{self.sandbox} ({self.kind}): {self._verdict()}. {told}; budget {self.budget}, "
            f"glass {self.glass}, {self.seconds:.0f} s."
        ]
        failed = [one for one in self.results if one.state == "failed"]
        lines += ["Failed:", *map(self.told, failed)] if failed else []
        for part, title in PARTS.items():
            others = [one for one in self.results if one.number.startswith(f"{part}.")]
            others = [one for one in others if one.state != "failed"]
            lines += [f"{part} {title}", *map(self.told, others)] if others else []
        return "\n".join(lines)

    def told(self, result: Result) -> str:
        """Return one of the results as lines of text."""
        return result.text(self.rules[result.number])

    def _verdict(self) -> str:
        if self.passes:
            return "meets the sandbox standard"
        return "does NOT meet the sandbox standard" if self.failed() else "not proven yet"


def passed(number: str, why: str = "") -> Result:
    """Return the result of a requirement that is met."""
    return Result(number=number, state="passed", why=why)


def not_tried(number: str, why: str) -> Result:
    """Return the result of a requirement that was not tried."""
    return Result(number=number, state="not_tried", why=_said(why))


def judged(number: str, faults: Iterable[Fault], why: str = "") -> Result:
    """Return failed if there are faults, else passed. why: what was found if it passed."""
    found = tuple(fault.model_copy(update={"why": _said(fault.why)}) for fault in faults)
    if not found:
        return passed(number, why)
    return Result(number=number, state="failed", faults=found)


def in_order(results: Sequence[Result], why: str) -> tuple[Result, ...]:
    """Return one result per requirement of the standard. why: of those that are missing."""
    found = {one.number: one for one in results}
    return tuple(found.get(one.number) or not_tried(one.number, why) for one in REQUIREMENTS)


def _said(text: str) -> str:
    return one_line(quotable(text))[:MOST_WHY]
