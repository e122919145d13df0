"""Blanks and spikes: controls that show whether a run's results can be trusted.

A blank is a baseline under another name, with other seeds: it must neither win nor lose. A spike is
a known cheat built on the same baseline with the same seeds, so that without its cheat it would
score exactly the same: it must be refused, or gain nothing. If a control fails, the run proves
nothing about its variants.
"""

import statistics
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from pydantic import BaseModel, Field

from fumehood_tools.bench.noise import LEAST_SEEDS, Difference, differences
from fumehood_tools.records.scores import Failure, Score
from fumehood_tools.records.seed_lists import short_seeds
from fumehood_tools.registry.lookup import metric_named

ControlName = Literal["blank", "blank_parameter", "spike"]
CONTROL_NAMES: tuple[ControlName, ...] = get_args(ControlName)


class ControlResult(BaseModel, frozen=True):
    """One control of a run."""

    control: ControlName
    twin: str = Field(description="the baseline from which it is made")
    ok: bool | None
    reason: str


class ControlReport(BaseModel, frozen=True):
    """The result of all controls of a run."""

    ok: bool | None = Field(description="false: do not trust this table; null: not judged")
    controls: list[ControlResult]

    def text(self) -> str:
        """Return the report as a few lines of text."""
        state = {True: "passed", False: "FAILED", None: "not judged"}
        lines = [
            f"- {found.control} (made from {found.twin}): {state[found.ok]}, {found.reason}"
            for found in self.controls
        ]
        head = {
            True: "controls: passed, no blank or spike did better than it should",
            False: "controls: FAILED, do not trust this table before the cause is found",
            None: "controls: not all of them can be judged",
        }
        return "\n".join([head[self.ok], *lines])


def label(control: ControlName, twin: str) -> str:
    """Return the value of a record's `control` field, such as "blank of topk"."""
    return f"{control} of {twin}"


def read_label(text: str) -> tuple[ControlName, str] | None:
    """Return (control, twin) from a record's `control` field; None if it is not a known control."""
    name, _, twin = text.partition(" of ")
    known: dict[str, ControlName] = {control: control for control in CONTROL_NAMES}
    return (known[name], twin) if name in known and twin else None


def judge_controls(
    controls: Sequence[Score],
    failures: Sequence[Failure],
    by_label: Mapping[str, Sequence[Score]],
    sandbox: str,
    training: Mapping[str, float] | None = None,
) -> ControlReport | None:
    """Return the report on a sandbox's controls; None when there are no controls.

    controls, failures: records of one setting, one per seed; those without `control` are ignored.
    by_label: the scores of all other variants in the same setting. sandbox: its name. training: the
    values of [training] in that setting that are not those of sandbox.toml. Both are for the call
    that a verdict lacks.
    """
    labels = {score.control for score in controls} | {failure.control for failure in failures}
    results = []
    for text in sorted(found for found in labels if found):
        if (read := read_label(text)) is None:
            continue
        ours = [score for score in controls if score.control == text]
        failed = next((failure for failure in failures if failure.control == text), None)
        results.append(_judge(*read, ours, failed, by_label.get(read[1], ())))
    if not results:
        return None
    # A spike has the seeds of the run that it belongs to.
    seeds = {
        score.seed for score in controls if score.control and score.control.startswith("spike")
    }
    wanted = short_seeds(seeds if len(seeds) >= LEAST_SEEDS else range(LEAST_SEEDS))
    more = f", training={dict(training)!r}" if training else ""
    results = [
        one if one.ok is not None else _with_call(one, f"sandbox={sandbox!r}", wanted, more)
        for one in results
    ]
    states = [found.ok for found in results]
    return ControlReport(
        ok=False if False in states else None if None in states else True, controls=results
    )


def _with_call(
    found: ControlResult, sandbox: str, seeds: Sequence[int | str], more: str
) -> ControlResult:
    """Return a result with the call after which it can be judged."""
    call = f"run_variants({sandbox}, variants=[{found.twin!r}], seeds={list(seeds)}{more})"
    return found.model_copy(update={"reason": f"{found.reason}. Next: {call}"})


def _judge(
    name: ControlName,
    twin: str,
    ours: Sequence[Score],
    failure: Failure | None,
    theirs: Sequence[Score],
) -> ControlResult:
    if name == "spike":
        ok, reason = _judge_spike(twin, ours, theirs, failure)
    else:
        ok, reason = _judge_blank(twin, differences(ours, theirs), failure)
    return ControlResult(control=name, twin=twin, ok=ok, reason=reason)


def _judge_blank(
    twin: str, found: list[Difference], failure: Failure | None
) -> tuple[bool | None, str]:
    if failure is not None and not found:
        return False, f"an honest file was refused: {failure.message[:200]}"
    if not found or found[0].noise is None:
        return None, f"{_said(found)}; {twin} needs 2 seeds or more for a verdict"
    outside = [difference for difference in found if difference.is_outside]
    if outside:
        return False, f"differs from {twin} by more than noise: {_said(outside)}"
    return True, f"within the seed noise of {twin}: {_said(found)}"


def _judge_spike(
    twin: str, ours: Sequence[Score], theirs: Sequence[Score], failure: Failure | None
) -> tuple[bool | None, str]:
    seeds = {score.seed for score in ours} & {score.seed for score in theirs}
    mine, other = ([score for score in side if score.seed in seeds] for side in (ours, theirs))
    found = [
        Difference(metric=difference.metric, difference=difference.difference, noise=None)
        for difference in differences(mine, other)
    ]
    if not found:
        if failure is not None:
            return True, f"refused: {failure.message[:200]}"
        return None, f"{twin} has no score of the same seed"
    gains = [difference for difference in found if _is_gain(difference, other)]
    if gains:
        return False, f"the cheat scored better than {twin} with the same seed: {_said(gains)}"
    return True, f"worth no more than {twin} with the same seed: {_said(found)}"


def _is_gain(found: Difference, theirs: Sequence[Score]) -> bool:
    """Whether a cheat scored better than its twin: lower for L0 and errors, else higher."""
    metric = metric_named(found.metric)
    if metric.gain is None:
        return False
    values = (score.metrics[metric.key] for score in theirs if metric.key in score.metrics)
    scale = abs(statistics.fmean(values)) if metric.relative else 1.0
    return metric.sign * found.difference > metric.gain * scale


def _said(found: Sequence[Difference]) -> str:
    return "; ".join(difference.text() for difference in found[:3]) or "no scores to compare"
