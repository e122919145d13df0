"""The doctor's report: one `Part` per thing that was checked."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, Field

State = Literal["ok", "missing", "absent"]
_MARKS: Mapping[State, str] = {"ok": "✓", "missing": "✗", "absent": "–"}


class Part(BaseModel, frozen=True):
    """One part: present (ok), required but not present (missing), or optional (absent)."""

    section: str
    part: str
    state: State
    detail: str
    command: str | None = Field(default=None, description="the command that adds it")


class DoctorReport(BaseModel, frozen=True):
    """All parts. `ready`: the default sandbox can be run from end to end."""

    version: str
    ready: bool
    findings: list[Part]

    def text(self) -> str:
        """Return the report as text, one line per part."""
        missing = [finding.part for finding in self.findings if finding.state == "missing"]
        verdict = "ready" if self.ready else f"not ready: {', '.join(missing)}"
        lines = [f"fumehood {self.version}: {verdict}"]
        for section in dict.fromkeys(finding.section for finding in self.findings):
            lines += ["", section, *self._section(section)]
        return "\n".join(
            [*lines, "", "✓ present   ✗ required but missing   – optional, not present"]
        )

    def _section(self, section: str) -> list[str]:
        findings = [finding for finding in self.findings if finding.section == section]
        width = max(len(finding.part) for finding in findings)
        lines = []
        for finding in findings:
            lines.append(f"  {_MARKS[finding.state]} {finding.part:{width}}  {finding.detail}")
            if finding.command:
                lines.append(f"    {'':{width}}  next: {finding.command}")
        return lines


def optional(part: str, found: str | None, otherwise: str, section: str = "machine") -> Part:
    """Return an optional part. found: its detail, None if absent. otherwise: the detail then."""
    state: State = "ok" if found else "absent"
    return Part(section=section, part=part, state=state, detail=found or otherwise)
