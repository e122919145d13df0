"""Feature zoom-out: a parent looks like the sum of its children.

The first fifth of the dictionary are parents; parent p has the CHILDREN latents
P + CHILDREN p, P + CHILDREN p + 1, … (P parents). d are the columns of W_dec:

    sum_p   = sum of the children's columns                              [D]
    penalty = WEIGHT * mean over parents p of (1 - d_p . sum_p / |sum_p|)
    f [B, F], loss as TopK's otherwise

Expect: a parent that stands for its children taken together, so it can replace them where the
detail does not matter; explained variance pays for directions that are not free any more.
Sparsity: K. Cost: one pass over W_dec per step.

Definition: Shinkle, Jang, Thibodeau 2025, section 3.
"""

from torch.nn.functional import cosine_similarity

from core import BaseTopK, BaseTopKTrainer

K = 32
KNOB = "K"
PARENT = "topk"
WEIGHT = 0.05
CHILDREN = 4


class CustomSAE(BaseTopK):
    """TopK as it is."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)


def misalignment(W_dec_DF):
    """Return 1 minus the cosine of a parent with the sum of its children, mean over parents."""
    parents = W_dec_DF.shape[1] // (CHILDREN + 1)
    of_parents = W_dec_DF[:, :parents]
    children = W_dec_DF[:, parents : parents * (CHILDREN + 1)]
    sums = children.reshape(len(W_dec_DF), parents, CHILDREN).sum(dim=-1)
    return 1 - cosine_similarity(of_parents, sums, dim=0, eps=1e-8).mean()


class CustomTrainer(BaseTopKTrainer):
    """TopK's loss and the penalty."""

    k = K

    def penalty(self, x, f, step):
        return WEIGHT * misalignment(self.ae.decoder.weight)
