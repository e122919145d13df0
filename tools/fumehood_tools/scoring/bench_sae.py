"""The object that sae-bench evaluates: an SAE in its interface, with the variant behind the glass.

N = any leading shape, D = d_model, F = dictionary size.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, NamedTuple

import sae_bench.sae_bench_utils.general_utils as general_utils
import torch
from sae_bench.custom_saes.base_sae import BaseSAE

from fumehood_tools.scoring.role_child import Given

if TYPE_CHECKING:
    from torch import Tensor


class Methods(NamedTuple):
    """Encoder and decoder on float32 rows in normalized space: [N, D] -> [N, F] -> [N, D]."""

    encode: "Callable[[Tensor], Tensor]"
    decode: "Callable[[Tensor], Tensor]"
    scale: float


class GlassSAE(BaseSAE):  # type: ignore[misc]
    """An SAE in sae-bench's interface. Its methods are computed elsewhere.

    The variant works in normalized space, as in training. sae-bench works in raw units:
    f = scale * encode(x / scale) and x_hat = scale * decode(f / scale). For a TopK or ReLU SAE this
    is the same as dictionary_learning's `scale_biases`. A transcoder stands for the output y of the
    MLP, and the scale is that of y: sae-bench passes y, of which only its place is used to look up
    the latents of the x of the same tokens. `W_dec` is the linear decoder that was read
    out; sae-bench uses it for weight statistics only. `W_enc` and `b_enc` are NaN, which means not
    measured: weights with these names in a file need not be the encoder.
    """

    def __init__(
        self,
        given: Given,
        W_FD: "Tensor",
        methods: Methods,
        *,
        subject: str,
        layer: int,
        hook: str,
    ) -> None:
        super().__init__(
            given.activation_dim,
            given.dict_size,
            subject,
            layer,
            torch.device("cpu"),
            torch.float32,
            hook_name=hook,
        )
        self.methods = methods
        self.W_dec.data.copy_(W_FD)
        for unknown in (self.W_enc, self.b_enc):
            unknown.data.fill_(float("nan"))
        self.cfg.architecture = given.variant.stem
        # Otherwise sae-bench creates sae-lens's class, which the scorer does not load. Nothing
        # reads it, and sae-bench leaves it out of its result files.
        self.cfg.metadata = SimpleNamespace()
        general_utils._standardize_sae_cfg(self.cfg)
        # For an architecture named "gated" sae-bench would read weights of other names. A variant's
        # file name says nothing about its type.
        self.cfg.architecture_str = "fumehood"

    def encode(self, x: "Tensor") -> "Tensor":
        """Return the latents [..., F] of activations [..., D], both in raw units."""
        flat = self.normalised(x)
        return self.methods.encode(flat).mul_(self.methods.scale).reshape(*x.shape[:-1], -1)

    def normalised(self, x: "Tensor") -> "Tensor":
        """Return activations [..., D] as normalized rows [N, D], the variant's input."""
        return x.reshape(-1, x.shape[-1]).float() / self.methods.scale

    def decode(self, feature_acts: "Tensor") -> "Tensor":
        """Return the reconstructions [..., D] of latents [..., F], both in raw units."""
        flat = feature_acts.reshape(-1, feature_acts.shape[-1]) / self.methods.scale
        x_hat = self.methods.decode(flat).mul_(self.methods.scale)
        return x_hat.reshape(*feature_acts.shape[:-1], -1)

    def forward(self, x: "Tensor") -> "Tensor":
        """Return the reconstruction of x."""
        return self.decode(self.encode(x))
