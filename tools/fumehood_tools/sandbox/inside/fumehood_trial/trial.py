"""Try a variant beside its parent: a few steps each on made-up activations, then a comparison.

The program `fumehood_trial.trial`. Its spec has the keys of a training's spec.json (activation_dim,
dict_size, steps, out, …) and {"variant", "parent": path or None, "others": [path], "turned": path
or None, "declared": name, "enough", "same", "step", "seconds", "threads"}. `others` are packaged
variants, `turned` is a copy of the variant with another value of its knob, `declared` the parent's
name. `enough` and `same` are the bounds of records/inertness.py.

Writes said.json into the folder `out` after each part, so that what is known survives a time
limit. Its keys are those of `TrialSaid` in fumehood_tools/sandbox/trial.py. The comparison is the
one that follows a training: fumehood_child/probe.py, with the variant's weights in each of them.
"""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from core.errors import VariantError, blaming
from core.forms import FORMS
from core.stubs import postpone_compiler

from . import latents, methods, paths, planted, seeds, steps

if TYPE_CHECKING:
    from fumehood_tools.glass.fumehood_child import distances, probe
else:
    from fumehood_child import distances, probe

STEPS, BATCH, ROWS = 16, 256, 256
# The few steps are the beginning of a short run, because thresholds and warm-ups start after a
# share of a run's steps. The comparison is made in the middle of a real run. The learning rate has
# no warm-up here: in the first steps of one, hardly anything would move.
SHORT = {
    "steps": 4 * STEPS,
    "warmup_steps": 1,
    "sparsity_warmup_steps": STEPS // 2,
    "decay_start": 3 * STEPS,
}


class Trial:
    """One trial; `said` grows with every part."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self.out = Path(spec["out"])
        self.weights = self.out / "weights.safetensors"
        self.spec = {**spec, "weights": str(self.weights), "fit": False, "batch_size": BATCH}
        self.short = {**self.spec, **SHORT}
        self.ends_at = time.monotonic() + float(spec["seconds"])
        self.variant, self.parent = str(spec["variant"]), spec["parent"]
        rows = planted.Planted(int(spec["activation_dim"]))
        has_targets = FORMS[str(spec.get("template", "sae"))].has_targets
        drawn = rows.pairs if has_targets else lambda count: (rows.rows(count),)
        self.batches = [drawn(BATCH) for _ in range(STEPS)]
        self.batch = drawn(ROWS)
        self.said: dict[str, Any] = {}

    def run(self) -> None:
        """Do all parts in order; a part that the variant's code breaks is the last."""
        try:
            has_parent = self._try_both()
            self._look_at_seeds(has_parent)
            self._compare()
            self._say(done=True)
        except VariantError as error:
            self._say(error=error.as_dict())

    def _try_both(self) -> bool:
        """Train both for a few steps; return whether there is a parent that could be trained.

        Neither is kept: for a large dictionary, two trainers take gigabytes.
        """
        ours = self._try_variant()
        return self.parent is not None and self._try_parent(ours)

    def _say(self, **facts: Any) -> None:
        self.said |= facts
        draft = self.out / ".said.json"
        draft.write_text(json.dumps(self.said), encoding="utf-8")
        os.replace(draft, self.out / "said.json")

    def _few_steps(self, variant: str) -> steps.FewSteps:
        # A quarter of the time for each of the two.
        return steps.FewSteps(self.short, variant, self.batches, float(self.spec["seconds"]) / 4)

    def _try_variant(self) -> steps.FewSteps:
        ours = self._few_steps(self.variant)
        free, frozen, unknown = ours.unmoved()
        self._say(
            **latents.look(ours, self.batch[0])._asdict(),
            steps=ours.steps,
            ms_per_step=ours.ms_per_step,
            parameters=ours.parameters,
            unmoved=free,
            frozen=frozen,
            unknown=unknown,
            unused=methods.unused_methods(ours.module),
        )
        self._say(uncalled=paths.untrained_paths(ours, self.batch))
        save_file(ours.state(), self.weights)
        return ours

    def _try_parent(self, ours: steps.FewSteps) -> bool:
        try:
            theirs = self._few_steps(self.parent)
        except VariantError as error:
            self._say(parent_problem=error.rule)
            return False
        self._say(
            parent_ms_per_step=theirs.ms_per_step,
            parent_parameters=theirs.parameters,
            same_weights=_same_weights(ours, theirs, float(self.spec["same"])),
        )
        return True

    def _look_at_seeds(self, has_parent: bool) -> None:
        parent = self.parent if has_parent else None
        fixed, added = seeds.fixed_weights(self.spec, self.variant, parent)
        self._say(fixed=fixed, fixed_added=added)

    def _compare(self) -> None:
        """Compare with the parent, with the copy whose knob is turned, and with packaged files."""
        with blaming(self.variant, "the comparison with other variants"):
            own = probe.Probe(self.spec, self.batch)
            ours = {**own.forward(), **own.backward()}
        found: dict[str, Any] = {}
        if (turned := self.spec["turned"]) is not None:
            with blaming(self.variant, "trying another value of the knob"):
                # Its name is the declared one here, so that loss and gradient are compared too.
                spec = {**self.spec, "declared": Path(turned).stem}
                self._say(
                    knob=probe.compare_with(turned, spec, self.batch, ours),
                    knob_starts_alike=seeds.start_alike(self.spec, self.variant, turned),
                )
        for path in [*([self.parent] if self.parent else []), *self.spec["others"]]:
            if time.monotonic() > self.ends_at:
                break
            self._against(path, ours, found)

    def _against(self, path: str, ours: dict[str, Tensor], found: dict[str, Any]) -> None:
        try:
            with blaming(path, f"comparing with {Path(path).stem}"):
                found[Path(path).stem] = probe.compare_with(path, self.spec, self.batch, ours)
        except VariantError as error:
            if path == self.parent:
                self._say(parent_problem=error.rule)
        self._say(compared=found)


def _same_weights(ours: steps.FewSteps, theirs: steps.FewSteps, same: float) -> bool | None:
    """Return whether both trainings led to the same weights; None if they cannot be compared."""
    if ours.steps != theirs.steps or not ours.trains or not theirs.trains:
        return None
    mine, others = ours.weights(), theirs.weights()
    partners = probe.find_partners(others, mine)
    if others.keys() != partners.keys():
        return False
    for name, weight in others.items():
        partner = partners[name]
        given = mine[partner.name].T if partner.transposed else mine[partner.name]
        if distances.difference(probe.as_real(given), probe.as_real(weight)) > same:
            return False
    return True


def main(spec: dict[str, Any]) -> int:
    """Try what spec describes. Returns 0 whatever is found."""
    postpone_compiler()
    torch.set_num_threads(int(spec["threads"]))
    Trial(spec).run()
    return 0
