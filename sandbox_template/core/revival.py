"""The loss of dead latents, for TopK SAEs and transcoders.

It is auxk_alpha * what the best dead latents leave of the error, as a share of the error's variance
(Gao et al. 2024, arXiv 2406.04093, A.2). B = tokens, D = activation_dim, F = dict_size, S = dead
latents. In most steps S is far below F, and then the cost is that of S latents: see FewRows. Where
all of them count, what they leave of the error is never written down: see _LossOfFew.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

from core.kernels import Latents, sparse_decode, topk_encode

# The library's own number; loading.py lowers it for a short run, which would never reach it.
LIBRARY_DEAD_TOKENS = 10_000_000


class _Copy(NamedTuple):
    """Rows of a parameter, copied, with a gradient of their own."""

    parameter: Tensor
    turned: bool
    index_S: Tensor
    rows: Tensor


class FewRows:
    """A few rows of parameters, whose gradients are as small as they are.

    The gradient of `weight[index]` is a tensor as large as the weight, which autograd fills with
    zeros and adds to the other gradients: for 4 of 4,096 latents that takes 100 times as long as to
    compute it. While `collected` runs, rows are copies, and their gradients are added at its end.
    """

    def __init__(self) -> None:
        self._copies: list[_Copy] | None = None

    @contextlib.contextmanager
    def collected(self) -> Iterator[None]:
        """Add the gradients of rows to the parameters' at the end. The backward pass is inside."""
        self._copies = []
        try:
            yield
            for copy in self._copies:
                _add_gradient(copy)
        finally:
            self._copies = None

    def of(self, weight: Tensor, index_S: Tensor, *, turned: bool = False) -> Tensor:
        """Return weight[index], with gradients; turned: columns of the weight, as rows."""
        if self._copies is None or not _takes_gradients_late(weight):
            return (weight.t() if turned else weight)[index_S]
        given = weight.detach().t() if turned else weight.detach()
        rows = given[index_S].requires_grad_()
        self._copies.append(_Copy(weight, turned, index_S, rows))
        return rows


def _takes_gradients_late(weight: Tensor) -> bool:
    """Return whether a gradient may come after the backward pass: nothing looks at it before."""
    hooks = (weight._backward_hooks, getattr(weight, "_post_accumulate_grad_hooks", None))
    return weight.is_leaf and weight.requires_grad and not any(hooks)


@torch.no_grad()
def _add_gradient(copy: _Copy) -> None:
    if copy.rows.grad is None:
        return
    if copy.parameter.grad is None:
        copy.parameter.grad = torch.zeros_like(copy.parameter)
    grad = copy.parameter.grad
    (grad.t() if copy.turned else grad).index_add_(0, copy.index_S, copy.rows.grad)


class RevivesLatents:
    """Counts when latents fired, and has the loss of those that are dead."""

    auxk_alpha: float
    top_k_aux: int
    dead_feature_threshold: int
    num_tokens_since_fired: Tensor
    loss: Callable[..., Tensor]

    def start_counting(self, activation_dim: int, dict_size: int, device: str) -> None:
        """Set the library's numbers, for a trainer that the library did not make."""
        self.auxk_alpha, self.top_k_aux = 1 / 32, activation_dim // 2
        self.dead_feature_threshold = LIBRARY_DEAD_TOKENS
        self.num_tokens_since_fired = torch.zeros(dict_size, dtype=torch.long, device=device)

    @functools.cached_property
    def few_rows(self) -> FewRows:
        """Rows of dead latents; `differentiated` collects their gradients."""
        return FewRows()

    def differentiated(self, *batch: Tensor, step: int) -> Tensor:
        """Return the loss of a batch. Its gradients are in the parameters then."""
        with self.few_rows.collected():
            loss = self.loss(*batch, step=step)
            loss.backward()  # type: ignore[no-untyped-call]
        return loss

    def encoder(self) -> tuple[Tensor, Tensor]:
        """Return W_enc [F, D] and b_enc [F]."""
        raise NotImplementedError

    def decoder(self) -> Tensor:
        """Return W_dec [D, F]."""
        raise NotImplementedError

    def revival(
        self, f: Latents, error_BD: Tensor, x_BD: Tensor, *, centred_on: Tensor | None = None
    ) -> Tensor | float:
        """Count which latents fired; return the loss of those that are dead, 0 if none is.

        error_BD: what the kept latents leave. x_BD: what W_enc is multiplied with, less a bias
        centred_on [D], if there is one.
        """
        self.num_tokens_since_fired += f.rows
        self.num_tokens_since_fired[f.fired()] = 0
        dead = (self.num_tokens_since_fired >= self.dead_feature_threshold).nonzero().flatten()
        if not len(dead) or self.auxk_alpha <= 0:
            return 0.0
        return self.auxk_alpha * self.dead_loss(error_BD.detach(), x_BD, dead, centred_on)

    def dead_loss(
        self, error_BD: Tensor, x_BD: Tensor, dead: Tensor, centred_on: Tensor | None
    ) -> Tensor:
        """Return what the best dead latents leave of the error, as a share of its variance."""
        W_FD, b_F = self.encoder()
        W_SD, b_S = self.few_rows.of(W_FD, dead), self.few_rows.of(b_F, dead)
        out_SD = self.few_rows.of(self.decoder(), dead, turned=True)
        if len(dead) <= self.top_k_aux:
            return _applied(error_BD, x_BD, centred_on, W_SD, b_S, out_SD)
        encoded_BD = x_BD if centred_on is None else x_BD - centred_on
        f = topk_encode(encoded_BD, W_SD, b_S, self.top_k_aux)
        left_BD = error_BD - sparse_decode(f, out_SD.t())
        share: Tensor = torch.linalg.vector_norm(left_BD).square() / _squares(error_BD)[1]
        return share.nan_to_num(0.0)


def _squares(error_BD: Tensor) -> tuple[Tensor, Tensor]:
    """Return |e|^2 and |e - mean|^2 of all tokens: the mean of an error is small beside it."""
    squares = torch.linalg.vector_norm(error_BD).square()
    return squares, squares - len(error_BD) * error_BD.mean(dim=0).square().sum()


class _LossOfFew(Function):
    """|e - f O|^2 / spread of the error e [B, D], with f = relu((x - centre) W^T + b) [B, S].

    What is left of the error, e - f O, and its gradient are as large as the batch. With G = O O^T
    both are needed only as sums or times O^T, and S is far below D:

        |e - f O|^2 = |e|^2 - sum f * (2 e O^T - f G),   (e - f O) O^T = e O^T - f G,
        f^T (e - f O) = f^T e - (f^T f) O
    """

    @staticmethod
    def forward(
        ctx: Any,
        error_BD: Tensor,
        x_BD: Tensor,
        centre_D: Tensor | None,
        W_SD: Tensor,
        b_S: Tensor,
        out_SD: Tensor,
    ) -> Tensor:
        centred_BD = x_BD if centre_D is None else x_BD - centre_D
        f_BS = torch.addmm(b_S, centred_BD, W_SD.t()).relu_()
        toward_BS, back_BS = error_BD @ out_SD.t(), f_BS @ (out_SD @ out_SD.t())
        explained = (f_BS * (2 * toward_BS - back_BS)).sum()
        squares, spread = _squares(error_BD)
        share = (squares - explained) / spread
        ctx.save_for_backward(error_BD, centred_BD, W_SD, out_SD, f_BS, toward_BS - back_BS)
        ctx.factor = torch.where(share.isfinite(), -2 / spread, 0.0)
        return share.nan_to_num(0.0)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        error_BD, centred_BD, W_SD, out_SD, f_BS, left_BS = ctx.saved_tensors
        factor = grads[0] * ctx.factor
        grad_BS = left_BS.mul(factor).mul_(f_BS > 0)
        grad_S = grad_BS.sum(dim=0)
        return (
            None,
            grad_BS @ W_SD if ctx.needs_input_grad[1] else None,
            -(grad_S @ W_SD) if ctx.needs_input_grad[2] else None,
            grad_BS.t() @ centred_BD,
            grad_S,
            (f_BS.t() @ error_BD - (f_BS.t() @ f_BS) @ out_SD).mul_(factor),
        )


def _applied(*given: Tensor | None) -> Tensor:
    loss: Tensor = _LossOfFew.apply(*given)  # type: ignore[no-untyped-call]
    return loss
