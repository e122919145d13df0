"""Views that clients with MCP Apps show next to a tool's result. The only one: benchmarks.

The view is the page of `fumehood_tools.page` without data. The data is sent in the result's
`_meta`, which models do not read, and only to clients that declare that they show views.
"""

from mcp.server.apps import Apps, ResourceCsp

from fumehood_tools.page import app_html

BENCHMARKS = "ui://fumehood/benchmarks.html"
META_KEY = "fumehood/benchmarks"
"""Where page.js looks for its data in a result's `_meta`."""


def add_benchmarks_view(apps: Apps) -> None:
    """Register the benchmark page as a view."""
    apps.add_html_resource(
        BENCHMARKS,
        app_html(),
        name="benchmarks",
        title="Benchmarks of a sandbox",
        description="L0 against explained variance and sparse probing, with the table",
        csp=ResourceCsp(connect_domains=[], resource_domains=[]),
        prefers_border=True,
    )
