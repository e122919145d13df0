"""Run the evaluations of the red team in a process of their own, and return a report.

Takes about two minutes for all on two cores. Works in a temporary folder, which it removes.
"""

import json
import secrets
import time
from collections.abc import Callable, Sequence

from fumehood_tools.children import ChildEnded, LineChild
from fumehood_tools.errors import RunFailed
from fumehood_tools.glass import choose_level, scratch_folder
from fumehood_tools.redteam.evaluation_cases import EvaluationCase
from fumehood_tools.redteam.report import Report
from fumehood_tools.redteam.verdicts import CaseResult
from fumehood_tools.settings import GlassAsked

HANG_SECONDS = 120.0


def run_evaluations(
    cases: Sequence[EvaluationCase],
    level: GlassAsked = "auto",
    show: Callable[[CaseResult], None] = lambda outcome: None,
) -> Report:
    """Run the cases at one level. Raises RunFailed if the process ends before the last one."""
    started, outcomes, chosen = time.monotonic(), list[CaseResult](), choose_level(level, "rlimits")
    tag = f"fh-{secrets.token_hex(4)}"
    with scratch_folder(None, "fumehood-redteam-") as root:
        root.chmod(0o755)
        spec = {
            "root": str(root.resolve()),
            "level": chosen,
            "tag": tag,
            "names": [case.label for case in cases],
        }
        child = LineChild(
            "fumehood_tools.redteam.evaluation_bench",
            json.dumps(spec),
            environ={"FUMEHOOD_CANARY": f"TOLD-{tag}"},
            session=True,
        )
        with child:
            try:
                while len(outcomes) < len(cases):
                    for said in child.receive(1.0, patience=HANG_SECONDS):
                        outcomes.append(CaseResult.model_validate(said))
                        show(outcomes[-1])
            except ChildEnded as end:
                after = outcomes[-1].name if outcomes else "the first one"
                raise RunFailed(
                    f"The process that runs the evaluations ended after {after} (exit "
                    f"{end.exit_code}). Run it again with --only to find the one that ends it."
                ) from end
    return Report(
        level=chosen, outcomes=tuple(outcomes), seconds=round(time.monotonic() - started, 1)
    )
