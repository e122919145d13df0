"""Does the loss train what is scored? Scores come from encode, decode and skip of the class.

A trainer that computes the loss by itself, as BaseTopKTrainer does on active latents, calls none of
them. A decode or skip of the file's own then stays as random as it began, and is scored like that.
B = rows, D = activation_dim, F = dict_size.
"""

from typing import Any

import torch
from torch import Tensor

from core.errors import blaming
from core.sparse_trainers import SparseSteps, SparseTopK
from core.transcoder_trainers import BatchTopKTranscoderTrainer, TopKTranscoderTrainer

from .steps import Batch, FewSteps

# Rounding differs between sums over active latents and over all.
SAME = 1e-3


def untrained_paths(tried: FewSteps, batch: Batch) -> list[dict[str, Any]]:
    """Return the file's own methods that the loss leaves out, as {"path", "apart", "sparse"}.

    "reconstruction" if it calls them all and still computes another x_hat than the scored one.

    apart: how far the loss's reconstruction is from the scored one, None where it is not known.
    sparse: whether the trainer has the method reconstruction(x, f), or of a transcoder
    predict(x, f), where the remedy goes.
    """
    if not tried.trains:
        return []
    x_BD = batch[0]
    uncalled = [path for path in tried.own_paths if not tried.calls[path]]
    sparse = isinstance(tried.trainer, (SparseSteps, TopKTranscoderTrainer))
    apart = None
    suspects = [path for path in ("skip", "decode", "encode") if path in uncalled]
    if _has_usual_loss(tried.trainer):
        apart = _apart(tried, x_BD)
        blamed = [*suspects, "reconstruction"][:1] if apart > SAME else []
    else:
        blamed = [path for path in suspects if path != "encode" and _has_idle(tried, path, x_BD)]
    return [{"path": path, "apart": apart, "sparse": sparse} for path in blamed]


def _has_usual_loss(trainer: Any) -> bool:
    """Return whether a trainer's loss is TopK's, whose reconstruction can be asked for.

    BatchTopK's is not what is scored: it keeps other latents in training than in evaluation.
    """
    if isinstance(trainer, TopKTranscoderTrainer):
        is_usual = type(trainer).loss is TopKTranscoderTrainer.loss
        return is_usual and not isinstance(trainer, BatchTopKTranscoderTrainer)
    return isinstance(trainer, SparseTopK) and type(trainer).loss is SparseSteps.loss


def _of_the_loss(trainer: Any, x_BD: Tensor) -> Tensor:
    """Return what the loss takes for the reconstruction, or prediction, of x."""
    if isinstance(trainer, TopKTranscoderTrainer):
        return trainer.predict(x_BD, trainer.select(x_BD))
    _, error_BD = trainer.reconstruction(x_BD, trainer.select(x_BD - trainer.ae.b_dec))
    given: Tensor = x_BD - error_BD
    return given


@torch.no_grad()
def _apart(tried: FewSteps, x_BD: Tensor) -> float:
    """Return the relative difference of the loss's reconstruction and decode(encode(x)) + skip."""
    sae = tried.sae.eval()
    with blaming(tried.file, "what the loss takes for the reconstruction", tried.line):
        given_BD = _of_the_loss(tried.trainer, x_BD)
    with blaming(tried.file, "decode(encode(x))", tried.line_of("decode")):
        x_hat_BD = sae.decode(sae.encode(x_BD.clone()))
        if getattr(tried.module, "SKIP", False) is True:
            x_hat_BD = x_hat_BD + sae.skip(x_BD.clone())
    size = max(float(x_hat_BD.norm()), float(given_BD.norm()))
    return float((given_BD - x_hat_BD).norm()) / size if size else 0.0


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
