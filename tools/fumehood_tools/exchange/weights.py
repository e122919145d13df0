"""The weights of one transcoder as it acts on raw activations, whatever file they come from.

    f     = act(W_enc x + b_enc)                      x [N, D] -> f [N, F]
    y_hat = W_dec f + b_dec + W_skip x                [N, D]

act is relu, the k largest of relu ("topk"), or relu where the pre-activation is above a threshold
per latent ("jumprelu"). x is the MLP's input after its norm, the norm's weight included; `at_norm`
moves that weight into the transcoder, for libraries that read the norm's output before its weight.
D = width of the model, F = latents. Imports torch on use only.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from fumehood_tools.errors import BadRequest

if TYPE_CHECKING:
    from torch import Tensor

Activation = Literal["relu", "topk", "jumprelu"]


@dataclass(frozen=True)
class TranscoderWeights:
    """One transcoder. All tensors are float32. k: of topk. threshold [F]: of jumprelu."""

    W_enc: "Tensor"
    """[F, D]"""
    b_enc: "Tensor"
    """[F]"""
    W_dec: "Tensor"
    """[D, F]: column i is what latent i writes."""
    b_dec: "Tensor"
    """[D]"""
    activation: Activation
    W_skip: "Tensor | None" = None
    """[D of y, D of x], or None."""
    k: int | None = None
    threshold: "Tensor | None" = None

    def __post_init__(self) -> None:
        """Raise BadRequest for shapes that do not fit: a transposed matrix, above all."""
        F, D = self.W_enc.shape
        wanted = {"b_enc": (F,), "W_dec": (D, F), "b_dec": (D,)}
        wanted |= {"W_skip": (D, D)} if self.W_skip is not None else {}
        wanted |= {"threshold": (F,)} if self.threshold is not None else {}
        for name, shape in wanted.items():
            found = tuple(getattr(self, name).shape)
            if found != shape:
                raise BadRequest(
                    f"{name} has the shape {found}, and W_enc {(F, D)} asks for {shape}. Check "
                    "which side of each matrix is the latents'."
                )
        if (self.activation == "topk") != (self.k is not None):
            raise BadRequest("k belongs to topk, and topk needs it. Pass one with the other.")
        if (self.activation == "jumprelu") != (self.threshold is not None):
            raise BadRequest("Thresholds belong to jumprelu, which needs them. Pass both.")

    def encode(self, x: "Tensor") -> "Tensor":
        """Return latents [N, F] of raw activations x [N, D]."""
        import torch

        pre = x @ self.W_enc.T + self.b_enc
        f = torch.relu(pre)
        if self.threshold is not None:
            return f * (pre > self.threshold)
        if self.k is not None:
            top = f.topk(self.k, dim=-1)
            return torch.zeros_like(f).scatter(-1, top.indices, top.values)
        return f

    def predict(self, x: "Tensor") -> "Tensor":
        """Return y_hat [N, D] of raw activations x [N, D]."""
        y_hat = self.encode(x) @ self.W_dec.T + self.b_dec
        return y_hat if self.W_skip is None else y_hat + x @ self.W_skip.T

    def scaled(self, scale: float, target_scale: float) -> "TranscoderWeights":
        """Return the weights for x * scale instead of x, and for y * target_scale instead of y.

        Latents stay as they are. With the scales of config.json: from normalised space to raw.
        """
        return replace(
            self,
            W_enc=self.W_enc / scale,
            W_dec=self.W_dec * target_scale,
            b_dec=self.b_dec * target_scale,
            W_skip=None if self.W_skip is None else self.W_skip * (target_scale / scale),
        )

    def at_norm(self, weight: "Tensor", bias: "Tensor | None" = None) -> "TranscoderWeights":
        """Return the weights for n instead of x = n * weight + bias, the norm's last step.

        weight, bias [D]: of the norm before the MLP. TransformerLens' `ln2.hook_normalized` is n,
        and so is `mlp.hook_in` once it has folded the norm into the MLP.
        """
        moved_enc = self.b_enc if bias is None else self.b_enc + self.W_enc @ bias
        moved_dec = self.b_dec
        if bias is not None and self.W_skip is not None:
            moved_dec = self.b_dec + self.W_skip @ bias
        return replace(
            self,
            W_enc=self.W_enc * weight,
            b_enc=moved_enc,
            b_dec=moved_dec,
            W_skip=None if self.W_skip is None else self.W_skip * weight,
        )

    def after_norm(self, weight: "Tensor", bias: "Tensor | None" = None) -> "TranscoderWeights":
        """Return the weights for x = n * weight + bias instead of n: the inverse of `at_norm`.

        Raises BadRequest if a number of the norm's weight is 0, as x then says less than n.
        """
        if not bool(weight.all()):
            raise BadRequest(
                "The norm's weight has a 0, so these weights cannot be moved behind it. Read "
                "activations at the norm's output instead."
            )
        return self.at_norm(1 / weight, None if bias is None else -bias / weight)

    def with_threshold(self, x: "Tensor") -> tuple["TranscoderWeights", float, float]:
        """Return a jumprelu in place of topk, and the mean L0 on x [N, D] before and after.

        One threshold for all latents: the one with which as many values of x's latents are kept as
        topk keeps. Raises BadRequest if the activation is not topk.
        """
        import torch

        if self.k is None:
            raise BadRequest("Only topk can be turned into jumprelu. Write this one as it is.")
        pre = x @ self.W_enc.T + self.b_enc
        before = float((self.encode(x) > 0).float().sum(dim=1).mean())
        kept = max(1, round(before * len(x)))
        floor = pre.flatten().topk(min(kept + 1, pre.numel())).values[-1].clamp(min=0.0)
        turned = replace(
            self,
            activation="jumprelu",
            k=None,
            threshold=torch.full((len(self.W_enc),), float(floor)),
        )
        return turned, before, float((turned.encode(x) > 0).float().sum(dim=1).mean())
