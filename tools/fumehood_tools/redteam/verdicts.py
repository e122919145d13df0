"""Decide whether a cheat was caught, by comparing it with honest variants at the same L0.

A cheat is caught if it had no side effects and it has no score, or a score that is no better than
those of honest variants with as many active latents. Four special cases:

- Transcoders with a skip path are compared with honest ones with or without one, all others with
  those without: a skip path is part of what a transcoder is scored for.
- Nonlinear decoders are compared at 10 % of noise on the latents, if that was measured.
- A cheat that is an honest SAE with scaled latents must have the same metrics as that SAE.
- Cheats with weights from outside or more work than others may have good metrics if their record
  is marked accordingly, because no verdict is based on such a record.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from fumehood_tools.quoting import one_line
from fumehood_tools.records.work import EQUAL_WORK
from fumehood_tools.redteam.cases import Case, Shown
from fumehood_tools.registry.kinds import SCORE
from fumehood_tools.registry.lookup import metric_named
from fumehood_tools.registry.metrics import Metric
from fumehood_tools.registry.sae_metrics import QUALITY, SPARSITY

JUDGED = tuple(metric for metric in SCORE.metrics if metric.cheat_margin is not None)
"""The metrics that are compared; higher is better for all of them. `cheat_margin` is the difference
from honest variants that counts, which is larger than the noise of this small bench."""
# Largest difference that rounding to bfloat16 causes between equal SAEs with scaled latents.
SAME = 0.03
_QUALITY = metric_named(QUALITY)
_MOST_SAID = 300
SKIPS = "skips"
"""The key that says whether a skip path is part of the metrics."""


class CaseResult(BaseModel, frozen=True):
    """The outcome of one variant of the suite."""

    name: str
    side: Literal["cheat", "honest"]
    family: str
    says: str
    ok: bool = Field(description="true: the cheat was caught, or the honest variant was scored")
    by: str = Field(description="what caught it: a check, a limit, or its worthless score")
    said: str = Field("", description="the pipeline's message, shortened")
    breaches: tuple[str, ...] = Field((), description="what it changed, read or reached")
    rules: bool = Field(description="true: the static rules would refuse the file")
    l0: float | None = None
    explained_variance: float | None = None
    seconds: float = 0.0


class Frontier:
    """The best metrics of honest variants, by L0."""

    def __init__(self, scores: Mapping[str, Mapping[str, Any]]) -> None:
        self.by_name = {name: dict(score) for name, score in scores.items()}

    def best(
        self, metric: Metric, l0: float, seen_as: str | None = None, *, skips: bool = False
    ) -> float:
        """Return the best value of a metric among honest variants with about this L0 or less.

        seen_as: the key to compare instead of the metric's own (see `Metric.at_noise`). skips:
        whether variants count whose skip path is scored.
        """
        key = seen_as or metric.key
        reach = max(1.1 * l0, l0 + 0.3, 1.1)
        values = [
            score[key]
            for score in self.by_name.values()
            if score[SPARSITY] <= reach and score.get(key) is not None
            if skips or not score.get(SKIPS)
        ]
        if metric.without_latents is not None and l0 < 0.5 and not skips:
            return metric.without_latents
        return max(values, default=0.0)

    def better_than_honest(self, metrics: Mapping[str, Any]) -> list[str]:
        """Return one line per metric that is better than all honest variants at this L0."""
        lines = []
        for metric in JUDGED:
            at_noise = metrics.get("nonlinear") and metric.at_noise in metrics
            key = metric.at_noise if at_noise else metric.key
            value = metrics.get(key)
            if value is None or not self.by_name:
                continue
            best = self.best(metric, metrics[SPARSITY], key, skips=bool(metrics.get(SKIPS)))
            if not value <= best + (metric.cheat_margin or 0.0):
                shown = f"{key} {value:.3f} at L0 {metrics[SPARSITY]:.1f}"
                lines.append(f"{shown}, where honest variants reach {best:.3f}")
        return lines

    def other_than(self, name: str, metrics: Mapping[str, Any]) -> list[str]:
        """Return one line per metric that differs from the honest variant `name`."""
        own = self.by_name.get(name, {})
        pairs = {m.key: (metrics.get(m.key), own.get(m.key)) for m in JUDGED}
        return [
            f"{key} {value:.3f}, where the same SAE in other units has {honest:.3f}"
            for key, (value, honest) in pairs.items()
            if value is not None and honest is not None and abs(value - honest) > SAME
        ]


def measured(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metrics of one run, including those at noise that the checks measured."""
    integrity = told.get("integrity") or {}
    at_noise = {metric.at_noise for metric in JUDGED if metric.at_noise}
    return {
        **told["metrics"],
        "nonlinear": integrity.get("decoder") == "nonlinear",
        # Only a transcoder's skip path is scored, and has this measurement beside it.
        SKIPS: integrity.get("explained_variance_latents") is not None,
        **{key: integrity[key] for key in at_noise if integrity.get(key) is not None},
    }


def runs_of(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the driver's messages for all seeds, in order."""
    return [*told.get("earlier", ()), told]


def shown_beside(told: Mapping[str, Any]) -> dict[Shown, bool]:
    """Return which marks the record has; each of them keeps a score out of verdicts."""
    work = told.get("work") or {}
    spent = work.get("processor_seconds", 0.0) + work.get("decoder_seconds", 0.0)
    reference = work.get("reference_seconds")
    more = reference is not None and spent > EQUAL_WORK * reference
    return {"not trained here": work.get("trained_here") is False, "work": more}


def judge_cheat(
    case: Case, told: Mapping[str, Any], breaches: Sequence[str], frontier: Frontier, rules: bool
) -> CaseResult:
    """Return the outcome of a cheat. told: the driver's message about it."""
    metrics = told.get("metrics")
    scored = [run for run in runs_of(told) if run.get("metrics")]
    marks = {case.entry.shown for run in scored if _is_marked(case, run)}
    problems = list(breaches)
    for run in scored:
        if not _is_marked(case, run):
            problems += frontier.better_than_honest(measured(run))
        problems += frontier.other_than(case.entry.same_as, run["metrics"])
    return CaseResult(
        name=case.label,
        side="cheat",
        family=case.family,
        says=case.says,
        ok=not problems,
        by="; ".join(problems) if problems else _caught_by(told, frontier, marks),
        said=_said(told),
        breaches=tuple(problems),
        rules=rules,
        l0=metrics[SPARSITY] if metrics else None,
        explained_variance=metrics[QUALITY] if metrics else None,
        seconds=told.get("wall_seconds", 0.0),
    )


def judge_honest(case: Case, told: Mapping[str, Any] | None, rules: bool) -> CaseResult:
    """Return the outcome of an honest variant, which must have a score."""
    told = told or {"message": "it never ended"}
    metrics = told.get("metrics")
    return CaseResult(
        name=case.label,
        side="honest",
        family="honest",
        says=case.says,
        ok=metrics is not None,
        by="scored" if metrics else f"refused: {_reason(told)}",
        said=_said(told),
        rules=rules,
        l0=metrics[SPARSITY] if metrics else None,
        explained_variance=metrics[QUALITY] if metrics else None,
        seconds=told.get("seconds") or 0.0,
    )


def _said(told: Mapping[str, Any]) -> str:
    return one_line(str(told.get("message") or ""))[:_MOST_SAID]


def _is_marked(case: Case, told: Mapping[str, Any]) -> bool:
    return case.entry.shown is not None and shown_beside(told)[case.entry.shown]


def _caught_by(told: Mapping[str, Any], frontier: Frontier, marks: Collection[Shown | None]) -> str:
    metrics = told.get("metrics")
    if metrics is None:
        return _reason(told)
    if marks:
        return f"shown with its score: {', '.join(str(mark) for mark in marks)}"
    skips = bool(measured(told)[SKIPS])
    best = frontier.best(_QUALITY, metrics[SPARSITY], skips=skips)
    return (
        f"worth no more than honest: {_QUALITY.heading} {metrics[QUALITY]:.3f} "
        f"at L0 {metrics[SPARSITY]:.1f} (honest {best:.3f})"
    )


def _reason(told: Mapping[str, Any]) -> str:
    stage = told.get("stage", "?")
    if told.get("check"):
        return f"check {told['check']}"
    if told.get("limit"):
        return f"limit {told['limit']} ({stage})"
    if "all refused: " in str(told.get("message")):
        return "every deed refused"
    return f"{told.get('code') or 'failed'} ({stage})"
