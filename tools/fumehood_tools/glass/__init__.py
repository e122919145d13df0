"""The glass: every child process that runs code of a variant is started here.

Covered at every level: wall clock, processor time, memory, threads, scratch, output; a clean
environment; no descriptor of ours; the whole process group killed at the end, and with its parent.
Covered by bubblewrap and landlock (Linux), sandbox-exec (macOS): files other than those in view,
the network, other processes. levels.py says how, docs/glass.md what each lets through.
Not covered: holes in the kernel, GPU memory of others, facts about files (that one exists, and how
large it is) at level landlock, timing.
"""

from fumehood_tools.glass.buffers import shared_buffer
from fumehood_tools.glass.child import ChildLimits, ChildOutcome, GlassChild
from fumehood_tools.glass.compiled import compiled_kernels
from fumehood_tools.glass.handback import (
    remove_folder,
    scratch_folder,
    take_file,
    take_json,
)
from fumehood_tools.glass.levels import STRENGTH, available_levels, choose_level
from fumehood_tools.glass.nursery import Nursery
from fumehood_tools.glass.profiles import SAE, GlassProfile
from fumehood_tools.settings import GlassAsked, GlassLevel

__all__ = [
    "SAE",
    "STRENGTH",
    "ChildLimits",
    "ChildOutcome",
    "GlassAsked",
    "GlassChild",
    "GlassLevel",
    "GlassProfile",
    "Nursery",
    "available_levels",
    "choose_level",
    "compiled_kernels",
    "remove_folder",
    "scratch_folder",
    "shared_buffer",
    "take_file",
    "take_json",
]
