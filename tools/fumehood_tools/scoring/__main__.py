"""The scorer as a process: `python -m fumehood_tools.scoring`, JSON lines in and out.

Imports begin at once. The first input line is a ScoringSetup and is answered with {"ready": true}.
Each further line is a ScoringRequest, answered with {"name", "metrics", "integrity", "inertness",
"density", "where", "weights_sha256", "decode_seconds": processor time, "seconds", "split": seconds
by stage}, and with "held_back": metrics too if the setup is sealed; or with {"name", "error":
{"code", "message", "check", "limit"}}. Answers come in the order of the requests. Everything that
all SAEs share is computed before the first request.
"""

import importlib
import json
import os
import sys
import warnings

from fumehood_tools.errors import FumehoodError
from fumehood_tools.scoring.requests import ScoringRequest, ScoringSetup
from fumehood_tools.scoring.stubs import stub_unused

HEAVY = (
    "sae_bench.evals.core.main",
    "sae_bench.evals.sparse_probing.probe_training",
    "sae_bench.evals.sparse_probing.eval_output",
)


def describe(error: FumehoodError) -> dict[str, str | None]:
    """Return an error as a JSON object."""
    return {
        "code": error.code,
        "message": str(error),
        "check": error.check,
        "limit": error.limit,
    }


def main() -> None:
    """Serve until standard input ends."""
    # sae-bench's beartype hints fail under the current jaxtyping. Set before sae-bench is imported.
    os.environ["JAXTYPING_DISABLE"] = "1"
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(content: dict[str, object]) -> None:
        print(json.dumps(content), file=answers, flush=True)

    stub_unused()
    # Import the slow modules now, while the job is still looking for its data.
    for module in HEAVY:
        importlib.import_module(module)
    from fumehood_tools.scoring.scorer import Scorer

    try:
        scorer = Scorer(ScoringSetup.model_validate_json(sys.stdin.readline()))
    except FumehoodError as error:
        answer({"error": describe(error)})
        sys.exit(1)
    with scorer:
        answer({"ready": True})
        scorer.prepare()
        for line in sys.stdin:
            request = ScoringRequest.model_validate_json(line)
            try:
                answer({"name": request.name, **scorer.score(request)})
            except FumehoodError as error:
                answer({"name": request.name, "error": describe(error)})


if __name__ == "__main__":
    main()
