"""Check a request for evaluations and start its job. Light: the job does the work."""

import sys
from collections.abc import Sequence
from typing import NamedTuple

from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.evaluations.choosing import chosen_saes
from fumehood_tools.evaluations.recording import is_recorded, items_of
from fumehood_tools.evaluations.request import REQUEST_FILE, EvaluationsRequest
from fumehood_tools.evaluations.sae_bench import refuse_sae_bench
from fumehood_tools.evaluations.source import chosen_evaluations
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.receipts import open_book
from fumehood_tools.runs.start import slot_of
from fumehood_tools.sandbox.create import open_sandbox
from fumehood_tools.settings import Settings

START_SECONDS = 20.0
_SECONDS_TRUSTED = 300.0
"""One run of sae-bench's absorption evaluation. Its first one trains probes, which takes as long
again."""
_SECONDS_EACH = 6.0
"""Five runs of a shipped evaluation, on a usual machine; reading an SAE is counted separately."""


class Started(NamedTuple):
    """Evaluations that were asked for. recorded: those that have a record already."""

    job: Job
    evaluations: tuple[str, ...]
    saes: int
    recorded: int
    seconds: float


def start_evaluations(
    settings: Settings,
    jobs: JobStore,
    sandbox: str,
    evaluations: Sequence[str],
    variants: Sequence[str] | None = None,
    shelf: Shelf | None = None,
) -> Started:
    """Queue evaluations of a sandbox's scored SAEs. evaluations: names; none or "all": every one.

    Raises UnknownName for a sandbox, evaluation or variant that does not exist, VariantRejected for
    a file that breaks a rule, BadRequest without a score, PartMissing for an evaluation of
    sae-bench that needs what is not here.
    """
    box = open_sandbox(settings, sandbox)
    for name in evaluations:
        refuse_sae_bench(name, settings)
    files = chosen_evaluations(box, evaluations)
    chosen = chosen_saes(settings, box, shelf or Shelf(settings.state), variants)
    items, book = items_of(chosen, files), open_book(settings.state)
    left = [one for one in items if not is_recorded(one, settings.workspace, book)]
    waiting = {item.sae.place: item.sae.score.cost.score_seconds for item in left}
    request = EvaluationsRequest(
        sandbox=box.name,
        evaluations=tuple(file.name for file in files),
        variants=None if variants is None else tuple(variants),
    )
    job = jobs.submit(
        "evaluate",
        [sys.executable, "-m", "fumehood_tools.evaluations.worker"],
        title=f"{box.name}: {', '.join(request.evaluations[:4])} of {len(chosen.saes)} SAEs",
        slot=slot_of(settings),
        env=settings.as_environment(),
        files={REQUEST_FILE: request.model_dump(mode="json")},
    )
    each = [_SECONDS_TRUSTED if one.file.is_trusted else _SECONDS_EACH for one in left]
    seconds = START_SECONDS + sum(waiting.values()) + sum(each)
    return Started(job, request.evaluations, len(chosen.saes), len(items) - len(left), seconds)
