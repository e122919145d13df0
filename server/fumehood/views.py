"""Views that clients with MCP Apps draw beside a tool's result: today the benchmark page.

The view is the page of `fumehood_tools.page` without data; they come in the result's `_meta`, which
models do not read, and only to clients that said they draw views.
"""

from mcp.server.apps import Apps, ResourceCsp

from fumehood_tools.page import app_html

BENCHMARKS = "ui://fumehood/benchmarks.html"
META_KEY = "fumehood/benchmarks"
"""Where page.js looks for its data in a result's `_meta`."""


def add_benchmarks_view(apps: Apps) -> None:
    """Offer the benchmark page."""
    apps.add_html_resource(
        BENCHMARKS,
        app_html(),
        name="benchmarks",
        title="Benchmarks of a sandbox",
        description="L0 against explained variance and sparse probing, with the table",
        csp=ResourceCsp(connect_domains=[], resource_domains=[]),
        prefers_border=True,
    )
