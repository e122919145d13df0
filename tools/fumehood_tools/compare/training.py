"""Check whether the baseline of a comparison may be badly trained.

A packaged baseline takes learning rate, batch size and schedule from sandbox.toml; a variant may
set its own. So a gain over a baseline that learns too slowly may be due to the learning rate alone.
Reading the source cannot settle this: the baseline has to be trained in another way on the same
data, and the variant must beat that too. run_variants does so with its argument `training`, which
changes no file. A copy of the baseline's file with another rate in it would not do: that it differs
in nothing else could only be seen by reading it. Another training is required in three cases:

- Learning rate, batch size or schedule differ from the template: train the baseline as in the
  template.
- There are fewer than LEAST_STEPS steps: train it at FASTER (2) to FASTEST (4) times the learning
  rate used here, or the template's if that is higher. At twice the rate, TopK explains .05 more
  variance in 30 steps, .03 in 120, and .02 in the template's 195 (SmolLM2, 1,536 latents).
- The variant computes the same as the baseline, so that only its initialization, learning rate or
  optimizer can differ, or its file names a learning rate or an optimizer: train the baseline at 2
  to 4 times the learning rate used here.

All three are relative to the setting in question, so that none asks for the training of this very
setting. Otherwise a verdict could be had by choice: a variant that loses to TopK at twice the rate
could be run at that rate too, where nothing faster would be left to beat. Whoever moves on to a
higher rate has to beat the next one, until a higher rate does not help the baseline any more.

Light: reads records, trains nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from fumehood_tools.bench.collect import SandboxRecords, Setting, choose
from fumehood_tools.compare.question import Doubt
from fumehood_tools.records.labelling import Packaged, is_packaged
from fumehood_tools.records.scores import Score
from fumehood_tools.spec import LimitsSpec, SandboxSpec, TrainingSpec

LEAST_STEPS = 100
FASTER, FASTEST = 2.0, 4.0
_ROUNDING = 1e-9
_SCHEDULE = ("lr", "batch_size", "warmup_fraction", "decay_fraction")
_AS_HERE = (
    *("subject", "layer", "site", "dict_size", "eval_tokens"),
    *("data", "template", "evaluator", "kind"),
)
_TEMPLATE: Mapping[str, Any] = TrainingSpec().model_dump()
_USUAL: Mapping[str, Any] = {name: _TEMPLATE[name] for name in _SCHEDULE}
_LIMITS: Mapping[str, Any] = LimitsSpec().model_dump(exclude={"glass"})


class Elsewhere(NamedTuple):
    """Scores of the packaged baseline on the same data, trained in another way."""

    schedule: Mapping[str, Any]
    scores: list[Score]
    setting: str = ""

    def words(self, here: Mapping[str, Any]) -> str:
        """Return a phrase with the training values that differ from those in `here`."""
        return ", ".join(_differing(self.schedule, here))


def otherwise(scores: Sequence[Score]) -> list[str]:
    """Return phrases on the settings of the scores that differ from the template."""
    said = [
        f"{name} {', '.join(str(value) for value in values)} (template: {usual[name]})"
        for section, usual in (("training", _TEMPLATE), ("limits", _LIMITS))
        for name in usual
        if name != "seeds"
        and (values := _values(scores, section, name))
        and values != [usual[name]]
    ]
    steps = sorted({steps_of(score) for score in scores if score.spec.get("training")})
    if steps and steps != [SandboxSpec().steps]:
        numbers = ", ".join(f"{number:,}" for number in steps)
        said.append(f"{numbers} steps (template: {SandboxSpec().steps})")
    return said


def steps_of(score: Score) -> int:
    """Return the number of training steps (batches) of a score."""
    return score.data.train_tokens // int(schedule_of(score)["batch_size"])


def few_steps(score: Score) -> int | None:
    """Return the number of training steps if it is below LEAST_STEPS; None otherwise."""
    steps = steps_of(score) if score.spec.get("training") else LEAST_STEPS
    return steps if steps < LEAST_STEPS else None


def trained_elsewhere(
    found: SandboxRecords, setting: Setting, baseline: str, packaged: Packaged, here: Score
) -> list[Elsewhere]:
    """Return the packaged baseline's scores in settings that differ only in the training."""
    settings = {
        other
        for other in found.settings.values()
        if other != setting and all(getattr(other, n) == getattr(setting, n) for n in _AS_HERE)
    }
    kept = []
    for other in sorted(settings, key=lambda one: one.name):
        chosen = choose(found, other, {}, frozenset([baseline]), packaged).by_label.values()
        scores = [score for some in chosen for score in some if is_packaged(score, packaged)]
        same = scores and scores[0].spec.get("scoring") == here.spec.get("scoring")
        if same and schedule_of(scores[0]) != schedule_of(here):
            kept.append(Elsewhere(schedule_of(scores[0]), scores, other.name))
    return kept


def doubt_about(here: Score, baseline: str, elsewhere: Iterable[Elsewhere]) -> Doubt | None:
    """Return why the baseline may be badly trained, and the training that would rule that out.

    Without a reason, the required other training exists, so that the variant must beat it. None
    means that there is no doubt.
    """
    schedule, steps, others = schedule_of(here), steps_of(here), list(elsewhere)
    differs, rate = _differing(schedule, _TEMPLATE), max(schedule["lr"], _TEMPLATE["lr"])
    if differs and not any(not _differing(other.schedule, _TEMPLATE) for other in others):
        why = f"{baseline} may be badly trained with {', '.join(differs)}"
        return Doubt(reason=why, training=dict(_USUAL))
    if steps < LEAST_STEPS and not _is_there(others, schedule, rate):
        why = f"{baseline} may be badly trained in {steps} steps"
        return Doubt(reason=why, training=_faster(schedule, rate))
    return Doubt() if differs or steps < LEAST_STEPS else None


def doubt_about_rate(why: str, base: Score, elsewhere: Iterable[Elsewhere]) -> Doubt:
    """Return the doubt that a gain comes only from the variant's learning rate or optimizer.

    Without a reason, the baseline has been trained at a higher rate as well.
    """
    schedule = schedule_of(base)
    if _is_there(elsewhere, schedule, schedule["lr"]):
        return Doubt()
    training = _faster(schedule, schedule["lr"])
    return Doubt(reason=f"{why} may have made the difference", training=training)


def _faster(schedule: Mapping[str, Any], lr: float) -> dict[str, float]:
    return {**schedule, "lr": float(f"{FASTER * lr:g}")}


def _is_there(elsewhere: Iterable[Elsewhere], schedule: Mapping[str, Any], lr: float) -> bool:
    """Return whether the baseline was trained FASTER to FASTEST times as fast as at `lr`.

    The rest of its schedule must be as in `schedule`: nothing is shown by a training that diverged,
    or in which the rate hardly had an effect.
    """
    return any(
        FASTER * lr <= other.schedule["lr"] * (1 + _ROUNDING)
        and other.schedule["lr"] <= FASTEST * lr * (1 + _ROUNDING)
        and {**other.schedule, "lr": 0} == {**schedule, "lr": 0}
        for other in elsewhere
    )


def schedule_of(score: Score) -> dict[str, Any]:
    """Return the learning rate, batch size and schedule of a training."""
    training = score.spec.get("training") or {}
    return {name: training.get(name, _TEMPLATE[name]) for name in _SCHEDULE}


def _differing(schedule: Mapping[str, Any], usual: Mapping[str, Any]) -> list[str]:
    return [f"{name} {schedule[name]}" for name in _SCHEDULE if schedule[name] != usual[name]]


def _values(scores: Iterable[Score], section: str, name: str) -> list[Any]:
    """Return the distinct values of one setting in these scores.

    Older scores do not contain the key and are skipped.
    """
    found = {repr(v): v for s in scores if (v := s.spec.get(section, {}).get(name)) is not None}
    return [found[key] for key in sorted(found)]
