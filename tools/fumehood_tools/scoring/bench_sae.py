"""What sae-bench holds in its hands: the shape of an SAE, with the variant behind the glass.

N = any leading shape, D = d_model, F = dictionary size.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import sae_bench.sae_bench_utils.general_utils as general_utils
import torch
from sae_bench.custom_saes.base_sae import BaseSAE

from fumehood_tools.scoring.role_child import Given

if TYPE_CHECKING:
    from torch import Tensor


class Methods(NamedTuple):
    """What an SAE does to float32 rows in normalised space: [N, D] -> [N, F] -> [N, D]."""

    encode: "Callable[[Tensor], Tensor]"
    decode: "Callable[[Tensor], Tensor]"
    scale: float


class GlassSAE(BaseSAE):  # type: ignore[misc]
    """An SAE in sae-bench's interface whose methods are asked for, or computed, elsewhere.

    The variant lives in normalised space, as in training; sae-bench sees raw units on both sides,
    f = scale * encode(x / scale) and x_hat = scale * decode(f / scale), which is what
    dictionary_learning's `scale_biases` makes of a TopK or ReLU SAE. `W_dec` serves sae-bench's
    weight statistics only: it is the linear decoder that was read out. `W_enc` and `b_enc` are NaN,
    not measured: what a weights file calls so need not be the encoder.
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
        general_utils._standardize_sae_cfg(self.cfg)
        # sae-bench asks one called "gated" for weights of other names: a name is not a type.
        self.cfg.architecture_str = "fumehood"

    def encode(self, x: "Tensor") -> "Tensor":
        """Return latents [..., F] of activations [..., D], both in raw units."""
        flat = self.normalised(x)
        return self.methods.encode(flat).mul_(self.methods.scale).reshape(*x.shape[:-1], -1)

    def normalised(self, x: "Tensor") -> "Tensor":
        """Return activations [..., D] as the rows [N, D] that the variant is shown."""
        return x.reshape(-1, x.shape[-1]).float() / self.methods.scale

    def decode(self, feature_acts: "Tensor") -> "Tensor":
        """Return reconstructions [..., D] of latents [..., F], both in raw units."""
        flat = feature_acts.reshape(-1, feature_acts.shape[-1]) / self.methods.scale
        x_hat = self.methods.decode(flat).mul_(self.methods.scale)
        return x_hat.reshape(*feature_acts.shape[:-1], -1)

    def forward(self, x: "Tensor") -> "Tensor":
        """Return the reconstruction of x."""
        return self.decode(self.encode(x))
