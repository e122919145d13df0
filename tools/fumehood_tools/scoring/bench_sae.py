"""What sae-bench holds in its hands: the shape of an SAE, with both halves behind the glass.

N = any leading shape, D = d_model, F = dictionary size.
"""

from typing import TYPE_CHECKING, Any

import sae_bench.sae_bench_utils.general_utils as general_utils
import torch
from sae_bench.custom_saes.base_sae import BaseSAE
from safetensors.torch import load_file

from fumehood_tools.scoring.halves import Halves, TrainedSAE

if TYPE_CHECKING:
    from torch import Tensor


class GlassSAE(BaseSAE):  # type: ignore[misc]
    """An SAE in sae-bench's interface whose encode and decode are requests to two children.

    The variant lives in normalised space, as in training; sae-bench sees raw units on both sides,
    f = scale * encode(x / scale) and x_hat = scale * decode(f / scale), which is what
    dictionary_learning's `scale_biases` makes of a TopK or ReLU SAE. (sae-bench's probes are
    regularised, so the units of the latents matter to them.) `W_enc`, `W_dec`, `b_enc` serve
    sae-bench's weight statistics only; they are read from the weights file where it names them in
    the usual way, else NaN.
    """

    def __init__(
        self, sae: TrainedSAE, halves: Halves, scale: float, *, subject: str, layer: int, hook: str
    ) -> None:
        super().__init__(
            sae.activation_dim,
            sae.dict_size,
            subject,
            layer,
            torch.device("cpu"),
            torch.float32,
            hook_name=hook,
        )
        self.halves, self.scale = halves, scale
        self._copy_weights(load_file(sae.weights))
        self.cfg.architecture = sae.variant.stem
        general_utils._standardize_sae_cfg(self.cfg)

    def _copy_weights(self, state: dict[str, Any]) -> None:
        wanted = {
            "W_enc": (state.get("W_enc"), state.get("encoder.weight")),
            "W_dec": (state.get("W_dec"), state.get("decoder.weight")),
            "b_enc": (state.get("b_enc"), state.get("encoder.bias")),
        }
        for name, (direct, linear) in wanted.items():
            target = getattr(self, name).data
            found = direct if direct is not None else linear.T if linear is not None else None
            usable = found is not None and found.shape == target.shape
            target.copy_(found if usable else torch.full_like(target, float("nan")))

    def encode(self, x: "Tensor") -> "Tensor":
        """Return latents [..., F] of activations [..., D], both in raw units."""
        flat = x.reshape(-1, x.shape[-1]).float() / self.scale
        return self.halves.encode(flat).mul_(self.scale).reshape(*x.shape[:-1], -1)

    def decode(self, feature_acts: "Tensor") -> "Tensor":
        """Return reconstructions [..., D] of latents [..., F], both in raw units."""
        flat = feature_acts.reshape(-1, feature_acts.shape[-1]) / self.scale
        return self.halves.decode(flat).mul_(self.scale).reshape(*feature_acts.shape[:-1], -1)

    def forward(self, x: "Tensor") -> "Tensor":
        """Return the reconstruction of x, through both halves."""
        return self.decode(self.encode(x))
