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
    instead: str = Field(description="what to do instead")
    write: str | None = Field(None, description="the lines to write, if they are known")

    def text(self) -> str:
        """Return the finding as one line of text, and below it the lines to write."""
        place = f"line {self.line}" if self.line else "file"
        said = f"{self.severity}, {place} ({self.rule}): {self.message} Instead: {self.instead}"
        lines = (self.write or "").splitlines()
        return "\n".join([said, *(f"      {line}" for line in lines)])


def error(
    rule: str, line: int | None, message: str, instead: str, write: str | None = None
) -> Complaint:
    """Return a finding of severity error; adds the full stops."""
    return _finding("error", rule, line, message, instead, write)


def warning(
    rule: str, line: int | None, message: str, instead: str, write: str | None = None
) -> Complaint:
    """Return a finding of severity warning; adds the full stops."""
    return _finding("warning", rule, line, message, instead, write)


def _finding(
    severity: Literal["error", "warning"],
    rule: str,
    line: int | None,
    message: str,
    instead: str,
    write: str | None,
) -> Complaint:
    return Complaint(
        severity=severity,
        rule=rule,
        line=line,
        message=f"{message[:_MOST_CHARACTERS].rstrip('.')}.",
        instead=f"{instead.rstrip('.')}.",
        write=write,
    )
