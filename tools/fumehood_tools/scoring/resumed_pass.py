"""Resume the subject's forward pass at a block, reusing the output of the blocks below it.

With an SAE spliced into the residual stream after block L, blocks 0 to L compute the same as in the
clean pass, so they are skipped; where the MLP of block L is replaced, blocks 0 to L - 1. This saves
a third of the work at layer 10 of 30. It is used only if a trial shows that the logits do not
change; otherwise the whole pass is run.
"""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

TRIAL_TOLERANCE = 1e-4


class ResumedPass:
    """Skips the blocks 0 to `layer` of a TransformerBridge. B = rows, T = positions."""

    def __init__(self, bridge: Any, layer: int, hook: str, before: str | None = None) -> None:
        """hook: that of the output of block `layer`. before: the first hook that must still run.

        None: the first one is `hook` itself.
        """
        self.bridge, self.hook = bridge, hook
        self.before = before or hook
        self.blocks: list[Module] = [
            block.original_component for block in bridge.blocks[: layer + 1]
        ]

    @contextlib.contextmanager
    def given(self, resid_BTD: "Tensor") -> Iterator[None]:
        """In the context, every pass uses resid_BTD as the output of block `layer`."""

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
        """Tell whether a resumed pass over a few tokens gives the logits of a whole pass."""
        import torch

        few = tokens_BT[:1, :16]
        with torch.no_grad():
            clean = self.bridge(few, return_type="logits")
            _, cache = self.bridge.run_with_cache(few, prepend_bos=False, names_filter=[self.hook])
            try:
                with self.given(cache[self.hook]):
                    late = self.bridge(few, return_type="logits")
            except (TypeError, AttributeError, RuntimeError, ValueError, IndexError):
                # The subject's blocks return more than the hidden state, or take other arguments.
                return False
        scale = float(clean.abs().max())
        return bool((late - clean).abs().max() <= TRIAL_TOLERANCE * scale)
