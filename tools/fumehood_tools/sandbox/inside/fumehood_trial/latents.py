"""What the evaluator refuses, seen on a few rows: how far latents and decoder are from allowed.

The evaluator measures the same on all rows of the evaluation split, after training. B = rows,
D = activation_dim, F = dict_size.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from core.errors import blaming

from .steps import FewSteps

# Sizes of the batches in which the same rows are encoded again, in reverse order.
SIZES = (1, 7, 40)
ROWS = sum(SIZES)


class Seen(NamedTuple):
    """What a few rows show in eval mode.

    lowest: the smallest latent. mixing: the mean relative difference of active latents when the
    same rows come in other batches, 0 to 1. bend: how far decode is from linear, relative.
    """

    l0: float
    lowest: float
    mixing: float
    bend: float


@torch.no_grad()
def look(tried: FewSteps, x_BD: Tensor) -> Seen:
    """Encode and decode rows as the scorer does: eval mode, batches of any size."""
    sae = tried.sae.eval()
    with blaming(tried.file, "encode in eval mode", tried.line_of("encode")):
        l0 = float((sae.encode(x_BD.clone()) != 0).float().sum(dim=1).mean())
        few_BD = x_BD[:ROWS]
        f_BF = sae.encode(few_BD.clone())
        turned_BD = torch.flip(few_BD, [0])
        parts = [sae.encode(part.clone()) for part in torch.split(turned_BD, list(SIZES))]
    again_BF = torch.flip(torch.cat(parts), [0])
    with blaming(tried.file, "decode", tried.line_of("decode")):
        bend = _bend(sae, f_BF)
    return Seen(l0, float(f_BF.min()), _apart(f_BF, again_BF), bend)


def _apart(f_BF: Tensor, g_BF: Tensor) -> float:
    largest_BF = torch.maximum(f_BF.abs(), g_BF.abs())
    active_BF = largest_BF > 0
    if not bool(active_BF.any()):
        return 0.0
    return float(((f_BF - g_BF).abs()[active_BF] / largest_BF[active_BF]).clamp(max=1).mean())


def _bend(sae: Any, f_BF: Tensor) -> float:
    """Return |decode(f + g) - decode(f) - decode(g) + decode(0)|, relative to its linear part."""
    half = len(f_BF) // 2
    first, second = f_BF[:half], f_BF[half : 2 * half]
    b_D = sae.decode(torch.zeros_like(f_BF[:1]))
    apart = sae.decode(first) + sae.decode(second) - 2 * b_D
    whole = sae.decode(first + second) - b_D
    size = max(float(apart.norm()), float(whole.norm()))
    return float((apart - whole).norm()) / size if size > 1e-6 else 0.0
