"""Score trained weights on a study's holdout: the evaluator's checks and metrics, on other rows.

Activations of the holdout are computed in one process and used by the ordinary scorer in another.
Both get a folder that the caller removes. Costs about 10 s for the two processes, the forward
passes over the holdout's tokens, and per SAE what its score took, without sparse probing.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from fumehood_tools.children import HUB_KEYS, LineChild
from fumehood_tools.errors import RunFailed
from fumehood_tools.glass import choose_level
from fumehood_tools.harvest import Activations
from fumehood_tools.jobs import Progress
from fumehood_tools.records.scores import Score
from fumehood_tools.runs.harvesting import Harvest, harvest, harvested
from fumehood_tools.runs.scorer_line import SCORER, ScorerLine
from fumehood_tools.scoring.requests import (
    Reply,
    ScorerReady,
    ScoringAnswer,
    ScoringFailure,
    ScoringRequest,
    ScoringSetup,
)
from fumehood_tools.settings import Settings
from fumehood_tools.spec import CorpusSpec, SandboxSpec
from fumehood_tools.studies.holdout.requests import HoldoutRequest
from fumehood_tools.studies.holdout.standing import PlannedScore

_REMEDY = "The question is counted; asking the same one again costs no other. Fix the cause first."
_CHECK_FAILED = "integrity"


class Holdout(NamedTuple):
    """The activations of a holdout. documents: the number of documents that they may be of.

    targets: what variants predict, row by row; None: what they read.
    """

    activations: Activations
    documents: int
    targets: Activations | None = None


class Measured(NamedTuple):
    """An SAE on the holdout. score: its record with the metrics and checks of the holdout.

    failed: the name of the evaluator's check that failed there; then nothing was measured.
    """

    planned: PlannedScore
    score: Score | None
    held_back: Mapping[str, float]
    failed: str | None = None


Report = Callable[[Progress], None]


def harvest_holdout(
    spec: SandboxSpec,
    others: Sequence[CorpusSpec],
    settings: Settings,
    folder: Path,
    seed: int,
    report: Report,
    digest: str,
) -> Holdout:
    """Write the holdout of a sandbox's data to a folder. digest: of these data, in their records.

    others: further corpora of the study, whose documents are left out, too. Raises CorpusTooSmall,
    RunFailed if the data are other ones today, and the harvest's errors.
    """
    found = harvest(spec, settings, folder, report)
    first, *rest = digest.split("+")
    there = found.targets is None or found.targets.digest in rest[:1]
    if found.activations.digest != first or not there:
        raise RunFailed(
            "The sandbox's data are no longer those that its SAEs were trained on: the corpus, the "
            "subject or FUMEHOOD_DTYPE has changed since. Restore it, then ask again."
        )
    request = HoldoutRequest(
        subject=spec.subject,
        corpus=spec.corpus,
        others=tuple(others),
        activations=found.activations,
        targets=found.targets,
        writes=spec.sites()[1] if found.targets else None,
        seed=seed,
        device=found.device,
        cache=settings.cache,
        folder=folder,
    )
    return _computed(request, report)


def _computed(request: HoldoutRequest, report: Report) -> Holdout:
    with LineChild("fumehood_tools.studies.holdout", keys=HUB_KEYS, remedy=_REMEDY) as child:
        child.send(request.model_dump_json())
        line = harvested(child, report)
    targets = line["targets"]
    return Holdout(
        Activations.model_validate(line["activations"]),
        line["documents"],
        Activations.model_validate(targets) if targets else None,
    )


def score_on(
    holdout: Holdout,
    spec: SandboxSpec,
    scores: Sequence[PlannedScore],
    settings: Settings,
    folder: Path,
    report: Report,
    prints: IO[bytes],
) -> list[Measured]:
    """Score copies of the weights of some scores on a holdout, in the order given.

    A check of the evaluator that fails there is a result. Raises RunFailed for all else, and if
    the weights of a record are not those that were scored.
    """
    level = choose_level(settings.glass, spec.limits.glass)
    harvested = Harvest(holdout.activations, None, "cpu", targets=holdout.targets)
    setup = harvested.scoring_setup(spec, settings, folder, level)
    setup = setup.model_copy(update={"sealed": True})
    with LineChild(SCORER, keys=HUB_KEYS, remedy=_REMEDY, stderr=prints) as child:
        scorer = ScorerLine(child, spec)
        return list(_scored(scorer, setup, scores, settings.workspace, folder, report))


def _scored(
    scorer: ScorerLine,
    setup: ScoringSetup,
    scores: Sequence[PlannedScore],
    workspace: Path,
    folder: Path,
    report: Report,
) -> Iterator[Measured]:
    scorer.prepare(setup)
    ready = scorer.next()
    assert isinstance(ready, ScorerReady), "a failed setup is raised"
    for number, planned in enumerate(scores):
        said = f"scoring {number + 1} of {len(scores)}"
        report(Progress(done=number, total=len(scores), phase="score", message=said))
        copy = folder / f"copy-{number}"
        # One at a time, because each needs a copy on disk.
        scorer.ask(_request(planned, workspace, copy))
        yield _measured(planned, scorer.next())
        shutil.rmtree(copy, ignore_errors=True)


def _request(planned: PlannedScore, workspace: Path, copy: Path) -> ScoringRequest:
    """Copy the variant and the weights of a record; return the request to score the copies."""
    (copy / "out").mkdir(parents=True)
    variant, record = f"{planned.score.variant}.py", workspace / planned.place
    for name in (variant, planned.score.weights_file):
        shutil.copyfile(record / name, copy / name)
    return ScoringRequest(
        name=planned.place,
        variant=copy / variant,
        weights=copy / planned.score.weights_file,
        out=copy / "out",
        seed=planned.score.seed,
    )


def _measured(planned: PlannedScore, reply: Reply) -> Measured:
    if isinstance(reply, ScoringFailure):
        if reply.error.code == _CHECK_FAILED:
            return Measured(planned, None, {}, reply.error.check or "a check")
        raise reply.error.as_error()
    assert isinstance(reply, ScoringAnswer), "the scorer is ready only once"
    if reply.weights_sha256 != planned.score.provenance.weights_sha256:
        raise RunFailed(
            f"The weights in {planned.place} are not those that were scored. Restore them from a "
            "backup; `fumehood verify` names every file that was changed."
        )
    update = {"metrics": reply.metrics, "integrity": reply.integrity}
    return Measured(planned, planned.score.model_copy(update=update), reply.held_back)
