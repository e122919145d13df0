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
    noise_loss: float | None = Field(
        None, description="nonlinear decoder only: explained variance lost to 2 % of noise on f"
    )
    drop_loss: float | None = Field(
        None, description="nonlinear decoder only: explained variance lost with one latent per row"
    )
    repeat_difference: float = Field(
        description="mean relative difference of latents when a row is shown again, unannounced"
    )
    batch_dependence: float = Field(
        description="the same in a fresh process, in another order and in batches of other sizes"
    )
    l0_probing: float | None = Field(None, description="L0 on the probing texts, mean over tokens")
    parameters: int = Field(description="numbers in the weights file")
    parameter_ratio: float = Field(description="parameters over those of a plain SAE, 2 D F + F")
    explained_variance_skip: float | None = Field(
        None, description="declared skip path only: what skip(x) explains alone"
    )
    explained_variance_with_skip: float | None = Field(
        None, description="declared skip path only: x_hat + skip(x); the metrics are of x_hat"
    )
    shared_documents: int = Field(0, description="documents on both sides of the split")
    checks: tuple[str, ...] = Field((), description="names of the checks passed")
