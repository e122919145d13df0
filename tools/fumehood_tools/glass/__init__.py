"""The glass: every child process that runs code of a variant is started here.

Covered today (level "rlimits" on Linux, "portable" elsewhere): wall clock, memory, file size, our
environment variables withheld, a scratch folder of its own, its whole process group killed at the
end; on Linux also killed when its parent dies.
Not covered: reading other files, the network, other processes of the same user. Variants that
nobody has read belong in a container until the stronger levels are there.
"""

from fumehood_tools.glass.child import ChildLimits, ChildOutcome
from fumehood_tools.glass.start import GlassChild, level_available, run_behind_glass

__all__ = ["ChildLimits", "ChildOutcome", "GlassChild", "level_available", "run_behind_glass"]
