"""The records of a workspace, which the tools of several doors read."""

from fumehood.tooling import Toolbox
from fumehood_tools.bench.shelf import Shelf


def shelf_of(toolbox: Toolbox) -> Shelf:
    """Return the workspace's records, which stay in memory once they are read and verified."""
    return toolbox.service("shelf", lambda: Shelf(toolbox.settings.state))
