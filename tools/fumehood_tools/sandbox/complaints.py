"""Findings about a variant, each with its line and a remedy."""

from typing import Literal

from pydantic import BaseModel, Field

# A message may quote the source, in which a name can have any length.
_MOST_CHARACTERS = 500


class Complaint(BaseModel, frozen=True):
    """One finding about a variant."""

    severity: Literal["error", "warning"] = Field(description="a variant with errors cannot run")
    rule: str = Field(description="stable name of the rule: syntax, import, signature, …")
    line: int | None = Field(description="line in the variant's file; None: the file as a whole")
    message: str = Field(description="what is wrong")
    instead: str = Field(description="what to write instead")

    def text(self) -> str:
        """Return the finding as one line of text."""
        place = f"line {self.line}" if self.line else "file"
        return f"{self.severity}, {place} ({self.rule}): {self.message} Instead: {self.instead}"


class CheckReport(BaseModel, frozen=True):
    """All findings about one variant."""

    variant: str
    ok: bool = Field(description="true when there is no error; warnings do not count")
    findings: list[Complaint]
    seconds: float

    def text(self) -> str:
        """Return the report as text for the agent."""
        warnings = sum(finding.severity == "warning" for finding in self.findings)
        errors = len(self.findings) - warnings
        verdict = "ok" if self.ok else "not ok"
        following = "run_variants" if self.ok else "fix the errors, then check_variant again"
        lines = [
            f"{self.variant}: {verdict} ({errors} errors, {warnings} warnings)",
            *(f"- {finding.text()}" for finding in self.findings),
            f"Next: {following}.",
        ]
        return "\n".join(lines)


def error(rule: str, line: int | None, message: str, instead: str) -> Complaint:
    """Return a finding of severity error; adds the full stops."""
    return _finding("error", rule, line, message, instead)


def warning(rule: str, line: int | None, message: str, instead: str) -> Complaint:
    """Return a finding of severity warning; adds the full stops."""
    return _finding("warning", rule, line, message, instead)


def _finding(
    severity: Literal["error", "warning"], rule: str, line: int | None, message: str, instead: str
) -> Complaint:
    return Complaint(
        severity=severity,
        rule=rule,
        line=line,
        message=f"{message[:_MOST_CHARACTERS].rstrip('.')}.",
        instead=f"{instead.rstrip('.')}.",
    )
