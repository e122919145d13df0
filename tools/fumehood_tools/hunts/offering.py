"""Whether the tools of hunts are offered to a server that names no toolsets. Light."""

from fumehood_tools.settings import Settings


def why_off(settings: Settings) -> str:
    """Return why the tools are not offered: a hunt is an exercise, which someone has to ask for."""
    return "hunts are offered only where the server is started with the toolset hunt"
