"""Warn that a baseline is not trained to its end, so that a verdict may turn with the training.

Packaged baselines take learning rate and steps from the same settings, but do not learn equally
fast: at 19 steps, the rate with which TopK explains the most is 16 times the usual one, and which
of TopK and BatchTopK leads depends on the rate (synthetic subject, 256 latents).
"""

from collections.abc import Sequence

from fumehood_tools.bench.noise import LEAST_SEEDS
from fumehood_tools.compare.evidence import find
from fumehood_tools.compare.measured import Measured
from fumehood_tools.compare.question import Question
from fumehood_tools.compare.report import Compared

DECIDED = ("better", "worse")


def warnings_of_training(
    question: Question, measured: Measured, rows: Sequence[Compared]
) -> list[str]:
    """Return a warning if the baseline does better in another training, or has few steps."""
    base, metric = measured.baseline(question.metric.key), question.metric
    better = []
    for rival in question.rivals:
        found = find(rival.points, base)
        gain = metric.sign * found.mean if len(found.pairs) >= LEAST_SEEDS else 0.0
        if gain > (metric.margin or 0.0):
            better.append((gain, found.mean, rival))
    if better:
        _, mean, rival = max(better, key=lambda one: one[0])
        return [
            f"{question.baseline} is not at its best here: trained with {rival.words}, its "
            f"{metric.key} changes by {mean:+.3f} at the same L0. Which variant leads may change "
            f"too: compare in setting {rival.setting!r} before you say which is better."
        ]
    if question.few_steps is None or not any(row.verdict in DECIDED for row in rows):
        return []
    return [
        f"{question.few_steps} steps do not train a baseline to its end: who leads may only learn "
        "faster at this learning rate. Before you say which is better, train them with another "
        "rate as well (training={'lr': …}, 2 to 16 times this one), or in more steps (a smaller "
        "batch_size, or more train_tokens in sandbox.toml)."
    ]


def note_on_steps(question: Question, word: str, *, packaged: bool) -> list[str]:
    """Return a remark on a verdict after few steps.

    A gain of a variant of one's own needs none: it has to be shown in another training anyway.
    """
    if question.few_steps is None or not (word == "worse" or (word == "better" and packaged)):
        return []
    return [f"after only {question.few_steps} steps: see the warning on the training"]
