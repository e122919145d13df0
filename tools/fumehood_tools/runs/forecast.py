"""What of a run has a score already, so that it takes no time. Trains nothing.

The run is played with the L0s of the scores that are there: a search for a target L0 that was made
before takes the same path again. Only an estimate: the job itself decides by the whole digest of an
SAE. Light: reads records.
"""

from collections import deque
from typing import NamedTuple

from fumehood_tools.bench.collect import SandboxRecords
from fumehood_tools.records.scores import Score
from fumehood_tools.registry.sae_metrics import SPARSITY
from fumehood_tools.runs.code import evaluator_sha256, template_sha256
from fumehood_tools.runs.items import Planner, settings_digest
from fumehood_tools.runs.request import RunRequest
from fumehood_tools.runs.sweep import Sweep
from fumehood_tools.sandbox.create import Sandbox


class Forecast(NamedTuple):
    """SAEs of a run. scored: have a score. left: will be trained, as far as can be told."""

    scored: int
    left: int


def forecast(box: Sandbox, request: RunRequest, found: SandboxRecords, expected: int) -> Forecast:
    """Return how many SAEs of a run are left. expected: of the whole run, if nothing had a score.

    `request` must have passed `check_request`.
    """
    known = _known(box, found)
    if not known:
        return Forecast(0, expected)
    sweep = Sweep(Planner(box, data_digest=""), request)
    queue = deque(sweep.first())
    scored = missing = 0
    while queue:
        item = queue.popleft()
        l0 = known.get((item.sha256, item.seed))
        if l0 is None:
            missing += 1
        else:
            scored += 1
            queue.extend(sweep.after(item, l0))
    left = max(missing, expected - scored) if sweep.is_searching else missing
    return Forecast(scored, left)


def _known(box: Sandbox, found: SandboxRecords) -> dict[tuple[str, int], float]:
    """Return (sha256 of the source, seed) -> L0 of the scores that the settings now would give.

    The digest of the data is not known before they are harvested: the newest one counts.
    """
    settings = settings_digest(box.spec)
    code = template_sha256(), evaluator_sha256()
    scores = [score for score in found.scores.values() if _is_of(score, box, settings, code)]
    newest = max(scores, key=lambda score: score.finished, default=None)
    return {
        (score.provenance.variant_sha256, score.seed): score.metrics[SPARSITY]
        for score in scores
        if newest is not None and score.data.digest == newest.data.digest
    }


def _is_of(score: Score, box: Sandbox, settings: str, code: tuple[str, str]) -> bool:
    spec, about = box.spec, score.provenance
    trained_on = spec.steps * spec.training.batch_size
    return (
        (score.subject, score.layer, score.site)
        == (spec.subject.name, spec.subject.layer, spec.subject.site)
        and (score.dict_size, score.data.train_tokens) == (spec.dict_size, trained_on)
        and about.settings_digest == settings
        and (about.template_sha256, about.evaluator_sha256) == code
    )
