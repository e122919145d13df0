"""Score stored SAEs again, from copies, and compare the results with their records.

A receipt proves that a score was not changed after it was written; scoring again checks that it was
right. Costs the same as scoring: about 20 s per sandbox, then 10 to 40 s per SAE. Activations are
harvested again if they are no longer in the cache. Writes only to a scratch folder, which is
removed.
"""

import contextlib
import random
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, Field

from fumehood_tools.children import HUB_KEYS, LineChild
from fumehood_tools.errors import BadRequest, FumehoodError
from fumehood_tools.files import digest_of
from fumehood_tools.glass import choose_level, scratch_folder
from fumehood_tools.kinds import SAE, kind_named
from fumehood_tools.receipts.audit import Discrepancy, Level, Sound
from fumehood_tools.records.scores import Score
from fumehood_tools.registry.kinds import SCORE
from fumehood_tools.runs.code import evaluator_sha256, template_sha256
from fumehood_tools.runs.harvesting import HarvestData, harvest
from fumehood_tools.runs.scorer_line import SCORER, Scorer, ScorerLine
from fumehood_tools.scoring.requests import (
    ScorerReady,
    ScoringAnswer,
    ScoringFailure,
    ScoringRequest,
    ScoringSetup,
)
from fumehood_tools.settings import Settings
from fumehood_tools.spec import SandboxSpec, check_spec

TOLERANCE = 1e-3
"""Absolute for metrics up to 1, relative above. Scores vary because the row order is random."""
PROBING_TOLERANCE = 1e-2
"""Accuracies are shares of a few hundred texts: one text changes them by 1e-3 to 5e-3."""
_PROBED = frozenset(
    metric.key
    for metric in SCORE.metrics
    if metric.rows == "probing" and metric.source != "sae-bench"
)
_REMEDY = "Its output above says why. Fix that, then score again."
Say = Callable[[str], None]


class RescoringPlace(NamedTuple):
    """Where SAEs are scored again. data: as `harvesting.harvest`. scorer: None: on this machine.

    Whoever made it ends what it needs.
    """

    data: HarvestData = harvest
    scorer: Callable[[SandboxSpec], AbstractContextManager[Scorer]] | None = None


HERE = RescoringPlace()


class Rescored(BaseModel, frozen=True):
    """A stored score that was compared with a new one."""

    place: str
    largest: float = Field(description="largest difference of a metric, divided by its tolerance")


class Rescoring(NamedTuple):
    """The results for a sample of scores."""

    rescored: list[Rescored]
    findings: list[Discrepancy]


def rescore(
    sound: Sequence[Sound],
    settings: Settings,
    count: int,
    say: Say = lambda _: None,
    at: RescoringPlace = HERE,
) -> Rescoring:
    """Score a random sample of `count` of the given scores again.

    Only scores by this version of the evaluator, on data that are still the same, can be scored
    again. Notes among the findings report the others.
    """
    drawn = random.SystemRandom().sample(list(sound), len(sound))
    mine = [score for score in drawn if _is_by_this_evaluator(score.record)]
    result = Rescoring([], [])
    if count > 0 and len(mine) < min(count, len(drawn)):
        others = len(drawn) - len(mine)
        text = f"{others} scores by another version of the evaluator were not scored again"
        result.findings.append(_finding("scores", "note", "other_evaluator", text))
    groups: dict[str, list[Sound]] = defaultdict(list)
    for score in mine[:count]:
        groups[digest_of(score.record["spec"])].append(score)
    for group in groups.values():
        _rescore_group(group, settings, say, result, at)
    return result


def _is_by_this_evaluator(record: Mapping[str, Any]) -> bool:
    about = record.get("provenance", {})
    made_by = about.get("evaluator_sha256"), about.get("template_sha256")
    return bool(made_by == (evaluator_sha256(), template_sha256()))


def _rescore_group(
    group: Sequence[Sound], settings: Settings, say: Say, result: Rescoring, at: RescoringPlace
) -> None:
    """Score the SAEs of one spec again, in one scorer process."""
    try:
        spec = check_spec(group[0].record["spec"])
        with scratch_folder(settings.state, "verify-") as scratch:
            folder = scratch.resolve()
            say(f"reading activations of {spec.subject.name}")
            found = at.data(spec, settings, folder, lambda progress: say(progress.message), None)
            level = choose_level(settings.glass, spec.limits.glass)
            here = _of_these_data(group, found.digest, result)
            if here:
                setup = found.scoring_setup(spec, settings, folder, level)
                with _scorer_of(setup, settings, at) as scorer:
                    scorer.prepare(setup)
                    _score_all(here, scorer, folder, say, result)
    except (FumehoodError, OSError) as error:
        how: Level = "note" if isinstance(error, BadRequest) else "wrong"
        text = f"could not be scored again: {error}"
        said = (_finding(score.place, how, "rescore_failed", text) for score in group)
        result.findings.extend(said)


def _of_these_data(group: Sequence[Sound], digest: str, result: Rescoring) -> list[Sound]:
    """Return the scores whose data still have this digest; add a note for each of the others."""
    here = []
    for score in group:
        if Score.model_validate(score.record).data.digest == digest:
            here.append(score)
        else:
            text = "not scored again: its corpus, subject or arithmetic has changed since"
            result.findings.append(_finding(score.place, "note", "other_data", text))
    return here


@contextlib.contextmanager
def _scorer_of(setup: ScoringSetup, settings: Settings, at: RescoringPlace) -> Iterator[Scorer]:
    if at.scorer is not None:
        with at.scorer(setup.spec) as there:
            yield there
        return
    environ = settings.as_environment()
    with LineChild(SCORER, environ=environ, keys=HUB_KEYS, remedy=_REMEDY) as child:
        yield ScorerLine(child, setup.spec)


def _score_all(
    group: Sequence[Sound], scorer: Scorer, folder: Path, say: Say, result: Rescoring
) -> None:
    waiting = {score.place: score for score in group}
    queue = iter(group)
    _send_next(scorer, queue, folder, say)
    while waiting:
        for reply in scorer.receive(1.0):
            if not isinstance(reply, ScorerReady):
                _send_next(scorer, queue, folder, say)
                _compare(waiting.pop(reply.name or ""), reply, result)


def _send_next(scorer: Scorer, queue: Iterator[Sound], folder: Path, say: Say) -> None:
    """Send the next request, if any. Not all at once, because each needs a copy on disk."""
    if (score := next(queue, None)) is not None:
        say(f"scoring {score.place} again")
        copy = Path(tempfile.mkdtemp(dir=folder, prefix="copy-"))
        scorer.ask(_request(score, copy))


def _request(score: Sound, copy: Path) -> ScoringRequest:
    """Copy a record's variant and weights; return the request to score the copy."""
    (copy / "out").mkdir()
    variant = f"{score.record['variant']}.py"
    weights = kind_named(score.record.get("kind", SAE.name)).weights_file
    for name in (variant, weights):
        shutil.copyfile(score.folder / name, copy / name)
    return ScoringRequest(
        name=score.place,
        variant=copy / variant,
        weights=copy / weights,
        out=copy / "out",
        seed=score.record["seed"],
    )


def _compare(score: Sound, reply: ScoringAnswer | ScoringFailure, result: Rescoring) -> None:
    if isinstance(reply, ScoringFailure):
        text = f"scoring again failed: {reply.error.message}"
        result.findings.append(_finding(score.place, "wrong", "rescore_failed", text))
        return
    stored, now = Score.model_validate(score.record).metrics, reply.metrics
    parts = {key: _distance(key, stored.get(key), now.get(key)) for key in {**stored, **now}}
    differing = [
        f"{key} {_said(stored.get(key))} stored, {_said(now.get(key))} now"
        for key, distance in parts.items()
        if distance > 1
    ]
    if differing:
        text = f"scored again, it differs: {'; '.join(differing)}"
        result.findings.append(_finding(score.place, "wrong", "rescore_differs", text))
    result.rescored.append(Rescored(place=score.place, largest=max(parts.values())))


def _said(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.6g}"


def _distance(key: str, stored: float | None, now: float | None) -> float:
    """Return |stored - now| divided by the metric's tolerance; inf if only one was measured."""
    if stored is None or now is None:
        return 0.0 if stored is now else float("inf")
    tolerance = PROBING_TOLERANCE if key in _PROBED else TOLERANCE
    return abs(stored - now) / (tolerance * max(1.0, abs(stored)))


def _finding(place: str, level: Level, code: str, text: str) -> Discrepancy:
    return Discrepancy(place=place, level=level, code=code, message=text)
