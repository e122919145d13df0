"""Format the results of the suite: one line per variant, a summary, a table by level."""

from collections.abc import Sequence

from pydantic import BaseModel

from fumehood_tools.redteam.verdicts import CaseResult


class Report(BaseModel, frozen=True):
    """One run of the suite at one level of the glass."""

    level: str
    outcomes: tuple[CaseResult, ...]
    seconds: float
    harm: str | None = None

    @property
    def cheats(self) -> list[CaseResult]:
        """The outcomes of cheats."""
        return [outcome for outcome in self.outcomes if outcome.side == "cheat"]

    @property
    def honest(self) -> list[CaseResult]:
        """The outcomes of honest variants."""
        return [outcome for outcome in self.outcomes if outcome.side == "honest"]

    @property
    def is_clean(self) -> bool:
        """True if all cheats were caught, all honest variants scored, and the bench is intact."""
        return all(outcome.ok for outcome in self.outcomes) and self.harm is None

    def last_line(self) -> str:
        """Return the summary in one line."""
        caught = sum(outcome.ok for outcome in self.cheats)
        refused = sum(not outcome.ok for outcome in self.honest)
        return (
            f"caught {caught}/{len(self.cheats)} cheats, "
            f"refused {refused}/{len(self.honest)} honest"
        )


def joined(reports: Sequence[Report]) -> Report:
    """Return the reports of several kinds of variants at one level as one."""
    return Report(
        level=reports[0].level,
        outcomes=tuple(outcome for report in reports for outcome in report.outcomes),
        seconds=round(sum(report.seconds for report in reports), 1),
        harm=next((report.harm for report in reports if report.harm is not None), None),
    )


def last_lines(reports: Sequence[Report]) -> list[str]:
    """Return one summary line per level, and one for each bench that was harmed."""
    lines = []
    for report in reports:
        if report.harm is not None:
            lines.append(f"{report.level}: the bench was harmed: {report.harm}")
        where = f"{report.level}, {report.seconds:.0f} s: " if len(reports) > 1 else ""
        lines.append(where + report.last_line())
    return lines


def line(outcome: CaseResult) -> str:
    """Return the line for one variant."""
    if outcome.side == "cheat":
        verdict = "caught    " if outcome.ok else "NOT CAUGHT"
    else:
        verdict = "scored    " if outcome.ok else "REFUSED   "
    rules = "rules" if outcome.rules else "-"
    said = f" | {outcome.said[:110]}" if outcome.said and outcome.by != "scored" else ""
    return f"{verdict} {outcome.name:26} {rules:5} {outcome.seconds:5.1f} s  {outcome.by}{said}"


def table(reports: Sequence[Report]) -> str:
    """Return a Markdown table of caught cheats by family and level, then what each level misses."""
    families = list(dict.fromkeys(outcome.family for outcome in reports[0].cheats))
    head = ["family", "cheats", *(report.level for report in reports), "static rules"]
    rows = [head, ["---", *["--:"] * (len(head) - 1)]]
    for family in families:
        first = [outcome for outcome in reports[0].cheats if outcome.family == family]
        complained = sum(outcome.rules for outcome in first)
        rows.append([family, str(len(first)), *(_count(r, family) for r in reports)])
        rows[-1].append(str(complained))
    totals = [f"**{_count(report, None)}**" for report in reports]
    complained = sum(outcome.rules for outcome in reports[0].cheats)
    rows.append(["**all**", str(len(reports[0].cheats)), *totals, f"**{complained}**"])
    refused = [str(sum(not outcome.ok for outcome in report.honest)) for report in reports]
    rows.append(["honest, refused", str(len(reports[0].honest)), *refused, _honest_rules(reports)])
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    for report in reports:
        lines += ["", f"Not caught at level `{report.level}`:", ""]
        missed = [outcome for outcome in report.cheats if not outcome.ok]
        lines += [f"- `{o.name}`: {o.says} *{_cell(o.by)}*" for o in missed] or ["- nothing"]
    return "\n".join(lines) + "\n"


def _count(report: Report, family: str | None) -> str:
    chosen = [o for o in report.cheats if family is None or o.family == family]
    return f"{sum(outcome.ok for outcome in chosen)}/{len(chosen)}"


def _honest_rules(reports: Sequence[Report]) -> str:
    return str(sum(outcome.rules for outcome in reports[0].honest))


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("*", "").replace("`", "'")[:200]
