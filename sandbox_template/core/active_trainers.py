"""dictionary_learning's JumpReLU and gated trainers, computed on active latents where few are.

Mixins: put one before the library's trainer, which keeps its constructor and its schedule. Values
and gradients are the library's to float32 rounding; each step counts its active latents and
computes densely where many are (see kernels/active.py). An SAE with an encode or decode of its own
is trained through them, by the library's loss.

B = tokens, D = activation_dim, F = dict_size.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from core.kernels import latent_major
from core.kernels.active import Preactivations, preactivations
from core.kernels.adam import UnitNormAdam
from core.library import GatedAutoEncoder, JumpReluAutoEncoder, JumpReLUFunction, StepFunction
from core.trainer import computes_as

# The window of a jump is listed with this much to spare for rounding.
_SPARE = 1.0001


class SparseJumpRelu:
    """For JumpReluTrainer."""

    ae: Any
    bandwidth: float
    target_l0: float
    sparsity_coefficient: float
    dead_feature_threshold: int
    dead_features: int
    num_tokens_since_fired: Tensor
    optimizer: torch.optim.Optimizer
    scheduler: LambdaLR
    sparsity_warmup_fn: Callable[[int], float]

    def __init__(self, **keywords: Any) -> None:
        """Take the library's keywords; its optimiser is replaced by one of the same numbers."""
        super().__init__(**keywords)
        plain = self.optimizer.param_groups[0]
        self.optimizer = UnitNormAdam(
            self.ae.parameters(),
            {self.ae.W_dec: 1},
            lr=plain["initial_lr"],
            betas=plain["betas"],
            eps=plain["eps"],
            most_norm=1.0,
        )
        self.scheduler = LambdaLR(self.optimizer, lr_lambda=self.scheduler.lr_lambdas[0])

    def loss(self, x: Tensor, step: int, logging: bool = False, **how: Any) -> Any:
        """Return the library's loss for activations [B, D]; its log when logging."""
        if logging or not computes_as(self.ae, JumpReluAutoEncoder, "encode", "decode"):
            return super().loss(x, step, logging=logging, **how)  # type: ignore[misc]
        ae = self.ae
        # Within the bandwidth of the threshold, gradients reach it from both sides.
        floor_F = ae.threshold.detach() - _SPARE * self.bandwidth / 2
        pre = preactivations(x, ae.W_enc.t(), ae.b_enc, floor=floor_F)
        threshold = pre.spread(ae.threshold)
        value = _apply(JumpReLUFunction, pre.value, threshold, self.bandwidth)
        self._count_fired(len(x), pre.counted(value > 0))
        error_BD = x - (pre.decode(value, ae.W_dec.t()) + ae.b_dec)
        l0 = self._active(pre, value, threshold, len(x)) / len(x)
        off_target = (l0 / self.target_l0 - 1).pow(2) * self.sparsity_warmup_fn(step)
        return error_BD.pow(2).sum(dim=-1).mean() + self.sparsity_coefficient * off_target

    def _active(self, pre: Preactivations, value: Tensor, threshold: Tensor, tokens: int) -> Tensor:
        """Return how many latents are above their threshold, with the steps' gradient."""
        steps = _apply(StepFunction, value, threshold, self.bandwidth).sum()
        if pre.place is None:
            return steps
        # What is not listed is 0, which is above a threshold below 0, and may be within its window.
        listed_F = torch.bincount(pre.place.index_A, minlength=pre.place.dict_size)
        zero_F = torch.zeros_like(self.ae.threshold)
        steps_F = _apply(StepFunction, zero_F, self.ae.threshold, self.bandwidth)
        return steps + (steps_F * (tokens - listed_F)).sum()

    def _count_fired(self, tokens: int, fired_F: Tensor) -> None:
        self.num_tokens_since_fired += tokens
        self.num_tokens_since_fired[fired_F > 0] = 0
        dead = self.num_tokens_since_fired > self.dead_feature_threshold
        self.dead_features = int(dead.sum())

    def update(self, step: int, x: Tensor) -> float:
        """Do one step on activations [B, D]; return the loss."""
        loss = self.loss(x, step=step)
        loss.backward()
        self.optimizer.step()
        self.scheduler.step()
        self.optimizer.zero_grad()
        return float(loss.item())


class SparseGated:
    """For GatedSAETrainer."""

    ae: Any
    l1_penalty: float
    sparsity_warmup_fn: Callable[[int], float]

    def __init__(self, **keywords: Any) -> None:
        """Take the library's keywords."""
        super().__init__(**keywords)
        # A latent's numbers side by side, in both matrices: they are gathered.
        self.ae.encoder.weight.data = self.ae.encoder.weight.data.contiguous()
        self.ae.decoder.weight.data = latent_major(self.ae.decoder.weight.data)

    def loss(self, x: Tensor, step: int, logging: bool = False, **how: Any) -> Any:
        """Return the library's loss for activations [B, D]; its log when logging."""
        if logging or not computes_as(self.ae, GatedAutoEncoder, "encode", "decode"):
            return super().loss(x, step, logging=logging, **how)  # type: ignore[misc]
        ae, W_dec_DF = self.ae, self.ae.decoder.weight
        floor_F = -ae.gate_bias.detach()
        pre = preactivations(x, ae.encoder.weight, floor=floor_F, centre_D=ae.decoder_bias)
        above = pre.value + pre.spread(ae.gate_bias)
        gate = above.relu()
        strength = (pre.spread(ae.r_mag.exp()) * pre.value + pre.spread(ae.mag_bias)).relu()
        f = strength if pre.place is not None else (above > 0) * strength
        x_hat_BD = pre.decode(f, W_dec_DF) + ae.decoder_bias
        gate_hat_BD = pre.decode(gate, W_dec_DF.detach()) + ae.decoder_bias.detach()
        reconstruction = (x - x_hat_BD).pow(2).sum(dim=-1).mean()
        auxiliary = (x - gate_hat_BD).pow(2).sum(dim=-1).mean()
        sparsity = self.sparsity_warmup_fn(step) * gate.sum() / len(x)
        return reconstruction + self.l1_penalty * sparsity + auxiliary


def _apply(function: Any, *given: Any) -> Tensor:
    result: Tensor = function.apply(*given)
    return result
