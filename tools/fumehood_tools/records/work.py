"""What an SAE cost to make, measured from outside of its process. Light: pydantic only."""

from pydantic import BaseModel, Field

EQUAL_WORK = 1.5
"""Processor time on a shared machine repeats to about a third; below this factor work is equal."""

SLACK_SECONDS = 0.25
"""Start-up differs by so much: a training this small is never too dear, whatever its ratio."""


class Work(BaseModel, frozen=True):
    """How much work one training was, and how much came with the file instead."""

    processor_seconds: float = Field(
        description="processor time of the training process, as the kernel counted it; on CUDA, "
        "where the processor waits for the device, wall clock"
    )
    reference: str = Field(description="packaged variant whose training is 1")
    reference_seconds: float = Field(
        description="processor time of a training of the reference, same job, same threads; "
        "extrapolated from some of its steps"
    )
    decoder_seconds: float = Field(
        0.0,
        description="processor time of the scoring's child that was asked for the decoder, the "
        "longest of them: what is computed there is made there, and is work as well",
    )
    steps: int = Field(description="batches that the training was given")
    source_bytes: int = Field(description="size of the variant's file")
    constants_bytes: int = Field(
        description="literals and comments of the file that do not read as code or prose, "
        "compressed"
    )
    sets_rate: bool = Field(
        False, description="the file names a rate or an optimiser, so it may train at its own rate"
    )
    trained_here: bool = Field(
        description="false: TRAIN = False, or the file brings more constants than a start needs"
    )

    @property
    def spent(self) -> float:
        """Processor time of all that made the SAE."""
        return self.processor_seconds + self.decoder_seconds

    @property
    def ratio(self) -> float:
        """Processor time as a multiple of the reference's."""
        return self.spent / self.reference_seconds

    def is_over(self, most_ratio: float) -> bool:
        """Whether it is surely more than most_ratio times the reference's."""
        return self.spent > most_seconds(most_ratio, self.reference_seconds)


def most_seconds(most_ratio: float, reference_seconds: float) -> float:
    """Return the processor time above which a training is surely more than so many references."""
    return EQUAL_WORK * most_ratio * reference_seconds + SLACK_SECONDS
