"""PCA direction (arXiv 2310.01405): first principal direction of with - mean(without).

d_n = with_n - mean(without),  v = first right singular vector of d, towards the concept
"""

import torch
from core_own import BaseVectors


class CustomVectors(BaseVectors):
    """The main direction of the differences, not their mean."""

    def vector(self, with_ND, without_ND):
        differences_ND = with_ND - without_ND.mean(dim=0)
        direction_D = torch.linalg.svd(differences_ND, full_matrices=False).Vh[0]
        return direction_D * torch.sign(direction_D @ differences_ND.mean(dim=0))
