"""Try a variant beside its parent in one child behind the glass, and read what the child found.

Costs about as much as 40 training steps at batch 256, 2 to 4 s for a dictionary of 1,536, in which
the file is also compared with every packaged variant. Nothing here becomes part of a score: the
evaluator repeats the comparison after each training, in children of its own (scoring/inertness.py).
"""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ValidationError

from fumehood_tools.errors import RunFailed
from fumehood_tools.files import write_bytes
from fumehood_tools.glass import SAE, ChildLimits, ChildOutcome, Nursery, take_file
from fumehood_tools.kinds import Kind, template_folder
from fumehood_tools.plain_files import read_plain
from fumehood_tools.records.inertness import SAME, SLIGHT, Inertness, compare, nearest
from fumehood_tools.records.parameters import Value, constants_of, with_parameters
from fumehood_tools.sandbox.check_report import Comparison
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.sandbox.declarations import parent_of, read_declarations
from fumehood_tools.sandbox.variants import packaged_variants

PROGRAM = "fumehood_trial.trial"
INSIDE = Path(__file__).with_name("inside")
PROFILE = replace(
    SAE,
    import_path=(*SAE.import_path, INSIDE),
    preload=(*SAE.preload, PROGRAM),
    readable=(*SAE.readable, INSIDE / "fumehood_trial"),
)
"""The profile of a check's children: that of all variants, and the trial's own program."""
CONTROL = "untrained"
MOST_SAID = 1 << 20


class Blame(BaseModel, frozen=True):
    """An error of the variant's code, as the child names it."""

    rule: str
    instead: str
    line: int | None


class Uncalled(BaseModel, frozen=True):
    """A method that scores rely on and that the loss leaves out, or does in another way."""

    path: Literal["encode", "decode", "skip", "reconstruction"]
    apart: float | None
    sparse: bool


class Unused(BaseModel, frozen=True):
    """A method that nothing calls."""

    owner: str
    name: str
    line: int
    near: str | None


class Differences(BaseModel, frozen=True, allow_inf_nan=False):
    """How far another file computes from the variant, with the variant's weights."""

    forward: float
    loss: float | None
    gradient: float | None
    missing: tuple[str, ...]
    added: tuple[str, ...]

    def inertness(self, name: str) -> Inertness:
        """Return the comparison with the file of this name."""
        return compare(name, self.forward, self.loss, self.gradient, self.missing, self.added)


class TrialSaid(BaseModel, frozen=True, allow_inf_nan=False):
    """What the child wrote. What it did not get to is None or empty."""

    error: Blame | None = None
    steps: int = 0
    l0: float | None = None
    lowest: float = 0.0
    mixing: float = 0.0
    bend: float = 0.0
    ms_per_step: float | None = None
    parameters: int | None = None
    unmoved: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    unused: tuple[Unused, ...] = ()
    uncalled: tuple[Uncalled, ...] = ()
    parent_problem: str | None = None
    parent_ms_per_step: float | None = None
    parent_parameters: int | None = None
    same_weights: bool | None = None
    fixed: tuple[str, ...] = ()
    fixed_added: tuple[str, ...] = ()
    knob: Differences | None = None
    knob_starts_alike: bool = False
    compared: dict[str, Differences] = {}
    done: bool = False

    def comparison(self, declared: str | None) -> Comparison | None:
        """Return the comparison that says most: see `records.inertness.nearest`."""
        found = {name: found.inertness(name) for name, found in self.compared.items()}
        most = nearest(found, declared)
        return Comparison.of(most, self.same_weights, declared) if most else None


class Turned(NamedTuple):
    """A copy of the variant with another value of its knob."""

    knob: str
    own: Value
    value: Value
    source: bytes


class Subjects(NamedTuple):
    """The files of a trial. parent: None if the variant has none, or if it is missing."""

    source: bytes
    name: str
    declared: str | None
    parent: bytes | None
    turned: Turned | None


def subjects_of(sandbox: Sandbox, name: str, source: bytes) -> Subjects:
    """Return what a variant is tried with. Raises UnknownName for a PARENT that does not exist."""
    kind = sandbox.spec.kind
    packaged = packaged_variants(kind)
    is_packaged = packaged.get(name) == hashlib.sha256(source).hexdigest()
    declared = parent_of(source, name, is_packaged=is_packaged)
    parent = None
    if declared in packaged:
        parent = _packaged(declared, kind)
    elif declared is not None:
        parent = read_plain(sandbox.variant_path(declared))
    return Subjects(source, name, declared, parent, _turned(source, name))


class Ran(NamedTuple):
    """What a child said, None if nothing that can be read. missing: why it did not say all."""

    said: TrialSaid | None
    missing: str | None


class Prepared(NamedTuple):
    """A trial that can be started: the child's spec and working folder, and what it reads."""

    spec: dict[str, Any]
    folder: Path
    readable: list[Path]


def run_trial(
    nursery: Nursery, sandbox: Sandbox, width: int, files: Subjects, seconds: float, scratch: Path
) -> Ran:
    """Run the child and return what it wrote.

    scratch: an empty folder under the nursery's scratch root.
    """
    trial = prepare_trial(sandbox, width, files, seconds, scratch)
    limits = ChildLimits(
        wall_seconds=seconds,
        memory_gb=sandbox.spec.limits.memory_gb,
        scratch_gb=sandbox.spec.limits.scratch_gb,
    )
    child = nursery.start(
        PROGRAM, trial.spec, scratch=trial.folder, limits=limits, readable=trial.readable
    )
    with child:
        outcome = child.wait()
    said = read_said(trial.folder)
    if said is not None and (said.done or said.error is not None):
        return Ran(said, None)
    return Ran(said, _why(outcome, limits))


def prepare_trial(
    sandbox: Sandbox, width: int, files: Subjects, seconds: float, scratch: Path
) -> Prepared:
    """Write the files of a trial into `scratch`."""
    variant = _placed(scratch / "mine", files.name, files.source)
    parent = files.parent and _placed(scratch / "parent", files.declared or "", files.parent)
    turned = files.turned and _placed(scratch / "turned", files.name, files.turned.source)
    kind = sandbox.spec.kind
    is_packaged = _packaged(files.name, kind) == files.source
    left_out = {CONTROL, files.declared} | ({files.name} if is_packaged else set())
    others = [
        _placed(scratch / "others", other, _packaged(other, kind) or b"")
        for other in sorted(packaged_variants(kind).keys() - left_out)
    ]
    folder = scratch.resolve() / "child"
    spec: dict[str, Any] = {
        **sandbox.spec.schedule(),
        "template": kind.name,
        "activation_dim": width,
        "dict_size": sandbox.spec.dict_size,
        "seed": 0,
        "threads": 1,
        "step": sandbox.spec.steps // 2,
        "out": str(folder),
        "variant": str(variant),
        "parent": parent and str(parent),
        "turned": turned and str(turned),
        "others": [str(path) for path in others],
        "declared": files.declared or "",
        "enough": SLIGHT,
        "same": SAME,
        "seconds": seconds / 2,
    }
    return Prepared(spec, folder, [path for path in (variant, parent, turned, *others) if path])


def _why(outcome: ChildOutcome, limits: ChildLimits) -> str:
    if outcome.timed_out:
        return f"it took more than {limits.wall_seconds:.0f} s"
    if outcome.out_of_memory:
        return f"it used more than {limits.memory_gb:g} GiB"
    return f"its process ended (exit {outcome.exit_code})"


def read_said(folder: Path) -> TrialSaid | None:
    """Return what a child wrote into its folder, None if that is nothing or cannot be read."""
    try:
        written = take_file(folder, "said.json", MOST_SAID)
        return None if written is None else TrialSaid.model_validate_json(written)
    except (RunFailed, ValidationError):
        return None


def _placed(folder: Path, name: str, source: bytes) -> Path:
    path = folder.resolve() / f"{name}.py"
    write_bytes(path, source)
    return path


def _packaged(name: str | None, kind: Kind) -> bytes | None:
    if name not in packaged_variants(kind):
        return None
    return (template_folder(kind) / "variants" / f"{name}.py").read_bytes()


def _turned(source: bytes, name: str) -> Turned | None:
    """Return a copy with half the value of the knob, or None for a file without one."""
    knob = read_declarations(source).knob
    own = constants_of(source).get(knob or "")
    if knob is None or not isinstance(own, int | float) or isinstance(own, bool) or not own:
        return None
    value: Value = max(1, own // 2) if isinstance(own, int) else own / 2
    if value == own:
        value = own + 1
    return Turned(knob, own, value, with_parameters(source, name, {knob: value}).source)
