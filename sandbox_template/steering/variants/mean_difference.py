"""Difference of means (arXiv 2312.06681): v = mean(with) - mean(without)."""

from core_own import BaseVectors


class CustomVectors(BaseVectors):
    """The baseline that others are compared with."""

    def vector(self, with_ND, without_ND):
        return with_ND.mean(dim=0) - without_ND.mean(dim=0)
