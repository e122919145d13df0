"""A report as one HTML file: no network, no script, figures inside.

Made from the report's Markdown, in which raw HTML stays text. The page's content security policy
(CSP) forbids loading anything.
"""

import base64
import html
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin

_HERE = Path(__file__).resolve().parent
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>
{body}</main>
</body>
</html>
"""


def parser() -> MarkdownIt:
    """Return the parser of reports: CommonMark with tables and footnotes, without raw HTML."""
    return MarkdownIt("commonmark", {"html": False}).enable("table").use(footnote_plugin)


def page_of(title: str, markdown: str, images: Mapping[str, bytes]) -> str:
    """Return the page. images: name of an SVG -> its content; other images are not shown."""
    md = parser()
    md.add_render_rule("image", _image(images))
    md.add_render_rule("table_open", lambda *_: '<div class="scroll"><table>\n')
    md.add_render_rule("table_close", lambda *_: "</table></div>\n")
    env: dict[str, Any] = {}
    tokens = md.parse(markdown, env)
    contents = _with_ids(tokens)
    first = next((at for at, one in enumerate(tokens) if one.type == "heading_close"), -1) + 1
    top = md.renderer.render(tokens[:first], md.options, env)
    rest = md.renderer.render(tokens[first:], md.options, env)
    style = (_HERE / "report.css").read_text(encoding="utf-8")
    body = f"{top}{_nav(contents)}{rest}"
    return _PAGE.format(policy=_POLICY, title=html.escape(title), style=style, body=body)


def _with_ids(tokens: Sequence[Token]) -> list[tuple[str, str]]:
    """Give every part's heading an id; return (id, title) of each."""
    found = []
    for at, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag == "h2":
            title = tokens[at + 1].content.replace("\\", "")
            name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
            token.attrSet("id", name)
            found.append((name, title))
    return found


def _nav(contents: Sequence[tuple[str, str]]) -> str:
    items = "".join(
        f'<li><a href="#{name}">{html.escape(title)}</a></li>' for name, title in contents
    )
    return f'<nav aria-label="parts"><ul>{items}</ul></nav>\n'


def _image(images: Mapping[str, bytes]) -> Any:
    def render(_: Any, tokens: Sequence[Token], at: int, *__: Any) -> str:
        token = tokens[at]
        said = html.escape(token.content.replace("\\", ""))
        content = images.get(str(token.attrs.get("src", "")))
        if content is None:
            return said
        data = base64.b64encode(content).decode("ascii")
        return f'<img alt="{said}" src="data:image/svg+xml;base64,{data}">'

    return render
