"""The tools for repositories of source code."""

from fumehood.doors import packing
from fumehood.tooling import Toolbox


def register(toolbox: Toolbox) -> None:
    """Declare the tools for repositories."""
    packing.register(toolbox)
