"""Control: no steering. Effect and damage must be 0, or the evaluation measures something else."""

import torch
from core_own import BaseVectors

TRAIN = False


class CustomVectors(BaseVectors):
    """Adds nothing."""

    def vector(self, with_ND, without_ND):
        return torch.zeros(with_ND.shape[1])
