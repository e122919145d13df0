"""A subject with many words and few dimensions; blocks and hooks are a TransformerBridge's."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

WIDTH, BLOCKS = 16, 3
SITE = "blocks.1.hook_resid_post"


class _Block(torch.nn.Module):
    """Mixes each position with those before it."""

    def __init__(self) -> None:
        super().__init__()
        self.map = torch.nn.Linear(WIDTH, WIDTH)

    def forward(self, x_BTD: Tensor) -> Tensor:
        return x_BTD + self.map(x_BTD.cumsum(1)).tanh()


class WideSubject:
    """A random language model.

    The last products are of small multiples of 1/8: they are exact, so that logits do not depend on
    how many rows a matrix product is given at once.
    """

    def __init__(self, words: int) -> None:
        torch.manual_seed(0)
        self.cfg = SimpleNamespace(d_vocab=words)
        self.embedding = torch.randn(words, WIDTH)
        self.blocks = [SimpleNamespace(original_component=_Block()) for _ in range(BLOCKS)]
        self.readout = torch.randint(-8, 9, (WIDTH, words)) / 8

    def __call__(self, tokens: Tensor, **kwargs: Any) -> Any:
        return self.run_with_hooks(tokens, **kwargs)

    def run_with_cache(self, tokens: Tensor, **kwargs: Any) -> tuple[None, dict[str, Tensor]]:
        found: dict[str, Tensor] = {}

        def note(x_BTD: Tensor, hook: object) -> None:
            found[SITE] = x_BTD

        self.run_with_hooks(tokens, fwd_hooks=[(SITE, note)])
        return None, found

    @torch.no_grad()
    def run_with_hooks(
        self,
        tokens: Tensor,
        fwd_hooks: Sequence[tuple[str, Callable[..., Tensor | None]]] = (),
        return_type: str = "logits",
        loss_per_token: bool = False,
    ) -> Any:
        x_BTD = self.embedding[tokens]
        for number, block in enumerate(self.blocks):
            x_BTD = block.original_component(x_BTD)
            for name, hook in fwd_hooks:
                if name == f"blocks.{number}.hook_resid_post":
                    changed = hook(x_BTD, hook=None)
                    x_BTD = x_BTD if changed is None else changed
        logits_BTV = (8 * x_BTD.tanh()).round() / 8 @ self.readout
        if return_type == "logits":
            return logits_BTV
        return logits_BTV, self.loss_fn(logits_BTV, tokens, per_token=True)

    def loss_fn(self, logits_BTV: Tensor, tokens_BT: Tensor, *, per_token: bool) -> Tensor:
        assert per_token
        log_BTV = logits_BTV.log_softmax(-1)[:, :-1]
        return -log_BTV.gather(-1, tokens_BT[:, 1:, None])[..., 0]


def divergence(clean: Tensor, other: Tensor) -> Tensor:
    """Return the divergence of two passes as sae_bench.evals.core.main, get_recons_loss, does."""
    p, q = (torch.nn.functional.softmax(logits, dim=-1) for logits in (clean, other))
    return (p * (torch.log(p) - torch.log(q))).sum(dim=-1)
