"""The MCP face of fumehood: thin doors to `fumehood_tools`, which does the work."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("fumehood")
except PackageNotFoundError:  # a bare checkout, nothing installed
    __version__ = "0+checkout"
