"""The work of one training beside what it may be: measured from outside, refused above the limit.

On a CPU, work is the processor time that the kernel counted for the child; on CUDA, where the
processor waits for the device, it is wall clock.
"""

from math import ceil
from typing import NamedTuple

from fumehood_tools.errors import IntegrityFailed
from fumehood_tools.glass import ChildOutcome
from fumehood_tools.records.work import Work, most_seconds
from fumehood_tools.sandbox.constants import measure_constants, why_not_trained_here
from fumehood_tools.sandbox.declarations import names_a_rate
from fumehood_tools.spec import LimitsSpec, SandboxSpec

# Honest variants of the examples and the red team, all of which must be scored: at D = 64, F = 128
# in float32 they take 0.95 to 1.9 times their reference, eight steps of matching pursuit 2.2; at
# D = 576, F = 1,536 in bfloat16 0.9 to 1.9, with a sort or float64 2.2 to 3.0, three steps of LISTA
# 3.0, matching pursuit 4.2. Fifteen more epochs in the last step take 10 to 13.
# The kernel ends a training at this multiple of what it may take: one that is a little above gets
# to its end, and is told how much it was.
ENDED_AT = 1.25


class ReferenceTraining(NamedTuple):
    """What a whole training of a packaged variant costs."""

    name: str
    seconds: float


def processor_limit(reference: ReferenceTraining, limits: LimitsSpec) -> int:
    """Return the processor seconds after which a training is ended."""
    return ceil(ENDED_AT * most_seconds(limits.work_ratio, reference.seconds))


def work_of(
    source: bytes,
    spec: SandboxSpec,
    reference: ReferenceTraining,
    outcome: ChildOutcome,
    device: str,
) -> Work:
    """Return the work of a training that has ended."""
    sizes = measure_constants(source)
    spent = outcome.seconds if device == "cuda" else outcome.processor_seconds
    return Work(
        # A nursery that is gone counted nothing: then the clock on the wall is what there is.
        processor_seconds=round(outcome.seconds if spent is None else spent, 3),
        reference=reference.name,
        reference_seconds=round(reference.seconds, 3),
        steps=spec.steps,
        source_bytes=sizes.source,
        constants_bytes=sizes.constants,
        sets_rate=names_a_rate(source),
        trained_here=why_not_trained_here(source) is None,
    )


def decoder_limit(work: Work | None, limits: LimitsSpec) -> int | None:
    """Return the processor seconds after which a child that decodes is ended."""
    if work is None:
        return None
    left = most_seconds(limits.work_ratio, work.reference_seconds) - work.processor_seconds
    return ceil(ENDED_AT * max(left, 1.0))


def with_decoder(work: Work | None, seconds: float, limits: LimitsSpec) -> Work | None:
    """Return the work with what the decoder's child took in scoring.

    A decoder that is made there, from rows that the weights file holds, is work of training too.
    Raises IntegrityFailed (work_budget) when it is too much.
    """
    if work is None:
        return None
    whole = work.model_copy(update={"decoder_seconds": seconds})
    if whole.is_over(limits.work_ratio):
        raise IntegrityFailed(
            "work_budget",
            f"the training and the child that was asked for the decoder took {whole.spent:.2f} s "
            f"of processor time, {seconds:.2f} s of them in scoring, {whole.ratio:.1f} times what "
            f"{work.reference} takes (allowed: {limits.work_ratio:g} times and half as much again)",
            "Let decode use the weights as they are: what has to be computed once belongs into the "
            "training.",
        )
    return whole


def over_budget(work: Work, limits: LimitsSpec, *, ended: bool = False) -> IntegrityFailed:
    """Return the refusal of a training; ended: it was not let to its end."""
    how = "was ended after" if ended else "took"
    return IntegrityFailed(
        "work_budget",
        f"the training {how} {work.processor_seconds:.2f} s of processor time, {work.ratio:.1f} "
        f"times what {work.reference} takes for the same {work.steps:,} steps and threads "
        f"({work.reference_seconds:.2f} s; allowed: {limits.work_ratio:g} times, and half as much "
        "again, for such times differ from run to run)",
        "Look for a loop that does not end; take one step per batch, with fewer passes over it: "
        "iterations inside encode count too. "
        "Or have limits.work_ratio raised in sandbox.toml: that is another setting, and what is "
        "better there is called better with so many times the work.",
    )
