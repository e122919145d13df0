"""Findings as SARIF 2.1.0, which code hosts and editors show beside the lines.

Each kind of finding is a rule with a remedy. What passed is left out.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

VERSION = "2.1.0"
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
Level = Literal["error", "warning", "note"]


class Rule(NamedTuple):
    """One kind of finding: its name, what it says, and what to do about it."""

    name: str
    says: str
    remedy: str
    level: Level = "error"


class Found(NamedTuple):
    """One finding. rule: the name of one of the rules; line: from 1, or None for the whole file.

    file: relative to the workspace. sha256: of what was judged, so that a later run recognizes the
    same finding; empty if there is none.
    """

    rule: str
    message: str
    file: str
    line: int | None = None
    sha256: str = ""


def sarif_log(
    tool: str, version: str, rules: Sequence[Rule], found: Iterable[Found], ended: str
) -> dict[str, Any]:
    """Return a SARIF log of one run. version: of the tool; ended: ISO 8601, UTC."""
    numbers = {rule.name: number for number, rule in enumerate(rules)}
    driver = {
        "name": tool,
        "semanticVersion": version,
        "rules": [
            {
                "id": rule.name,
                "shortDescription": {"text": rule.says},
                "help": {"text": rule.remedy},
                "defaultConfiguration": {"level": rule.level},
            }
            for rule in rules
        ],
    }
    end = ended.replace("+00:00", "Z")
    return {
        "$schema": SCHEMA,
        "version": VERSION,
        "runs": [
            {
                "tool": {"driver": driver},
                "invocations": [{"executionSuccessful": True, "endTimeUtc": end}],
                "results": [_result(one, numbers[one.rule], rules) for one in found],
                "columnKind": "unicodeCodePoints",
            }
        ],
    }


def _result(one: Found, number: int, rules: Sequence[Rule]) -> dict[str, Any]:
    place: dict[str, Any] = {
        "artifactLocation": {"uri": quote(one.file), "uriBaseId": "WORKSPACE"},
    }
    if one.line is not None:
        place["region"] = {"startLine": one.line}
    result = {
        "ruleId": one.rule,
        "ruleIndex": number,
        "level": rules[number].level,
        "message": {"text": one.message},
        "locations": [{"physicalLocation": place}],
    }
    return result | ({"partialFingerprints": {"source/v1": one.sha256}} if one.sha256 else {})
