"""What must be shown before a variant's gain counts: see `training` for the baseline's part.

Light: reads scores.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fumehood_tools.bench.table_rows import kind_of
from fumehood_tools.compare.question import Doubt
from fumehood_tools.compare.training import (
    Elsewhere,
    doubt_about,
    doubt_about_rate,
    schedule_of,
)
from fumehood_tools.errors import BadRequest, StorageFailed
from fumehood_tools.records.labelling import Packaged, name_of
from fumehood_tools.records.scores import Score
from fumehood_tools.registry.metrics import Metric
from fumehood_tools.sandbox.create import SPEC_FILE
from fumehood_tools.spec import read_spec

NAMES_CLASSES = 128
"""Bytes of constants in a variant's file above which a probing gain is doubted: the constants could
encode the probed classes. 16 coordinates for each of 13 classes (297 bytes) raised top-1 probing by
.10 (SmolLM2-135M). Honest files have 3 to 119 bytes; one written to use many idioms has 220."""


def doubts_about(
    scores: Sequence[Score],
    base: Score,
    packaged: Packaged,
    elsewhere: Sequence[Elsewhere],
    metric: Metric,
) -> dict[str, Doubt]:
    """Return variant -> what must be shown before its gain over `base` counts."""
    if kind_of(base, packaged) != "baseline":
        return {}
    custom = [score for score in scores if kind_of(score, packaged) == "custom"]
    doubt = doubt_about(base, base.variant, elsewhere)
    doubts = {} if doubt is None else {name_of(score, packaged): doubt for score in custom}
    for score in custom:
        name, same, work = name_of(score, packaged), score.inertness, score.work
        why = ""
        if same and same.parent == base.variant and same.mechanism != "different":
            why = f"after training it computes the same as {base.variant}, so how it trains (its "
            why += "initialization, learning rate or optimizer, or what it does in some steps only)"
        elif work and work.sets_rate:
            why = "its file names a learning rate or an optimizer, which"
        if why and not (name in doubts and doubts[name].reason):
            doubts[name] = doubt_about_rate(why, base, elsewhere)
        if metric.rows == "probing" and work and work.constants_bytes > NAMES_CLASSES:
            doubts[name] = Doubt(
                reason=f"its file contains {work.constants_bytes} bytes of constants, which could "
                f"encode the probed classes: reduce them to at most {NAMES_CLASSES} bytes"
            )
    return doubts


def usual_schedule(folder: Path, here: Score) -> dict[str, Any]:
    """Return the schedule of a run in this sandbox as it is; if it cannot be run, that of a score.

    folder: of the sandbox.
    """
    try:
        training = read_spec(folder / SPEC_FILE).training.model_dump()
    except (BadRequest, StorageFailed):
        return schedule_of(here)
    return {name: training[name] for name in schedule_of(here)}


def to_be_run(doubts: Mapping[str, Doubt], usual: Mapping[str, Any]) -> dict[str, Doubt]:
    """Return the doubts with what a call has to name of the training that would rule them out."""
    return {
        name: doubt
        if doubt.training is None
        else doubt.model_copy(update={"training": differing(doubt.training, usual)})
        for name, doubt in doubts.items()
    }


def differing(schedule: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, int | float]:
    """Return the values of a schedule that are not the usual ones."""
    return {name: value for name, value in schedule.items() if value != usual[name]}
