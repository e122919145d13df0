"""The work of training an SAE, measured from outside its process. Imports only pydantic."""

from pydantic import BaseModel, Field

EQUAL_WORK = 1.5
"""Processor time on a shared machine varies by about a third, so two trainings with a ratio below
this factor count as equal work."""

SLACK_SECONDS = 0.25
"""Variation of the start-up time. It is added to the limit, so that a very short training is never
refused for its ratio alone."""


class Work(BaseModel, frozen=True):
    """The work of one training, and the size of the constants that the file brings instead."""

    processor_seconds: float = Field(
        description="processor time of the training process, as the kernel counted it; on CUDA, "
        "where the processor waits for the device, wall clock"
    )
    reference: str | None = Field(
        description="packaged variant whose training is 1; null: none was measured where it was "
        "trained, so there was no limit on work, and comparisons take the seconds"
    )
    reference_seconds: float | None = Field(
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
        """Total processor time of the SAE: training and decoder."""
        return self.processor_seconds + self.decoder_seconds

    @property
    def ratio(self) -> float | None:
        """Total processor time divided by that of the reference; None without a reference."""
        return None if self.reference_seconds is None else self.spent / self.reference_seconds

    def is_over(self, most_ratio: float) -> bool:
        """Return whether the ratio exceeds most_ratio by more than measurement noise."""
        if self.reference_seconds is None:
            return False
        return self.spent > most_seconds(most_ratio, self.reference_seconds)


def most_seconds(most_ratio: float, reference_seconds: float) -> float:
    """Return the processor time in seconds above which a training exceeds most_ratio references.

    Measurement noise (EQUAL_WORK, SLACK_SECONDS) is allowed for.
    """
    return EQUAL_WORK * most_ratio * reference_seconds + SLACK_SECONDS
