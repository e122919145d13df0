"""The interface of a steering sandbox. A variant needs `from core_own import BaseVectors`.

C = concepts, N = texts, D = d_model.
"""

import torch
from torch import Tensor

CONCEPTS = ("food", "sea", "sadness")
"""The concepts, in the order of the vectors."""
SHARE = 0.75
"""Share of the texts that one seed gets."""


class BaseVectors:
    """Start from here: override `vector`, which makes one concept's vector from two sets."""

    def produce(self, inputs: dict[str, Tensor], seed: int) -> dict[str, Tensor]:
        """Return {"vectors": vectors_CD}. inputs: "<concept>+" and "<concept>-" -> x_ND."""
        draw = torch.Generator().manual_seed(seed)
        vectors = [
            self.vector(chosen(inputs[f"{name}+"], draw), chosen(inputs[f"{name}-"], draw))
            for name in CONCEPTS
        ]
        return {"vectors": torch.stack(vectors)}

    def vector(self, with_ND: Tensor, without_ND: Tensor) -> Tensor:
        """Return vector_D from activations with and without the concept. Its length is free: the
        evaluation scales every vector to the same damage."""
        raise NotImplementedError


def chosen(x_ND: Tensor, draw: torch.Generator) -> Tensor:
    """Return a random share of the rows."""
    count = max(2, round(SHARE * len(x_ND)))
    return x_ND[torch.randperm(len(x_ND), generator=draw)[:count]]
