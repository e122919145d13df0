"""Entropy sparsity: few latents per token, all latents over the text.

p_b = f_b / |f_b|_1 [B, F] is how a token's activation is spread over latents, u = mean_B p_b [F]
how the batch's is. Low entropy of p is sparse; high entropy of u is balanced:

    H(p)  = -sum_i p_i log p_i                                     nats; log L0 when spread evenly
    loss  = mean_B |x - x_hat|^2
            + L1_PENALTY * warmup * (mean_B |f|_1 + LOCAL * mean_B H(p_b) - GLOBAL * H(u))

Unlike L1, entropy does not shrink values: it asks that the weak go. Expect: at the same L0 less
shrinkage, so more explained variance than L1 alone, and fewer dead latents by GLOBAL. Sparsity:
L1_PENALTY. Cost: two passes over f.

Definition: Shinkle, Jang, Thibodeau 2025, section 3.
"""

from core import BaseSAE, BaseTrainer

L1_PENALTY = 0.06
KNOB = "L1_PENALTY"
PARENT = "standard"
LOCAL = 0.5
GLOBAL = 0.25


class CustomSAE(BaseSAE):
    """BaseSAE as it is."""


def entropy(p):
    """Return -sum p log p over the last dimension, in nats; a 0 adds nothing."""
    return -(p * (p + 1e-8).log()).sum(dim=-1)


class CustomTrainer(BaseTrainer):
    """L1, entropy within tokens, entropy over the batch."""

    def loss(self, x, step, logging=False, **kwargs):
        x_hat, f = self.ae(x, output_features=True)
        total = f.sum(dim=-1, keepdim=True)
        spread = f / (total + 1e-8)
        local, balance = entropy(spread).mean(), entropy(spread.mean(dim=0))
        sparsity = total.mean() + LOCAL * local - GLOBAL * balance
        error = (x - x_hat).pow(2).sum(dim=-1).mean()
        return error + L1_PENALTY * self.sparsity_warmup_fn(step) * sparsity
