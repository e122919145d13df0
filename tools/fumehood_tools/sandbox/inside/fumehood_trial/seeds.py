"""Weights that start from the same numbers with every seed, where the parent's differ."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from core.loading import build_trainer, load_variant
from core.run import TrainingRun

if TYPE_CHECKING:
    from fumehood_tools.glass.fumehood_child.probe import find_partners, only_learned
else:
    from fumehood_child.probe import find_partners, only_learned

TWO_SEEDS = (11, 12)


def fixed_weights(
    spec: Mapping[str, Any], variant: str, parent: str | None
) -> tuple[list[str], list[str]]:
    """Return names of weights that are the same with two seeds.

    First those whose partner in the parent differs; then those without a partner that hold drawn
    numbers, as far as the numbers show it. Raises VariantError.
    """
    ours = [_start(spec, variant, seed) for seed in TWO_SEEDS]
    theirs = [_start(spec, parent, seed) for seed in TWO_SEEDS] if parent else [{}, {}]
    partners = find_partners(ours[0], theirs[0])
    fixed, added = [], []
    for name, weight in ours[0].items():
        if not torch.equal(weight, ours[1].get(name, weight.new_empty(0))):
            continue
        if name in partners:
            partner = partners[name].name
            if not torch.equal(theirs[0][partner], theirs[1][partner]):
                fixed.append(name)
        elif len(torch.unique(weight)) > max(2, weight.numel() // 2):
            added.append(name)
    return fixed, added


def start_alike(spec: Mapping[str, Any], variant: str, other: str) -> bool:
    """Return whether two files begin with the same weights from the same seed."""
    ours, theirs = (_start(spec, path, TWO_SEEDS[0]) for path in (variant, other))
    return ours.keys() == theirs.keys() and all(torch.equal(w, theirs[n]) for n, w in ours.items())


def _start(spec: Mapping[str, Any], variant: str, seed: int) -> dict[str, Tensor]:
    """Return the learned weights that a trainer with this seed begins with."""
    run = TrainingRun.from_spec({**spec, "variant": variant, "seed": seed})
    trainer = build_trainer(load_variant(run.variant, run.form), run)
    state = only_learned(dict(trainer.ae.state_dict()))
    return {name: weight.detach().clone() for name, weight in state.items()}
