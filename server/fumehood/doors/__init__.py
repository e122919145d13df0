"""The doors: one module per toolset, each with `register(toolbox)`. Order is the order of tools."""

from collections.abc import Callable

from fumehood.doors import bench, jobs, papers, reading, sandbox
from fumehood.tooling import Toolbox

DOORS: tuple[Callable[[Toolbox], None], ...] = (
    papers.register,
    reading.register,
    sandbox.register,
    bench.register,
    jobs.register,
)
