"""x"""

from fumehood.tooling import Toolbox


def register(toolbox: Toolbox) -> None:
    """x"""
