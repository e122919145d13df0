"""The subject from the site on: the blocks up to the site give what they gave before.

With an SAE spliced in at the residual stream after block L, blocks 0 to L compute what the clean
pass computed. They are left out: a third of the work at layer 10 of 30. Used only where a trial
shows that nothing changes; elsewhere the whole pass is run.
"""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

TRIAL_TOLERANCE = 1e-4


class ResumedPass:
    """Leaves out the blocks 0 to `layer` of a TransformerBridge. B = rows, T = positions."""

    def __init__(self, bridge: Any, layer: int, hook: str) -> None:
        self.bridge, self.hook = bridge, hook
        self.blocks: list[Module] = [
            block.original_component for block in bridge.blocks[: layer + 1]
        ]

    @contextlib.contextmanager
    def given(self, resid_BTD: "Tensor") -> Iterator[None]:
        """Within the block, every pass takes resid_BTD for the output of block `layer`."""

        def pass_on(hidden_states: "Tensor", *args: object, **kwargs: object) -> "Tensor":
            return hidden_states

        def give(*args: object, **kwargs: object) -> "Tensor":
            return resid_BTD

        *below, site = self.blocks
        for block in below:
            block.forward = pass_on
        site.forward = give
        try:
            yield
        finally:
            for block in self.blocks:
                del block.forward

    def works(self, tokens_BT: "Tensor") -> bool:
        """Return whether a late pass over a few tokens gives the clean pass's logits."""
        import torch

        few = tokens_BT[:1, :16]
        with torch.no_grad():
            clean = self.bridge(few, return_type="logits")
            _, cache = self.bridge.run_with_cache(few, prepend_bos=False, names_filter=[self.hook])
            try:
                with self.given(cache[self.hook]):
                    late = self.bridge(few, return_type="logits")
            except (TypeError, AttributeError, RuntimeError, ValueError, IndexError):
                # A block that returns more than its hidden state, or is called in another way.
                return False
        scale = float(clean.abs().max())
        return bool((late - clean).abs().max() <= TRIAL_TOLERANCE * scale)
