"""The scorer as a process: `python -m fumehood_tools.scoring`, JSON lines in and out.

Imports begin at once. The first input line is a ScoringSetup, each further line a ScoringRequest;
requests.py has the replies. They come in the order of the requests. Everything that all SAEs share
is computed before the first request.
"""

import importlib
import os
import sys
import warnings

from fumehood_tools.child_tuning import importing
from fumehood_tools.errors import FumehoodError
from fumehood_tools.scoring.requests import (
    ErrorReport,
    Reply,
    ScorerReady,
    ScoringFailure,
    ScoringRequest,
    ScoringSetup,
    reply_line,
)
from fumehood_tools.subjects.stubs import stub_unused

HEAVY = (
    "sae_bench.evals.core.main",
    "sae_bench.evals.sparse_probing.probe_training",
    "sae_bench.evals.sparse_probing.eval_output",
)


def main() -> None:
    """Serve until standard input ends."""
    # sae-bench's beartype hints fail under the current jaxtyping. Set before sae-bench is imported.
    os.environ["JAXTYPING_DISABLE"] = "1"
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(reply: Reply) -> None:
        print(reply_line(reply), file=answers, flush=True)

    stub_unused()
    # Import the slow modules now, while the job is still looking for its data.
    with importing():
        for module in HEAVY:
            importlib.import_module(module)
        from fumehood_tools.scoring.scorer import Scorer

    try:
        scorer = Scorer(ScoringSetup.model_validate_json(sys.stdin.readline()))
    except FumehoodError as error:
        answer(ScoringFailure(error=ErrorReport.of(error)))
        sys.exit(1)
    with scorer:
        answer(ScorerReady())
        scorer.prepare()
        for line in sys.stdin:
            request = ScoringRequest.model_validate_json(line)
            try:
                answer(scorer.score(request))
            except FumehoodError as error:
                answer(ScoringFailure(name=request.name, error=ErrorReport.of(error)))


if __name__ == "__main__":
    main()
