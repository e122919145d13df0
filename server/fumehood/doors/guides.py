"""The tools for guides to Python packages."""

from fumehood.doors import surveys
from fumehood.tooling import Toolbox


def register(toolbox: Toolbox) -> None:
    """Declare the tools for guides."""
    surveys.register(toolbox)
