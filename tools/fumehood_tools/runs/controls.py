"""The controls that a run may mix in: two blanks and a spike, written by the job, never by hand.

    blank            the run's first baseline under another name
    blank_parameter  the same with one more parameter that nothing reads
    spike            the same with a cheat: in eval mode, decode returns what encode was given

The blanks have seeds of their own, so that none is the same training twice; the spike has the run's
seeds, so that without its cheat it is its twin to the bit. Their sources are made here from the
packaged baseline; no file of the sandbox is written.
"""

import hashlib
from collections.abc import Sequence

from pydantic import BaseModel, Field

from fumehood_tools.bench.controls import CONTROL_NAMES, ControlName, label
from fumehood_tools.errors import BadRequest
from fumehood_tools.plain_files import read_plain
from fumehood_tools.sandbox.create import Sandbox, template_folder
from fumehood_tools.sandbox.variants import packaged_variants

# Added to the run's seeds.
SEED_STEPS = {"blank": 1_000, "blank_parameter": 2_000, "spike": 0}
UNTRAINED = "untrained"

_DECLARED = '\n\n# A control of the evaluator: {control}.\nPARENT = "{twin}"\n'
_PARAMETER = '''
_Twin = CustomSAE


class CustomSAE(_Twin):
    """The twin with one more parameter, which nothing reads."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        like = next(self.parameters())
        self.unused = type(like)(like.detach().new_zeros(1))
'''
_SPIKE = '''
_Twin = CustomSAE


class CustomSAE(_Twin):
    """The twin, with a cheat: x goes round the latents, where encode and decode share a process."""

    _seen = None

    def encode(self, x, *args, **kwargs):
        if not self.training:
            self._seen = x.clone()
        return super().encode(x, *args, **kwargs)

    def decode(self, f, *args, **kwargs):
        seen = self._seen
        if self.training or seen is None or len(seen) != len(f):
            return super().decode(f, *args, **kwargs)
        return seen
'''


class ControlItem(BaseModel, frozen=True):
    """One control of a run: a source that is trained and scored like a variant's."""

    name: ControlName = Field(description="stands where a variant's name stands")
    twin: str = Field(description="the packaged baseline it is made from")
    source: str
    seeds: tuple[int, ...]

    @property
    def label(self) -> str:
        """What its records carry as `control`."""
        return label(self.name, self.twin)


def plan_controls(
    sandbox: Sandbox, variants: Sequence[str], seeds: Sequence[int]
) -> tuple[ControlItem, ...]:
    """Return the controls of a run of these variants and seeds.

    Raises BadRequest when no unchanged baseline is among the variants, or when a file of the
    sandbox has the name of a control.
    """
    taken = [name for name in CONTROL_NAMES if (sandbox.variants / f"{name}.py").exists()]
    if taken:
        raise BadRequest(
            f"variants/{taken[0]}.py has the name of a control of the evaluator. Rename the file, "
            "or leave controls out."
        )
    twin = twin_of(sandbox, variants)
    source = (template_folder() / "variants" / f"{twin}.py").read_text(encoding="utf-8")
    bodies = {"blank": "", "blank_parameter": _PARAMETER, "spike": _SPIKE}
    return tuple(
        ControlItem(
            name=name,
            twin=twin,
            source=source + _DECLARED.format(control=name, twin=twin) + bodies[name],
            seeds=tuple(seed + SEED_STEPS[name] for seed in seeds),
        )
        for name in CONTROL_NAMES
    )


def twin_of(sandbox: Sandbox, variants: Sequence[str]) -> str:
    """Return the first baseline of a run, as it was packaged. Raises BadRequest without one."""
    baselines = packaged_variants()
    for name in variants:
        sha256 = baselines.get(name) if name != UNTRAINED else None
        if (
            sha256 is not None
            and hashlib.sha256(read_plain(sandbox.variant_path(name))).hexdigest() == sha256
        ):
            return name
    raise BadRequest(
        "controls are made from a packaged baseline, and none is in this run. Add 'topk' to "
        "variants, or leave controls out."
    )
