"""Compare the work of a training with its limit, and refuse it above.

On a CPU, work is the processor time that the kernel counted for the child. With CUDA, where the
processor mostly waits for the device, it is wall-clock time.
"""

from math import ceil
from typing import NamedTuple

from fumehood_tools.errors import IntegrityFailed
from fumehood_tools.records.work import Work, most_seconds
from fumehood_tools.runs.orders import TrainingOrder
from fumehood_tools.sandbox.constants import measure_constants, why_not_trained_here
from fumehood_tools.sandbox.declarations import names_a_rate
from fumehood_tools.spec import LimitsSpec

# Measured work, as a multiple of the reference, of the honest variants among the examples and the
# red team, all of which must be scored:
# - D = 64, F = 128, float32: 0.95 to 1.9; eight steps of matching pursuit 2.2.
# - D = 576, F = 1,536, bfloat16: 0.9 to 1.9; with a sort or float64 2.2 to 3.0; three steps of
#   LISTA 3.0; matching pursuit 4.2.
# A cheat that trains for fifteen more epochs in its last step takes 10 to 13.
#
# The kernel kills a training at this multiple of its limit. One that is only a little above the
# limit can therefore finish, and the error says how much work it was.
ENDED_AT = 1.25


class ReferenceTraining(NamedTuple):
    """The estimated seconds of work of a whole training of a packaged variant."""

    name: str
    seconds: float


def processor_limit(reference: ReferenceTraining, limits: LimitsSpec) -> int:
    """Return the processor seconds after which a training is killed."""
    return ceil(ENDED_AT * most_seconds(limits.work_ratio, reference.seconds))


def work_of(order: TrainingOrder, seconds: float, reference: ReferenceTraining | None) -> Work:
    """Return the work of a training that took `seconds`: processor time, or wall-clock time.

    reference: None where none is measured.
    """
    source, recipe = order.source, order.recipe
    sizes = measure_constants(source)
    return Work(
        processor_seconds=round(seconds, 3),
        reference=None if reference is None else reference.name,
        reference_seconds=None if reference is None else round(reference.seconds, 3),
        steps=recipe.steps,
        source_bytes=sizes.source,
        constants_bytes=sizes.constants,
        sets_rate=names_a_rate(source),
        trained_here=why_not_trained_here(source) is None,
    )


def decoder_limit(work: Work | None, limits: LimitsSpec) -> int | None:
    """Return the processor seconds after which a child that decodes is killed; None: no limit."""
    if work is None or work.reference_seconds is None:
        return None
    left = most_seconds(limits.work_ratio, work.reference_seconds) - work.processor_seconds
    return ceil(ENDED_AT * max(left, 1.0))


def with_decoder(work: Work | None, seconds: float, limits: LimitsSpec) -> Work | None:
    """Return the work including the processor time of the child that was asked for the decoder.

    A variant could store rows in its weights file and train its decoder only then, so this time
    counts as training. Raises IntegrityFailed (work_budget) if the sum is too much.
    """
    if work is None:
        return None
    whole = work.model_copy(update={"decoder_seconds": seconds})
    if whole.is_over(limits.work_ratio):
        raise IntegrityFailed(
            "work_budget",
            f"the training and the child that was asked for the decoder took {whole.spent:.2f} s "
            f"of processor time, {seconds:.2f} s of them in scoring, {_times(whole)} "
            f"(allowed: {limits.work_ratio:g} times, plus a tolerance of "
            "half as much)",
            "Let decode use the stored weights; compute everything else during the training.",
        )
    return whole


def over_budget(work: Work, limits: LimitsSpec, *, ended: bool = False) -> IntegrityFailed:
    """Return the error for a training with too much work. ended: it was killed before its end."""
    how = "was killed after" if ended else "took"
    return IntegrityFailed(
        "work_budget",
        f"the training {how} {work.processor_seconds:.2f} s of processor time, {_times(work)} "
        f"for the same {work.steps:,} steps and threads "
        f"({work.reference_seconds:.2f} s; allowed: {limits.work_ratio:g} times, plus a tolerance "
        "of half as much, because such times vary between runs)",
        "Look for a loop that does not end, and take one step per batch with fewer passes over it "
        "(iterations inside encode count too). "
        "Or have limits.work_ratio raised in sandbox.toml; the scores are then a different "
        "setting, and verdicts there state how many times the work was needed.",
    )


def _times(work: Work) -> str:
    return f"{work.ratio:.1f} times what {work.reference} takes"
