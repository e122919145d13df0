"""The tools for repositories of source code."""

from fumehood.doors import codebases, packing, validation
from fumehood.tooling import Toolbox


def register(toolbox: Toolbox) -> None:
    """Declare the tools for repositories."""
    codebases.register(toolbox)
    validation.register(toolbox)
    packing.register(toolbox)
