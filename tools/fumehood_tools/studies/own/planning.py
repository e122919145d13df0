"""What a plan in a sandbox with an evaluation of its own registers. Light: reads records."""

from collections.abc import Mapping, Sequence
from typing import Any

from fumehood_tools.compare.question import PowerAsked, ScoredSae
from fumehood_tools.custom.compare import metric_declared
from fumehood_tools.custom.scored import scores_of
from fumehood_tools.custom.sealed import check_sealed, sealed_sha256
from fumehood_tools.custom.tries import count_tries
from fumehood_tools.errors import BadRequest
from fumehood_tools.files import digest_of
from fumehood_tools.registry.metrics import Metric
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.studies.counting import plans_again
from fumehood_tools.studies.entries import OwnEvaluation, Plan
from fumehood_tools.studies.lab import Lab, setting_digest


def digest_in(box: Sandbox) -> str:
    """Return the digest of all that scores of one setting share, for a sandbox of any kind."""
    if box.spec.custom is None:
        return setting_digest(box.spec)
    return digest_of(["custom", sealed_sha256(box), box.describe_subject().identity])


def own_evaluation(lab: Lab, box: Sandbox, metric: str) -> tuple[OwnEvaluation, Metric]:
    """Return what a plan registers about a sandbox's own evaluation, and the metric to judge by.

    Raises UnknownName or BadRequest for a metric, IntegrityFailed for changed sealed files.
    """
    declared = metric_declared(box, metric)
    assert declared.better != "none", "metric_declared refuses what is only shown"
    sealed, _ = check_sealed(lab.settings.state, box)
    own = OwnEvaluation(sealed_sha256=sealed, better=declared.better)
    return own, Metric(
        declared.name, declared.name, better=declared.better, margin=declared.smallest or None
    )


def refuse_what_is_not_there(**given: object) -> None:
    """Raise BadRequest for arguments that a sandbox with its own evaluation does not have."""
    if wrong := [name for name, value in given.items() if value]:
        raise BadRequest(
            f"A sandbox with an evaluation of its own has no {', '.join(wrong)}. Omit them: values "
            "of a constant are files of their own, and a control is a file that says TRAIN = False."
        )


def own_tries(lab: Lab, box: Sandbox, baseline_sha256: str) -> int:
    """Return what p values of a conclusion are corrected for. Raises StorageFailed."""
    scores = scores_of(lab.settings, box)
    return count_tries(lab.settings, box, scores, baseline_sha256) + plans_again(lab)


def own_power(lab: Lab, box: Sandbox, plan: Plan, seeds: int | None) -> PowerAsked | None:
    """Return what is asked about a plan's power; None if its baseline was not scored.

    seeds: how many; None for as many as are needed.
    """
    assert plan.own is not None, "the plan is of another kind of sandbox"
    base = [
        record
        for record in lab.own_records(box.name).values()
        if record["variant_sha256"] == plan.baseline.file_sha256
        and record["sealed_sha256"] == plan.own.sealed_sha256
    ]
    if not base:
        return None
    new = sum(not file.seen_seeds for file in plan.variants)
    return PowerAsked(
        metric=Metric(plan.metric, plan.metric),
        baseline=plan.baseline.name,
        points=_points(base, plan.metric),
        smallest_effect=plan.smallest_effect,
        seeds=seeds,
        tries=max(1, own_tries(lab, box, plan.baseline.file_sha256) + new) * plan.looks,
    )


def _points(records: Sequence[Mapping[str, Any]], metric: str) -> list[ScoredSae]:
    return [
        ScoredSae(
            variant=record["variant"],
            label=record["variant"],
            kind="baseline",
            seed=record["seed"],
            l0=0.0,
            values={metric: record["metrics"][metric]},
            seconds=sum(record["seconds"]),
        )
        for record in records
    ]
