"""BaseTrainer: what a variant's CustomTrainer starts from.

dictionary_learning's StandardTrainer with a loss that can be replaced. `update` does one step:
zero gradients, `loss(x, step)`, backward, Adam (decoder columns stay at unit norm), schedule.

    loss = mean_B |x - x_hat|^2  +  l1_penalty * warmup(step) * mean_B |f|_1
"""

from typing import Any, NamedTuple

from torch import Tensor, nn

from core.base import BaseSAE
from core.kernels import latent_major
from core.kernels.active import preactivations
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
        if type(self).loss is BaseTrainer.loss and _computes_as_base(self.ae):
            # A latent's numbers side by side: they are gathered.
            self.ae.decoder.weight.data = latent_major(self.ae.decoder.weight.data)

    def prepare(self, x: Tensor) -> None:
        """Set what depends on data, once, before step 0. x is the first batch, [B, D]."""

    def loss(self, x: Tensor, step: int, logging: bool = False, **kwargs: Any) -> Any:
        """Return a scalar for activations x [B, D]; a LossLog when logging.

        Where encode, decode and forward are BaseSAE's, it costs what is active where few are.
        """
        if not logging and self.steps_since_active is None and self._is_plain():
            return self._plain_loss(x, step)
        x_hat, f = self.ae(x, output_features=True)
        reconstruction = (x - x_hat).pow(2).sum(dim=-1).mean()
        sparsity = f.norm(p=1, dim=-1).mean()
        self.update_dead_neurons(f)
        loss = reconstruction + self.l1_penalty * self.sparsity_warmup_fn(step) * sparsity
        if not logging:
            return loss
        parts = {"mse_loss": reconstruction, "sparsity_loss": sparsity, "loss": loss}
        return LossLog(x, x_hat, f, {name: part.item() for name, part in parts.items()})

    def _is_plain(self) -> bool:
        counts = type(self).update_dead_neurons is not BaseTrainer.update_dead_neurons
        return not counts and _computes_as_base(self.ae)

    def _plain_loss(self, x: Tensor, step: int) -> Tensor:
        """Return the loss on active latents, or on all of them where many are active."""
        ae = self.ae
        encoder, decoder = ae.encoder, ae.decoder
        pre = preactivations(x, encoder.weight, encoder.bias, centre_D=ae.bias)
        value = pre.value.relu()
        x_hat = pre.decode(value, decoder.weight) + (decoder.bias + ae.bias)
        reconstruction = (x - x_hat).pow(2).sum(dim=-1).mean()
        sparsity = value.sum() / len(x)
        loss: Tensor = reconstruction
        return loss + self.l1_penalty * self.sparsity_warmup_fn(step) * sparsity

    def update_dead_neurons(self, f: Tensor) -> None:
        """Count the steps since each latent was active. Does nothing without resampling."""
        if self.steps_since_active is None:
            return
        dead = (f == 0).all(dim=0)
        self.steps_since_active[dead] += 1
        self.steps_since_active[~dead] = 0


def _computes_as_base(sae: Any) -> bool:
    if not computes_as(sae, BaseSAE, "encode", "decode", "forward") or hasattr(sae, "skip"):
        return False
    has_linear_layers = all(type(layer) is nn.Linear for layer in (sae.encoder, sae.decoder))
    return has_linear_layers and sae.decoder.bias is not None


def computes_as(sae: Any, base: type, *methods: str) -> bool:
    """Return whether an SAE's methods are those of a class, and no hook looks at its parts."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    if any(getattr(part, hook) for part in sae.modules() for hook in hooks):
        return False
    return all(
        getattr(getattr(sae, m, None), "__func__", None) is getattr(base, m) for m in methods
    )
