"""fumehood's MCP server and command line. They are thin: `fumehood_tools` does the work."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("fumehood")
except PackageNotFoundError:  # a checkout without an installed package
    __version__ = "0+checkout"
