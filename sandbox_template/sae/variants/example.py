"""Worked example, to copy: TopK with a learnable gain per latent.

Idea: in TopK a latent competes with its raw pre-activation, so latents with large weights win
often. Let every latent learn a gain: it competes with gain * pre-activation, and is decoded with
that value too. The gain starts at 1, where this is exactly TopK.

    a     = relu(W_enc (x - bias) + b_enc)            [B, F]
    f     = TopK(exp(log_gain) * a)                   [B, F], at most K per row
    x_hat = W_dec f + b_dec + bias                    [B, D]
    loss  = mean_B |x - x_hat|^2

Sparsity: K is the L0. Nothing here needs the L1 penalty.
"""

import torch

from core import BaseSAE, BaseTrainer, geometric_median

K = 32
PARENT = "topk"  # what the change is compared with: same weights, same batch, same seeds


class CustomSAE(BaseSAE):
    """BaseSAE with another encode. Further arguments of __init__ need defaults."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size)
        self.k = min(k, dict_size)
        # Made here, not in the trainer: the optimiser only sees what exists by now.
        self.log_gain = torch.nn.Parameter(torch.zeros(dict_size))
        # BaseSAE starts with columns of norm 0.1; without a penalty unit norm trains faster.
        with torch.no_grad():
            for weight in (self.encoder.weight, self.decoder.weight):
                weight.mul_(10.0)

    def encode(self, x):
        """x [B, D] -> f [B, F]. Each row depends on itself only, never on the batch."""
        a = torch.relu(self.encoder(x - self.bias)) * self.log_gain.exp()
        values, index = a.topk(self.k, dim=-1, sorted=False)
        # A new tensor: changing `a` in place would break its gradient.
        return torch.zeros_like(a).scatter(-1, index, values)


class CustomTrainer(BaseTrainer):
    """Takes any keywords and passes them on: forgetting **kwargs is the commonest mistake."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)

    def prepare(self, x):
        """Called once with the first batch: start from the middle of the data."""
        self.ae.bias.data = geometric_median(x)

    def loss(self, x, step, logging=False, **kwargs):
        """Return one scalar: the mean over tokens of the squared error."""
        x_hat, f = self.ae(x, output_features=True)
        self.update_dead_neurons(f)
        return (x - x_hat).pow(2).sum(dim=-1).mean()
