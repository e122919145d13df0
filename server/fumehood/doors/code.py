"""The tools for repositories of source code."""

from fumehood.doors import validation
from fumehood.tooling import Toolbox


def register(toolbox: Toolbox) -> None:
    """Declare the tools for repositories."""
    validation.register(toolbox)
