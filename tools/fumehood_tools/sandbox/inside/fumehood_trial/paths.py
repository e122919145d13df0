"""Does the loss train what is scored? Scores come from encode, decode and skip of CustomSAE.

A trainer that computes the loss by itself, as BaseTopKTrainer does on active latents, calls none of
them. A decode or skip of the file's own then stays as random as it began, and is scored like that.
B = rows, D = activation_dim, F = dict_size.
"""

from typing import Any

import torch
from torch import Tensor

from core.errors import blaming
from core.sparse_trainers import SparseSteps, SparseTopK

from .steps import FewSteps

# Rounding differs between sums over active latents and over all.
SAME = 1e-3


def untrained_paths(tried: FewSteps, x_BD: Tensor) -> list[dict[str, Any]]:
    """Return the file's own methods that the loss leaves out, as {"path", "apart", "sparse"}.

    "reconstruction" if it calls them all and still computes another x_hat than the scored one.

    apart: how far the loss's reconstruction is from the scored one, None where it is not known.
    sparse: whether the trainer has the method reconstruction(x, f), where the remedy goes.
    """
    if not tried.trains:
        return []
    uncalled = [path for path in tried.own_paths if not tried.calls[path]]
    sparse = isinstance(tried.trainer, SparseSteps)
    apart = None
    suspects = [path for path in ("skip", "decode", "encode") if path in uncalled]
    if isinstance(tried.trainer, SparseTopK) and type(tried.trainer).loss is SparseSteps.loss:
        apart = _apart(tried, x_BD)
        blamed = [*suspects, "reconstruction"][:1] if apart > SAME else []
    else:
        blamed = [path for path in suspects if path != "encode" and _has_idle(tried, path, x_BD)]
    return [{"path": path, "apart": apart, "sparse": sparse} for path in blamed]


@torch.no_grad()
def _apart(tried: FewSteps, x_BD: Tensor) -> float:
    """Return the relative difference of the loss's reconstruction and decode(encode(x)) + skip."""
    trainer, sae = tried.trainer, tried.sae.eval()
    with blaming(tried.file, "reconstruction", tried.line):
        f = trainer.select(x_BD - sae.b_dec)
        _, error_BD = trainer.reconstruction(x_BD, f)
    with blaming(tried.file, "decode(encode(x))", tried.line_of("decode")):
        x_hat_BD = sae.decode(sae.encode(x_BD.clone()))
        if getattr(tried.module, "SKIP", False) is True:
            x_hat_BD = x_hat_BD + sae.skip(x_BD.clone())
    size = max(float(x_hat_BD.norm()), float((x_BD - error_BD).norm()))
    return float((x_BD - error_BD - x_hat_BD).norm()) / size if size else 0.0


def _has_idle(tried: FewSteps, path: str, x_BD: Tensor) -> bool:
    """Return whether a method that the loss does not call uses weights without a gradient.

    A skip that uses no weights counts too: nothing was trained to go with it.
    """
    sae = tried.sae.train()
    sae.zero_grad(set_to_none=True)
    with blaming(tried.file, path, tried.line_of(path)):
        given = x_BD.clone() if path == "skip" else sae.encode(x_BD.clone()).detach()
        result = getattr(sae, path)(given)
        if result.requires_grad:
            result.sum().backward()
    used = {n for n, weight in sae.named_parameters() if weight.grad is not None}
    sae.zero_grad(set_to_none=True)
    return bool(used - tried.reached) or (path == "skip" and not used)
