"""Caught or not: what a cheat's score is worth beside what honest variants reach at the same L0.

A cheat is caught when the world is unchanged and it has no score, or one that is no better than an
honest variant's with as many active latents. EV = explained variance.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from fumehood_tools.quoting import one_line
from fumehood_tools.redteam.cases import Case

# How much better than honest a number must be to count: more than the noise of this small bench.
MARGINS = {
    "explained_variance": 0.03,
    "loss_recovered": 0.05,
    "probing_top1": 0.1,
    "probing_top2": 0.1,
    "probing_top5": 0.1,
    "probing": 0.1,
}
NO_LATENTS = 0.05
_MOST_SAID = 300


class Outcome(BaseModel, frozen=True):
    """What came of one variant of the suite."""

    name: str
    side: Literal["cheat", "honest"]
    family: str
    says: str
    ok: bool = Field(description="a cheat that was caught, an honest variant that was scored")
    by: str = Field(description="what caught it: a check, a limit, or what its score is worth")
    said: str = Field("", description="the pipeline's own message, shortened")
    breaches: tuple[str, ...] = Field((), description="what it changed, read or reached")
    rules: bool = Field(description="whether the static rules would have complained")
    l0: float | None = None
    explained_variance: float | None = None
    seconds: float = 0.0


class Frontier:
    """The best that honest variants reach, by L0."""

    def __init__(self, scores: Sequence[Mapping[str, Any]]) -> None:
        self.scores = [dict(score) for score in scores]

    def best(self, metric: str, l0: float) -> float:
        """Return the best value of a metric among honest variants of at most this L0."""
        reach = max(1.1 * l0, l0 + 0.3, 1.1)
        values = [
            score[metric]
            for score in self.scores
            if score["l0"] <= reach and score.get(metric) is not None
        ]
        if metric == "explained_variance" and l0 < 0.5:
            return NO_LATENTS
        return max(values, default=0.0)

    def better_than_honest(self, metrics: Mapping[str, Any]) -> list[str]:
        """Return one line per metric that no honest variant reaches with so few latents."""
        lines = []
        for metric, margin in MARGINS.items():
            value = metrics.get(metric)
            if value is None or not self.scores:
                continue
            best = self.best(metric, metrics["l0"])
            if not value <= best + margin:
                shown = f"{metric} {value:.3f} at L0 {metrics['l0']:.1f}"
                lines.append(f"{shown}, where honest variants reach {best:.3f}")
        return lines


def judge_cheat(
    case: Case, told: Mapping[str, Any], breaches: Sequence[str], frontier: Frontier, rules: bool
) -> Outcome:
    """Return the verdict on a cheat. told: what the driver said of it."""
    metrics = told.get("metrics")
    gains = frontier.better_than_honest(metrics) if metrics else []
    problems = [*breaches, *gains]
    return Outcome(
        name=case.name,
        side="cheat",
        family=case.family,
        says=case.says,
        ok=not problems,
        by="; ".join(problems) if problems else _caught_by(told, frontier),
        said=_said(told),
        breaches=tuple(problems),
        rules=rules,
        l0=metrics["l0"] if metrics else None,
        explained_variance=metrics["explained_variance"] if metrics else None,
        seconds=told.get("wall_seconds", 0.0),
    )


def judge_honest(case: Case, told: Mapping[str, Any] | None, rules: bool) -> Outcome:
    """Return the verdict on an honest variant: it must have a score."""
    told = told or {"message": "it never came to an end"}
    metrics = told.get("metrics")
    return Outcome(
        name=case.name,
        side="honest",
        family="honest",
        says=case.says,
        ok=metrics is not None,
        by="scored" if metrics else f"refused: {_reason(told)}",
        said=_said(told),
        rules=rules,
        l0=metrics["l0"] if metrics else None,
        explained_variance=metrics["explained_variance"] if metrics else None,
        seconds=told.get("seconds") or 0.0,
    )


def _said(told: Mapping[str, Any]) -> str:
    return one_line(str(told.get("message") or ""))[:_MOST_SAID]


def _caught_by(told: Mapping[str, Any], frontier: Frontier) -> str:
    metrics = told.get("metrics")
    if metrics is None:
        return _reason(told)
    best = frontier.best("explained_variance", metrics["l0"])
    return (
        f"worth no more than honest: EV {metrics['explained_variance']:.3f} "
        f"at L0 {metrics['l0']:.1f} (honest {best:.3f})"
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
