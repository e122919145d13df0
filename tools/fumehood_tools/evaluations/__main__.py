"""The process that evaluates: `python -m fumehood_tools.evaluations`, JSON lines in and out.

The first input line is an EvaluationSetup, each further line an EvaluationRequest; requests.py has
the replies. They come in the order of the requests.
"""

import os
import sys
import warnings

from fumehood_tools.child_tuning import importing
from fumehood_tools.errors import FumehoodError
from fumehood_tools.evaluations.requests import (
    EvaluationRequest,
    EvaluationSetup,
    Failed,
    Ready,
    Reply,
)
from fumehood_tools.scoring.requests import ErrorReport
from fumehood_tools.subjects.stubs import stub_unused


def main() -> None:
    """Serve until standard input ends."""
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(reply: Reply) -> None:
        print(reply.model_dump_json(), file=answers, flush=True)

    stub_unused()
    with importing():
        from fumehood_tools.evaluations.process import Evaluator

    try:
        evaluator = Evaluator(EvaluationSetup.model_validate_json(sys.stdin.readline()))
    except FumehoodError as error:
        answer(Failed(name=None, evaluation=None, error=ErrorReport.of(error)))
        sys.exit(1)
    with evaluator:
        answer(Ready())
        for line in sys.stdin:
            for reply in evaluator.answers(EvaluationRequest.model_validate_json(line)):
                answer(reply)


if __name__ == "__main__":
    main()
