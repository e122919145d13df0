"""dictionary_learning's TopK trainers, computed on active latents only.

Mixins: put one before the library's trainer, which keeps its constructor, its schedule and its
threshold. Values and gradients are the library's to float32 rounding. Two differences: a latent
counts as fired when its value is above 0, where the library's TopK also counts the zeros that topk
picks to fill up a row; and a token without an active latent does not change the threshold.

B = tokens, D = activation_dim, F = dict_size.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from core.kernels import Latents, batch_topk_encode, latent_major, sparse_decode, topk_encode
from core.kernels.adam import UnitNormAdam
from core.kernels.functions import decode_error
from core.library import geometric_median
from core.revival import RevivesLatents


class SparseSteps(RevivesLatents):
    """The loss and the step that TopK trainers share. Subclasses say which latents are kept.

    loss = |x - x_hat|^2 + auxk_alpha * what dead latents leave of the error (arXiv 2406.04093, A.2)
    """

    ae: Any
    k: int
    threshold_start_step: int
    optimizer: torch.optim.Optimizer
    scheduler: LambdaLR
    update_threshold: Callable[[Tensor], None]

    def __init__(self, **keywords: Any) -> None:
        """Take the library's keywords; its optimiser is replaced by one of the same numbers."""
        super().__init__(**keywords)
        plain = self.optimizer.param_groups[0]
        if self._has_linear_layers:
            # A latent's numbers side by side, in both matrices: they are gathered.
            self.ae.encoder.weight.data = self.ae.encoder.weight.data.contiguous()
            self.ae.decoder.weight.data = latent_major(self.ae.decoder.weight.data)
            unit_norm = {self.ae.decoder.weight: 0}
        else:
            unit_norm = {self.ae.W_dec: 1}
        self.optimizer = UnitNormAdam(
            self.ae.parameters(),
            unit_norm,
            lr=plain["initial_lr"],
            betas=plain["betas"],
            eps=plain["eps"],
            most_norm=1.0,
        )
        self.scheduler = LambdaLR(self.optimizer, lr_lambda=self.scheduler.lr_lambdas[0])

    @property
    def _has_linear_layers(self) -> bool:
        return isinstance(getattr(self.ae, "decoder", None), nn.Linear)

    def encoder(self) -> tuple[Tensor, Tensor]:
        """Return W_enc [F, D] and b_enc [F]."""
        ae = self.ae
        if self._has_linear_layers:
            return ae.encoder.weight, ae.encoder.bias
        return ae.W_enc.t(), ae.b_enc

    def decoder(self) -> Tensor:
        """Return W_dec [D, F]."""
        decoder: Tensor = self.ae.decoder.weight if self._has_linear_layers else self.ae.W_dec.t()
        return decoder

    def select(self, centred_BD: Tensor) -> Latents:
        """Return the latents that are kept."""
        raise NotImplementedError

    def _selected(self, centred_BD: Tensor) -> Latents:
        """Return what `select` does; ours get the gradient of b_dec in a cheaper way."""
        ours: dict[object, Callable[..., Latents]] = {
            SparseTopK.select: topk_encode,
            SparseBatchTopK.select: batch_topk_encode,
        }
        encode = ours.get(getattr(self.select, "__func__", None))
        if encode is None:
            return self.select(centred_BD)
        return encode(centred_BD.detach(), *self.encoder(), self.k, centred_on=self.ae.b_dec)

    def follow(self, f: Latents) -> None:
        """Let the threshold of evaluation follow the smallest value kept."""
        self.update_threshold(f.value_A.detach())

    def reconstruction(self, x: Tensor, f: Latents) -> tuple[Tensor, Tensor]:
        """Return the reconstruction loss, a scalar, and the error x - x_hat [B, D]."""
        return decode_error(x, f, self.decoder(), self.ae.b_dec)

    def loss(self, x: Tensor, step: int, logging: bool = False, **_: Any) -> Tensor:
        """Return the library's loss for activations [B, D]."""
        f = self._selected(x - self.ae.b_dec)
        if step > self.threshold_start_step:
            self.follow(f)
        loss, error_BD = self.reconstruction(x, f)
        revival = self.revival(f, error_BD, x, centred_on=self.ae.b_dec)
        return loss + revival + self.penalty(x, f, step)

    def penalty(self, x: Tensor, f: Latents, step: int) -> Tensor | float:
        """Return what a variant asks for besides reconstruction: a scalar, 0 here."""
        return 0.0

    def update(self, step: int, x: Tensor) -> float:
        """Do one step on activations [B, D]; return the loss."""
        if step == 0:
            self.ae.b_dec.data = geometric_median(x)
        loss = self.differentiated(x, step=step)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.scheduler.step()
        return loss.item()


class SparseTopK(SparseSteps):
    """For TopKTrainer."""

    def select(self, centred_BD: Tensor) -> Latents:
        """Return the k largest latents of every token."""
        return topk_encode(centred_BD, *self.encoder(), self.k)

    def follow(self, f: Latents) -> None:
        """Follow the mean over tokens of the smallest value kept; silent tokens have none.

        The library takes infinity for a token without an active latent, and never recovers.
        """
        kept_BK = f.value_A.detach().view(f.rows, -1)
        active_BK = kept_BK[(kept_BK > 0).any(dim=1)]
        if len(active_BK):
            self.update_threshold(active_BK)


class SparseBatchTopK(SparseSteps):
    """For BatchTopKTrainer."""

    def select(self, centred_BD: Tensor) -> Latents:
        """Return the k * B largest latents of the batch."""
        return batch_topk_encode(centred_BD, *self.encoder(), self.k)


class SparseMatryoshka(SparseBatchTopK):
    """For MatryoshkaBatchTopKTrainer: every prefix of groups reconstructs by itself."""

    group_weights: list[float]

    def reconstruction(self, x: Tensor, f: Latents) -> tuple[Tensor, Tensor]:
        """Return the mean loss of all prefixes, and the error of the longest."""
        sizes = self.ae.group_sizes.tolist()
        x_hat_BD, losses, first = self.ae.b_dec.expand_as(x), [], 0
        for size, W_FD, weight in zip(
            sizes, torch.split(self.ae.W_dec, sizes), self.group_weights, strict=True
        ):
            x_hat_BD = x_hat_BD + sparse_decode(f.between(first, first + size), W_FD.t())
            losses.append((x - x_hat_BD).pow(2).sum(dim=-1).mean() * weight)
            first += size
        return torch.stack(losses).mean(), x - x_hat_BD
