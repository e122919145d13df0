"""What sae-bench holds in its hands: the shape of an SAE, with the variant behind the glass.

N = any leading shape, D = d_model, F = dictionary size, T = texts.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import sae_bench.sae_bench_utils.general_utils as general_utils
import torch
from sae_bench.custom_saes.base_sae import BaseSAE

from fumehood_tools.scoring.half import Given
from fumehood_tools.scoring.probing_texts import Texts

if TYPE_CHECKING:
    from torch import Tensor


class Methods(NamedTuple):
    """What an SAE does to float32 rows in normalised space, [N, D] -> [N, F] -> [N, D].

    `answers` encodes too, and yields row numbers [B] with their latents [B, F], in any order.
    """

    encode: "Callable[[Tensor], Tensor]"
    answers: "Callable[[Tensor], Iterator[tuple[Tensor, Tensor]]]"
    decode: "Callable[[Tensor], Tensor]"
    scale: float


class GlassSAE(BaseSAE):  # type: ignore[misc]
    """An SAE in sae-bench's interface whose methods are asked for, or computed, elsewhere.

    The variant lives in normalised space, as in training; sae-bench sees raw units on both sides,
    f = scale * encode(x / scale) and x_hat = scale * decode(f / scale), which is what
    dictionary_learning's `scale_biases` makes of a TopK or ReLU SAE. (sae-bench's probes are
    regularised, so the units of the latents matter to them.) `W_enc`, `W_dec`, `b_enc` serve
    sae-bench's weight statistics only; they are read from the weights file where it names them in
    the usual way, else NaN.
    """

    def __init__(
        self,
        given: Given,
        state: "Mapping[str, Tensor]",
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
        self._copy_weights(state)
        self.cfg.architecture = given.variant.stem
        general_utils._standardize_sae_cfg(self.cfg)
        # sae-bench asks one called "gated" for weights of other names: a variant's name is no type.
        self.cfg.architecture_str = "fumehood"

    def _copy_weights(self, state: "Mapping[str, Tensor]") -> None:
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
        flat = self.normalised(x)
        return self.methods.encode(flat).mul_(self.methods.scale).reshape(*x.shape[:-1], -1)

    def mean_latents(self, texts: Texts) -> "Tensor":
        """Return the mean latents [T, F] of each text over its rows, in raw units.

        What sae-bench's get_sae_meaned_activations makes of dense latents.
        """
        sum_TF = torch.zeros(texts.texts, self.cfg.d_sae)
        for x_ND, text_N in texts.calls():
            for row_B, f_BF in self.methods.answers(x_ND.div_(self.methods.scale)):
                sum_TF.index_add_(0, text_N[row_B], f_BF.float())
        return sum_TF.mul_(self.methods.scale).div_(texts.rows_per_text()[:, None])

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
