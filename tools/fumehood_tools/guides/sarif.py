"""A check's result as SARIF: one rule for each class of a block, without those that passed."""

from typing import Any

from fumehood_tools.guides.outcomes import MEANING, REMEDY
from fumehood_tools.guides.report import Checked
from fumehood_tools.sarif import Found, Level, Rule, sarif_log

# What a reader can settle elsewhere (with a network, with a GPU) is a note, not an error.
LEVELS: dict[str, Level] = {
    "needs_network": "note",
    "needs_gpu": "note",
    "not_run": "note",
    "deprecated": "warning",
    "timed_out": "warning",
    "after_failure": "warning",
}


def sarif(checked: Checked, version: str) -> dict[str, Any]:
    """Return the SARIF log of a check. version: of fumehood."""
    rules = [
        Rule(name, f"{MEANING[name]}.", REMEDY[name], LEVELS.get(name, "error"))
        for name in MEANING
        if name != "passed"
    ]
    found = (
        Found(
            block.outcome,
            f"{block.why} {block.do}".strip(),
            checked.guide,
            block.line,
            block.source_sha256,
        )
        for block in checked.blocks
        if block.outcome != "passed"
    )
    return sarif_log("fumehood check_guide", version, rules, found, checked.checked)
