"""How much the computations of two SAEs differ, from the tensors that `probe` writes for each.

All are relative differences of Euclidean norms; 0 means bitwise equal. Each latent is first divided
by its own norm, so SAEs that differ only in the scale of their latents have distance 0.
B = rows, F = latents.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

Probed = dict[str, "Tensor"]


def difference(ours: "Tensor", theirs: "Tensor") -> float:
    """Return |ours - theirs| / max(|ours|, |theirs|): between 0 and 2; 0 if both are zero."""
    size = max(float(ours.double().norm()), float(theirs.double().norm()))
    return float((ours.double() - theirs.double()).norm()) / size if size else 0.0


def latent_difference(ours_BF: "Tensor", theirs_BF: "Tensor") -> float:
    """Return the difference of latents, each divided by its own norm: 0 to sqrt(2).

    Each latent is weighted by its norm in `theirs`, the packaged SAE, so latents that never fire
    there do not count. If they change anything, the reconstruction shows it.
    """
    ours_BF, theirs_BF = ours_BF.double(), theirs_BF.double()
    ours_F, theirs_F = ours_BF.norm(dim=0), theirs_BF.norm(dim=0)
    total = float(theirs_F.norm())
    if not total:
        return 1.0 if float(ours_F.norm()) else 0.0
    tiny = 1e-300
    apart_BF = ours_BF / ours_F.clamp(min=tiny) - theirs_BF / theirs_F.clamp(min=tiny)
    return float((apart_BF.norm(dim=0) * theirs_F).norm()) / total


def forward_difference(ours: Probed, theirs: Probed) -> float:
    """Return the larger of the differences of latents and of reconstructions."""
    return max(
        latent_difference(ours["f"], theirs["f"]), difference(ours["x_hat"], theirs["x_hat"])
    )


def loss_difference(ours: Probed, theirs: Probed) -> float | None:
    """Return the difference of losses, or None unless both have a scalar loss."""
    pair = [probed.get("loss") for probed in (ours, theirs)]
    mine, other = pair
    if mine is None or other is None or mine.numel() != 1 or other.numel() != 1:
        return None
    return difference(mine.reshape(()), other.reshape(()))


def gradient_difference(ours: Probed, theirs: Probed) -> float | None:
    """Return the relative difference of all gradients together; a missing gradient counts as 0."""
    if "loss" not in ours or "loss" not in theirs:
        return None
    apart = mine = others = 0.0
    for name in {*ours, *theirs}:
        if not name.startswith("grad."):
            continue
        pair = [probed.get(name) for probed in (ours, theirs)]
        sizes = [float(part.double().norm()) ** 2 if part is not None else 0.0 for part in pair]
        mine, others = mine + sizes[0], others + sizes[1]
        first, second = pair
        if first is not None and second is not None and first.shape == second.shape:
            apart += float((first.double() - second.double()).norm()) ** 2
        else:
            apart += sum(sizes)
    size = max(mine, others)
    return (apart / size) ** 0.5 if size else 0.0
