"""Control: a random direction. What it reaches at the same damage is what any direction reaches."""

import torch
from core_own import BaseVectors

TRAIN = False


class CustomVectors(BaseVectors):
    """Looks at nothing."""

    def vector(self, with_ND, without_ND):
        return torch.randn(with_ND.shape[1])
