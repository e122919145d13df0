"""The results of a sandbox as one self-contained HTML page: plots, table, curves, receipts."""

from fumehood_tools.page.content import page_content
from fumehood_tools.page.write import app_html, write_page

__all__ = ["app_html", "page_content", "write_page"]
