"""The comparison child process. children.ask_once sends a Question, which compare/judge.py answers,
a PowerAsked, which compare/planning.py answers, or PairsAsked, which compare/paired.py answers."""

import warnings
from pathlib import Path
from typing import Any

from fumehood_tools.child_tuning import importing
from fumehood_tools.children import ReportProgress, answer_once
from fumehood_tools.compare.question import PairsAsked, PowerAsked, Question


def answer(asked: Any, folder: Path, progress: ReportProgress) -> str:
    """Return the answer to a Question, PowerAsked or PairsAsked, as JSON."""
    with importing():
        from fumehood_tools.compare.judge import Judge
        from fumehood_tools.compare.paired import paired_tests
        from fumehood_tools.compare.planning import planned_power

    if "smallest_effect" in asked:
        return planned_power(PowerAsked.model_validate(asked)).model_dump_json()
    # scipy warns of lost precision when the paired differences are nearly equal. The p value it
    # then returns is still usable, so the warning is silenced.
    warnings.simplefilter("ignore", RuntimeWarning)
    if "pairs" in asked:
        return paired_tests(PairsAsked.model_validate(asked)).model_dump_json()
    return Judge(Question.model_validate(asked)).answer().model_dump_json()


if __name__ == "__main__":
    answer_once(answer)
