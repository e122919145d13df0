"""What the evaluator's checks measured about one scored SAE. Light: pydantic only.

None: not measured, because the check does not concern this SAE.
"""

from typing import Literal

from pydantic import BaseModel, Field

DecoderKind = Literal["linear", "nonlinear"]


class Integrity(BaseModel, frozen=True):
    """The numbers behind "no cheat was found". Every check named in `checks` was passed."""

    decoder: DecoderKind = Field(
        description="linear: x_hat = f W + b, computed by the evaluator. nonlinear: as declared"
    )
    decoder_residual: float = Field(
        description="|decode(f) - (f W + b)| / |decode(f)| on real latents, all rows together"
    )
    explained_variance_linear: float | None = Field(
        None, description="nonlinear decoder only: what its linear part explains, f W + b"
    )
    explained_variance_at_noise: float | None = Field(
        None,
        description="what is explained with 10 % of noise on the latents, of the worse kind; the "
        "metrics of a nonlinear decoder that needs finer latents are those at this noise",
    )
    scored_at_noise: float = Field(
        0.0, description="noise on the latents at which the metrics were measured: 0 or 0.1"
    )
    noise_curve: dict[str, float] = Field(
        default_factory=dict,
        description="explained variance of some evaluation rows with their latents changed: "
        "relative and additive noise (of the latent's RMS) of 0 to 20 %, bfloat16, fp8, 4 bits",
    )
    bits_per_token: float | None = Field(
        None,
        description="estimate of what the latents of a token carry: which are active, and their "
        "sizes as bfloat16",
    )
    bits_per_token_at_noise: float | None = Field(
        None, description="the same with sizes told apart in steps of 10 %"
    )
    noise_loss: float | None = Field(
        None, description="nonlinear decoder only: explained variance lost to 2 % of noise on f"
    )
    drop_loss: float | None = Field(
        None, description="nonlinear decoder only: explained variance lost with one latent per row"
    )
    repeat_difference: float = Field(
        description="mean relative difference of latents, each in units of its own size, when a "
        "row is shown again, unannounced"
    )
    output_difference: float = Field(
        0.0, description="the same difference in what reaches x_hat, relative to its spread"
    )
    idle_latents: int = Field(0, description="latents that fire and never add anything to x_hat")
    idle_l0: float = Field(0.0, description="how many of them are active, mean over tokens")
    batch_dependence: float = Field(
        description="the same in a fresh process, in another order and in batches of other sizes"
    )
    l0_loss: float | None = Field(
        None, description="L0 on the rows of loss recovered, mean over tokens"
    )
    l0_probing: float | None = Field(None, description="L0 on the probing texts, mean over tokens")
    parameters: int = Field(description="numbers in the weights file, buffers included")
    parameter_ratio: float = Field(
        description="bytes of the weights over those of a plain SAE in float32, 4 (2 D F + F)"
    )
    explained_variance_skip: float | None = Field(
        None, description="declared skip path only: what skip(x) explains alone"
    )
    explained_variance_with_skip: float | None = Field(
        None, description="declared skip path only: x_hat + skip(x); the metrics are of x_hat"
    )
    shared_documents: int = Field(0, description="documents on both sides of the split")
    checks: tuple[str, ...] = Field((), description="names of the checks passed")
