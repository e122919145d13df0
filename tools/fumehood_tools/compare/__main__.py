"""The comparison child process. children.ask_once sends a Question, which compare/judge.py answers,
or a PowerAsked, which compare/planning.py answers."""

import warnings
from pathlib import Path
from typing import Any

from fumehood_tools.child_tuning import importing
from fumehood_tools.children import ReportProgress, answer_once
from fumehood_tools.compare.question import PowerAsked, Question


def answer(asked: Any, folder: Path, progress: ReportProgress) -> str:
    """Return the answer to a Question or PowerAsked, as JSON."""
    with importing():
        from fumehood_tools.compare.judge import Judge
        from fumehood_tools.compare.planning import planned_power

    if "smallest_effect" in asked:
        return planned_power(PowerAsked.model_validate(asked)).model_dump_json()
    # scipy warns of lost precision when the paired differences are nearly equal. The p value it
    # then returns is still usable, so the warning is silenced.
    warnings.simplefilter("ignore", RuntimeWarning)
    return Judge(Question.model_validate(asked)).answer().model_dump_json()


if __name__ == "__main__":
    answer_once(answer)
