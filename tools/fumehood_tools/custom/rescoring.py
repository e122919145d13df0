"""Evaluate stored arrays of custom sandboxes again, and compare the metrics with their records.

For `fumehood verify`. Only what the sealed files of now have made can be evaluated again. Costs a
few seconds for the processes of a sandbox, then what its evaluation costs. Writes to a scratch
folder.
"""

import random
from collections.abc import Sequence

from fumehood_tools.custom.children import PRODUCED, CustomChildren
from fumehood_tools.custom.inputs import inputs_of
from fumehood_tools.custom.repeating import differing, largest
from fumehood_tools.custom.scored import KIND
from fumehood_tools.custom.sealed import custom_of, sealed_sha256
from fumehood_tools.errors import FumehoodError
from fumehood_tools.glass import choose_level, scratch_folder
from fumehood_tools.receipts.audit import Discrepancy, Level, Sound
from fumehood_tools.receipts.places import SANDBOXES
from fumehood_tools.runs.rescore import Rescored, Rescoring, Say
from fumehood_tools.sandbox.create import open_sandbox
from fumehood_tools.settings import Settings


def evaluate_again(
    sound: Sequence[Sound], settings: Settings, count: int, say: Say = lambda _: None
) -> Rescoring:
    """Evaluate a random sample of `count` of the valid scores of custom sandboxes again.

    Scores by other sealed files are left out; a note among the findings counts them.
    """
    own = [record for record in sound if record.kind == KIND]
    drawn = random.SystemRandom().sample(own, len(own))
    result, others, tried = Rescoring([], []), 0, 0
    for record in drawn:
        if tried >= count:
            break
        try:
            was_tried = _again(record, settings, say, result)
            tried, others = tried + was_tried, others + (not was_tried)
        except FumehoodError as error:
            tried += 1
            text = f"could not be evaluated again: {error}"
            result.findings.append(_finding(record.place, "wrong", "rescore_failed", text))
    if others:
        text = f"{others} scores by other sealed files were not evaluated again"
        result.findings.append(_finding("scores", "note", "other_evaluator", text))
    return result


def _again(record: Sound, settings: Settings, say: Say, result: Rescoring) -> bool:
    """Evaluate one record again; return False if other sealed files have made it."""
    box = open_sandbox(settings, record.place.removeprefix(f"{SANDBOXES}/").partition("/")[0])
    custom, content = custom_of(box), record.record
    if content["sealed_sha256"] != sealed_sha256(box):
        return False
    say(f"evaluating {record.place} again")
    level = choose_level(settings.glass, box.spec.limits.glass)
    with (
        scratch_folder(settings.state, "verify-") as scratch,
        CustomChildren(box, custom, inputs_of(box, custom), level, scratch) as children,
    ):
        arrays = record.folder / PRODUCED
        now, _ = children.evaluate(arrays, content["variant"], content["seed"])
    said = list(differing(custom.metrics, content["metrics"], now))
    if said:
        text = f"evaluated again, it differs: {' '.join(said)}"
        result.findings.append(_finding(record.place, "wrong", "rescore_differs", text))
    distance = largest(custom.metrics, content["metrics"], now)
    result.rescored.append(Rescored(place=record.place, largest=distance))
    return True


def _finding(place: str, level: Level, code: str, text: str) -> Discrepancy:
    return Discrepancy(place=place, level=level, code=code, message=text)
