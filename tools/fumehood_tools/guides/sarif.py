"""A check's result as SARIF 2.1.0, which code hosts and editors show beside the lines.

One rule for each class of a block; blocks that passed are left out.
"""

from typing import Any
from urllib.parse import quote

from fumehood_tools.guides.outcomes import MEANING, REMEDY
from fumehood_tools.guides.report import Checked, CheckedBlock

VERSION = "2.1.0"
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
# What a reader can settle elsewhere (with a network, with a GPU) is a note, not an error.
LEVELS = {
    "needs_network": "note",
    "needs_gpu": "note",
    "not_run": "note",
    "deprecated": "warning",
    "timed_out": "warning",
    "after_failure": "warning",
}


def sarif(checked: Checked, version: str) -> dict[str, Any]:
    """Return the SARIF log of a check. version: of fumehood."""
    names = [name for name in MEANING if name != "passed"]
    rules = [
        {
            "id": name,
            "shortDescription": {"text": f"{MEANING[name]}."},
            "help": {"text": REMEDY[name]},
            "defaultConfiguration": {"level": LEVELS.get(name, "error")},
        }
        for name in names
    ]
    results = [
        _result(block, names.index(block.outcome), checked.guide)
        for block in checked.blocks
        if block.outcome != "passed"
    ]
    driver = {"name": "fumehood check_guide", "semanticVersion": version, "rules": rules}
    return {
        "$schema": SCHEMA,
        "version": VERSION,
        "runs": [
            {
                "tool": {"driver": driver},
                "invocations": [{"executionSuccessful": True, "endTimeUtc": _utc(checked.checked)}],
                "results": results,
                "columnKind": "unicodeCodePoints",
            }
        ],
    }


def _result(block: CheckedBlock, rule: int, guide: str) -> dict[str, Any]:
    place = {
        "artifactLocation": {"uri": quote(guide), "uriBaseId": "WORKSPACE"},
        "region": {"startLine": block.line},
    }
    return {
        "ruleId": block.outcome,
        "ruleIndex": rule,
        "level": LEVELS.get(block.outcome, "error"),
        "message": {"text": f"{block.why} {block.do}".strip()},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"source/v1": block.source_sha256},
    }


def _utc(moment: str) -> str:
    return moment.replace("+00:00", "Z")
