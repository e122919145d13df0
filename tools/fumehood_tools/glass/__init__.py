"""The glass: isolation for every child process that runs code of a variant.

Covered at every level: limits on wall clock, processor time, memory, threads, scratch and output;
a clean environment; no file descriptors of the parent; the whole process group is killed when the
child ends or its parent dies.
Covered by bubblewrap and landlock (Linux) and sandbox-exec (macOS): access to files outside the
view, to the network and to other processes. levels.py says how; docs/glass.md lists what each
level lets through.
Not covered: kernel bugs, GPU memory of other processes, timing, and, at level landlock, file
metadata (that a file exists and how large it is).
"""

from fumehood_tools.glass.buffers import shared_buffer
from fumehood_tools.glass.child import ChildLimits, ChildOutcome, GlassChild
from fumehood_tools.glass.compiled import compiled_kernels
from fumehood_tools.glass.handback import take_file, take_json
from fumehood_tools.glass.levels import STRENGTH, available_levels, choose_level
from fumehood_tools.glass.nursery import Nursery
from fumehood_tools.glass.profiles import SAE, GlassProfile
from fumehood_tools.settings import GlassAsked, GlassLevel
from fumehood_tools.temporary import remove_folder, scratch_folder

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
