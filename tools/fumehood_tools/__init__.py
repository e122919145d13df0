"""The work behind fumehood's tools: plain typed Python, usable without MCP.

Nothing here imports `mcp` or `fumehood`. Importing this package is cheap; torch, numpy and
matplotlib are imported inside the functions and child processes that need them.
"""
