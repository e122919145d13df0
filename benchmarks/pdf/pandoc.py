"""What pandoc reads in a LaTeX file, as a Document.

pandoc prints its syntax tree as JSON. `document_of` makes blocks of it, without loss of anything
that the scorer counts: headings, rows of tables, captions, links and entries of the bibliography.
pandoc numbers nothing. `read_latex_file` runs pandoc with --citeproc, which adds the entries of the
.bib file, or without it when pandoc cannot read that file.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fumehood_tools.errors import Unreadable
from fumehood_tools.reading.document import Block, Document, Link, Reference

LIMIT_S = 120
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_SPACES = {"Space": " ", "SoftBreak": " ", "LineBreak": "\n"}
_QUOTES = {"SingleQuote": "‘’", "DoubleQuote": "“”"}
Node = dict[str, Any]


def read_latex_file(pandoc: str, path: Path) -> Document:
    """Return what pandoc reads in a .tex file and its neighbors. Raises Unreadable."""
    failed = ""
    for options in (["--citeproc"], []):
        command = [pandoc, "-f", "latex", "-t", "json", *options, path.name]
        try:
            done = subprocess.run(command, cwd=path.parent, capture_output=True, timeout=LIMIT_S)
        except subprocess.TimeoutExpired as error:
            raise Unreadable(
                f"pandoc took longer than {LIMIT_S} s. It counts as missed."
            ) from error
        if done.returncode == 0:
            return document_of(json.loads(done.stdout))
        failed = done.stderr.decode(errors="replace").strip().replace("\n", " ")
    raise Unreadable(f"pandoc failed: {failed[:200]}. The paper counts as missed.")


def document_of(tree: Node) -> Document:
    """Return pandoc's syntax tree as a Document."""
    meta = tree["meta"]
    entries = [entry for node in _walk(tree["blocks"]) for entry in _entries(node)]
    return Document(
        source="latex",
        title=text_of(meta.get("title", [])),
        authors=[text_of(author) for author in meta.get("author", {}).get("c", [])],
        abstract=text_of(meta.get("abstract", [])),
        blocks=[block for node in tree["blocks"] for block in _blocks(node)],
        references=entries,
        links=[
            Link(url=node["c"][2][0], text=text_of(node["c"][1]), origin="markup")
            for node in _walk(tree)
            if node["t"] == "Link"
        ],
    )


def text_of(node: Any) -> str:
    """Return the text of a part of the tree; formulas are their LaTeX."""
    return " ".join("".join(_texts(node)).split(" ")).strip()


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for part in node:
            yield from _texts(part)
    elif isinstance(node, dict):
        kind, content = node["t"], node.get("c")
        if kind == "Str":
            yield content
        elif kind in _SPACES:
            yield _SPACES[kind]
        elif kind == "Quoted":
            marks = _QUOTES[content[0]["t"]]
            yield from (marks[0], *_texts(content[1]), marks[1])
        elif kind in ("Math", "Code", "CodeBlock"):
            yield content[1]
        elif kind in ("Span", "Link", "Cite", "Div", "Header", "Image"):
            yield from _texts(content[-2 if kind in ("Link", "Image") else -1])
        # A footnote is a block of its own, and raw LaTeX is not text.
        elif kind not in ("Note", "RawInline", "RawBlock"):
            yield from _texts(content)
            if kind in ("Para", "Plain"):
                yield " "


def _walk(node: Any) -> Iterator[Node]:
    """Yield every node of the tree, from the outside in."""
    if isinstance(node, list):
        for part in node:
            yield from _walk(part)
    elif isinstance(node, dict):
        if "t" in node:
            yield node
        for part in node.values():
            yield from _walk(part)


def _blocks(node: Node) -> Iterator[Block]:
    kind, content = node["t"], node.get("c")
    if kind == "Header":
        yield Block(kind="heading", level=min(content[0], 6), text=text_of(content[2]))
    elif kind == "Table":
        yield Block(kind="table", text=text_of(content[1][1]), rows=list(_rows(content)))
    elif kind == "Figure":
        yield Block(kind="figure", text=text_of(content[1][1]))
        yield from _all_blocks(content[2])
    elif kind == "Div":
        if not _is_bibliography(node):
            yield from _all_blocks(content[1])
    elif kind == "BlockQuote":
        yield from _all_blocks(content)
    elif kind in ("BulletList", "OrderedList"):
        for item in content if kind == "BulletList" else content[1]:
            yield Block(kind="list_item", text=text_of(item))
    elif kind == "CodeBlock":
        yield Block(kind="code", text=content[1])
    elif text := text_of(node):
        yield Block(kind="paragraph", text=text)
    if kind in ("Para", "Plain", "BulletList", "OrderedList", "Header"):
        notes = [part for part in _walk(content) if part["t"] == "Note"]
        yield from (Block(kind="footnote", text=text_of(note["c"])) for note in notes)


def _all_blocks(nodes: list[Node]) -> Iterator[Block]:
    for node in nodes:
        yield from _blocks(node)


def _rows(table: list[Any]) -> Iterator[list[str]]:
    """Yield the rows of head, bodies and foot."""
    _, _, _, head, bodies, foot = table
    for row in [*head[1], *(row for body in bodies for row in body[2] + body[3]), *foot[1]]:
        yield [text_of(cell[4]) for cell in row[1]]


def _is_bibliography(node: Node) -> bool:
    name, classes, _ = node["c"][0]
    return name == "refs" or "thebibliography" in classes


def _entries(node: Node) -> list[Reference]:
    """Return the entries of a node that is a bibliography."""
    if node["t"] != "Div" or not _is_bibliography(node):
        return []
    texts = [text for text in map(text_of, node["c"][1]) if text]
    found = [(text, [int(year) for year in _YEAR.findall(text)]) for text in texts]
    return [
        Reference(label=str(place), text=text, year=years[-1] if len(years) == 1 else None)
        for place, (text, years) in enumerate(found, 1)
    ]
