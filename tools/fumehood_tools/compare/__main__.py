"""The comparing child: children.ask_once asks it a Question, compare/judge.py answers."""

import warnings
from pathlib import Path
from typing import Any

from fumehood_tools.children import ReportProgress, answer_once
from fumehood_tools.compare.judge import Judge
from fumehood_tools.compare.question import Question


def _answer(asked: Any, folder: Path, progress: ReportProgress) -> str:
    # Of pairs that hardly differ: scipy says that precision is lost, and p is what it is.
    warnings.simplefilter("ignore", RuntimeWarning)
    return Judge(Question.model_validate(asked)).answer().model_dump_json()


if __name__ == "__main__":
    answer_once(_answer)
