"""The measurements of the evaluator's checks for one scored SAE. Imports only pydantic.

None means not measured, because the check does not apply to this SAE.
"""

from typing import Literal

from pydantic import BaseModel, Field

DecoderKind = Literal["linear", "nonlinear"]


class Integrity(BaseModel, frozen=True):
    """The numbers that support "no cheat was found". The SAE passed every check in `checks`."""

    decoder: DecoderKind = Field(
        description="linear: x_hat = f W + b, computed by the evaluator. nonlinear: as declared"
    )
    decoder_residual: float = Field(
        description="|decode(f) - (f W + b)| / |decode(f)| on real latents, over all rows"
    )
    explained_variance_linear: float | None = Field(
        None, description="nonlinear decoder only: explained variance of its linear part, f W + b"
    )
    explained_variance_at_noise: float | None = Field(
        None,
        description="explained variance with 10 % noise on the latents, for the worse of two kinds "
        "of noise; a nonlinear decoder that needs finer latents gets the metrics at this noise",
    )
    scored_at_noise: float = Field(
        0.0, description="noise on the latents at which the metrics were measured: 0 or 0.1"
    )
    noise_curve: dict[str, float] = Field(
        default_factory=dict,
        description="explained variance of some evaluation rows with changed latents: relative and "
        "additive noise (relative to the latent's RMS) of 0 to 20 %, bfloat16, fp8, 4 bits",
    )
    bits_per_token: float | None = Field(
        None,
        description="estimated information in the latents of a token: which are active, and their "
        "values in bfloat16",
    )
    bits_per_token_at_noise: float | None = Field(
        None, description="the same with values in steps of 10 %"
    )
    noise_loss: float | None = Field(
        None, description="nonlinear decoder only: explained variance lost to 2 % noise on f"
    )
    drop_loss: float | None = Field(
        None,
        description="nonlinear decoder only: explained variance lost with one latent per row",
    )
    repeat_difference: float = Field(
        description="mean relative difference of the latents, each divided by its own scale, when "
        "the same row is encoded again without notice"
    )
    output_difference: float = Field(
        0.0, description="the same difference in x_hat, relative to the spread of x_hat"
    )
    idle_latents: int = Field(0, description="latents that fire but never contribute to x_hat")
    idle_l0: float = Field(0.0, description="number of them that are active, mean over tokens")
    batch_dependence: float = Field(
        description="repeat_difference in a fresh process, with another row order and batch size"
    )
    l0_loss: float | None = Field(
        None, description="L0 on the rows used for loss recovered, mean over tokens"
    )
    l0_probing: float | None = Field(None, description="L0 on the probing texts, mean over tokens")
    parameters: int = Field(description="numbers in the weights file, buffers included")
    parameter_ratio: float = Field(
        description="bytes of the weights relative to a plain SAE or transcoder in float32, "
        "4 (2 D F + F); the D x D matrix of a transcoder's declared skip path does not count"
    )
    explained_variance_skip: float | None = Field(
        None, description="declared skip path only: explained variance of skip(x) alone"
    )
    explained_variance_with_skip: float | None = Field(
        None,
        description="declared skip path only: explained variance of x_hat + skip(x); the metrics "
        "of an SAE are those of x_hat, those of a transcoder of x_hat + skip(x)",
    )
    explained_variance_latents: float | None = Field(
        None,
        description="transcoder with a skip path only: explained variance of decode(f) alone",
    )
    shared_documents: int = Field(0, description="documents in both splits")
    checks: tuple[str, ...] = Field((), description="names of the checks passed")
