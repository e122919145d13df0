"""BaseTrainer: what a variant's CustomTrainer starts from.

dictionary_learning's StandardTrainer with a loss that can be replaced. `update` does one step:
zero gradients, `loss(x, step)`, backward, Adam (decoder columns stay at unit norm), schedule.

    loss = mean_B |x - x_hat|^2  +  l1_penalty * warmup(step) * mean_B |f|_1
"""

from typing import Any, NamedTuple

from torch import Tensor

from core.library import StandardTrainer


class LossLog(NamedTuple):
    """What `loss(..., logging=True)` returns."""

    x: Tensor
    x_hat: Tensor
    f: Tensor
    losses: dict[str, float]


class BaseTrainer(StandardTrainer):
    """Trains a CustomSAE.

    Made with the keywords of StandardTrainer (steps, activation_dim, dict_size, layer, lm_name,
    dict_class, lr, l1_penalty, warmup_steps, sparsity_warmup_steps, decay_start, resample_steps,
    seed, device, submodule_name): a subclass passes **kwargs on.

    For use in a loss: self.ae, self.l1_penalty, self.steps, self.sparsity_warmup_fn(step) (0 to 1),
    self.steps_since_active (None, since resample_steps is None), self.update_dead_neurons(f).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)

    def prepare(self, x: Tensor) -> None:
        """Set what depends on data, once, before step 0. x is the first batch, [B, D]."""

    def loss(self, x: Tensor, step: int, logging: bool = False, **kwargs: Any) -> Any:
        """Return a scalar for activations x [B, D]; a LossLog when logging."""
        x_hat, f = self.ae(x, output_features=True)
        reconstruction = (x - x_hat).pow(2).sum(dim=-1).mean()
        sparsity = f.norm(p=1, dim=-1).mean()
        self.update_dead_neurons(f)
        loss = reconstruction + self.l1_penalty * self.sparsity_warmup_fn(step) * sparsity
        if not logging:
            return loss
        parts = {"mse_loss": reconstruction, "sparsity_loss": sparsity, "loss": loss}
        return LossLog(x, x_hat, f, {name: part.item() for name, part in parts.items()})

    def update_dead_neurons(self, f: Tensor) -> None:
        """Count the steps since each latent was active. Does nothing without resampling."""
        if self.steps_since_active is None:
            return
        dead = (f == 0).all(dim=0)
        self.steps_since_active[dead] += 1
        self.steps_since_active[~dead] = 0
