"""Requirement 2.1: the sandbox's own copy of the interface can be imported, behind the glass.

Costs one process that loads torch, about 3 s.
"""

import shutil
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ValidationError

from fumehood_tools.errors import RunFailed
from fumehood_tools.glass import SAE, ChildLimits, GlassLevel, Nursery, take_file
from fumehood_tools.kinds import Kind
from fumehood_tools.proving.folder import CORE, SandboxFolder
from fumehood_tools.proving.report import Fault, Result, judged, not_tried

PROGRAM = "fumehood_interface.probe"
INSIDE = Path(__file__).with_name("inside")
WALL_SECONDS, MEMORY_GB, SCRATCH_GB = 60.0, 4.0, 0.1
MOST_SAID = 1 << 16


class InterfaceSaid(BaseModel, frozen=True):
    """What the child wrote."""

    error: str | None
    file: str = ""
    line: int | None = None
    missing: list[str] = []


def judge_interface(folder: SandboxFolder, kind: Kind, level: GlassLevel, scratch: Path) -> Result:
    """Return the result of requirement 2.1. scratch: an empty folder. Raises RunFailed."""
    files = folder.under(CORE)
    if not files:
        return judged("2.1", [Fault(why="There is no core/.", file=f"{CORE}/")])
    own = scratch / "interface"
    for path in files:
        (own / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder.root / path, own / path)
    profile = replace(
        SAE,
        import_path=(own, INSIDE),
        preload=("torch", "safetensors.torch", PROGRAM),
        readable=(own / CORE, INSIDE / "fumehood_interface"),
        loaded_early=("torch", "numpy"),
    )
    limits = ChildLimits(wall_seconds=WALL_SECONDS, memory_gb=MEMORY_GB, scratch_gb=SCRATCH_GB)
    names = [kind.base_class, kind.base_trainer]
    out = scratch / "child"
    with Nursery(scratch, level=level, profile=profile) as nursery:
        spec = {"names": names, "out": str(out)}
        with nursery.start(PROGRAM, spec, scratch=out, limits=limits) as child:
            outcome = child.wait()
    return _judged(_said(out), f"exit {outcome.exit_code}", names)


def _said(out: Path) -> InterfaceSaid | None:
    try:
        written = take_file(out, "interface.json", MOST_SAID)
        return None if written is None else InterfaceSaid.model_validate_json(written)
    except (RunFailed, ValidationError):
        return None


def _judged(said: InterfaceSaid | None, ended: str, names: list[str]) -> Result:
    if said is None:
        return not_tried("2.1", f"the process that imports it ended early ({ended})")
    faults = [
        Fault(why=f"core has no {name}.", file=f"{CORE}/__init__.py") for name in said.missing
    ]
    if said.error is not None:
        faults.append(Fault(why=said.error, file=said.file or f"{CORE}/", line=said.line))
    return judged("2.1", faults, f"core has {', '.join(names)}")
