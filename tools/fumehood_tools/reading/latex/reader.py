"""Read a paper from its LaTeX source: unpack, expand macros, compose blocks, fill in numbers.

LaTeX itself is never run, and nothing is written to disk. Broken or unknown LaTeX is read as text
and reported in the warnings. The limits in `unpacking`, `expansion` and `composing` bound the
work.
"""

import posixpath
import re
from collections.abc import Callable, Iterator
from typing import TypeVar

from fumehood_tools.reading.document import Block, Document, HiddenText, Link
from fumehood_tools.reading.latex.algorithms import ALGORITHM_HANDLERS
from fumehood_tools.reading.latex.authors import author_names
from fumehood_tools.reading.latex.bibliography import cited_text, references
from fumehood_tools.reading.latex.boxes import BOX_ENVIRONMENTS, BOX_HANDLERS
from fumehood_tools.reading.latex.commands import TEXT_HANDLERS
from fumehood_tools.reading.latex.composing import (
    Composer,
    Environment,
    Handler,
    fill_marks,
)
from fumehood_tools.reading.latex.crossrefs import (
    CROSSREF_HANDLERS,
    missing_labels,
    referred,
)
from fumehood_tools.reading.latex.definitions import include, new_state
from fumehood_tools.reading.latex.displays import DISPLAY_ENVIRONMENTS, DISPLAY_HANDLERS
from fumehood_tools.reading.latex.expansion import Stream
from fumehood_tools.reading.latex.keywords import KEYWORD_HANDLERS
from fumehood_tools.reading.latex.project import decode, main_file
from fumehood_tools.reading.latex.structure import STRUCTURE_ENVIRONMENTS, STRUCTURE_HANDLERS
from fumehood_tools.reading.latex.tokens import plain
from fumehood_tools.reading.latex.unpacking import unpack
from fumehood_tools.reading.running_links import links_in_text

MOST_HIDDEN = 50
Told = TypeVar("Told", Link, HiddenText)
_PROSE = re.compile(r"[^\W\d_]{2,}")


def read_latex(archive: bytes) -> Document:
    """Read a paper from a source archive in the form arXiv provides. Raises Unreadable."""
    sources = unpack(archive)
    files = decode(sources.files)
    main = main_file(files)
    composer = Composer(new_state(files), _HANDLERS, _ENVIRONMENTS)
    text = files[main]
    composer.started = "\\begin{document}" not in text
    stream = Stream(composer.state, [])
    include(stream, main, whole=True)
    composer.run(stream)
    composer.end_paragraph()
    return _document(composer, main, sources.warnings)


def _document(composer: Composer, main: str, warnings: list[str]) -> Document:
    entries = references(composer, main)

    def fill(kind: str, key: str) -> str:
        if kind == "cite":
            return composer.labels_of.get(key, key).strip("[]")
        if kind in ("citetitle", "bibentry"):
            return cited_text(composer, kind, key)
        return referred(composer, kind, key)

    front = composer.front
    blocks = [_filled(block, fill) for block in composer.blocks]
    if front.keywords:
        blocks.insert(0, Block(kind="paragraph", text=fill_marks(front.keywords, fill)))
    abstract = fill_marks(front.abstract, fill)
    unknown = composer.unknown_commands()
    if unknown:
        warnings = [
            *warnings,
            f"Unknown commands were read as plain text: {', '.join(unknown[:10])}.",
        ]
    return Document(
        source="latex",
        title=fill_marks(front.title, fill),
        authors=author_names(composer),
        abstract=abstract,
        blocks=blocks,
        references=[
            entry.model_copy(update={"text": fill_marks(entry.text, fill)}) for entry in entries
        ],
        links=_links(
            [_said(link, fill) for link in composer.links],
            [abstract, *_texts(blocks), *(entry.text for entry in entries)],
        ),
        hidden=(
            [_said(one, fill) for one in composer.hidden] + _prose_comments(composer.state.comments)
        )[:MOST_HIDDEN],
        warnings=[*warnings, *composer.state.warnings, *missing_labels(composer)],
    )


def _said(told: Told, fill: Callable[[str, str], str]) -> Told:
    return told.model_copy(update={"text": fill_marks(told.text, fill)})


def _filled(block: Block, fill: Callable[[str, str], str]) -> Block:
    return block.model_copy(
        update={
            "text": fill_marks(block.text, fill),
            "rows": [[fill_marks(cell, fill) for cell in row] for row in block.rows],
        }
    )


def _prose_comments(comments: list[str]) -> list[HiddenText]:
    """Return comments that are sentences as hidden text, since they may address readers."""
    return [
        HiddenText(text=comment[:1_000], why="comment")
        for comment in comments
        if len(comment) > 40
        and comment.count("\\") <= 1
        and sum(map(len, _PROSE.findall(comment))) > 0.6 * len(comment)
        and len(_PROSE.findall(comment)) >= 7
    ]


def _texts(blocks: list[Block]) -> Iterator[str]:
    for block in blocks:
        if block.kind != "code":
            yield block.text
            yield from (cell for row in block.rows for cell in row)


def _links(links: list[Link], texts: list[str]) -> list[Link]:
    """Return each address once: links from markup first, then addresses found only in the text."""
    unique: dict[str, Link] = {}
    for link in links:
        held = unique.setdefault(link.url, link)
        if held.text == held.url != link.text:
            unique[link.url] = link
    for link in links_in_text(texts):
        unique.setdefault(link.url, link)
    return list(unique.values())


def _bibliography_environment(composer: Composer, stream: Stream, name: str) -> None:
    composer.end_paragraph()
    stream.argument()
    # A paper may have several lists, such as one for its appendix.
    composer.bibliography += composer.body(stream, name)


def _bibliography(composer: Composer, stream: Stream) -> None:
    stream.optional()
    composer.end_paragraph()
    composer.bibliography_files += [
        posixpath.normpath(name.strip()) for name in plain(stream.argument()).split(",")
    ]


def _bibliography_style(composer: Composer, stream: Stream) -> None:
    composer.bibliography_style = plain(stream.argument()).strip()


def _print_bibliography(composer: Composer, stream: Stream) -> None:
    stream.optional()
    composer.end_paragraph()


_HANDLERS: dict[str, Handler] = {
    **TEXT_HANDLERS,
    **STRUCTURE_HANDLERS,
    **DISPLAY_HANDLERS,
    **ALGORITHM_HANDLERS,
    **KEYWORD_HANDLERS,
    **BOX_HANDLERS,
    **CROSSREF_HANDLERS,
    **dict.fromkeys(("\\bibliography", "\\addbibresource", "\\bibliographyfile"), _bibliography),
    "\\bibliographystyle": _bibliography_style,
    "\\printbibliography": _print_bibliography,
}
_ENVIRONMENTS: dict[str, Environment] = {
    **STRUCTURE_ENVIRONMENTS,
    **DISPLAY_ENVIRONMENTS,
    **BOX_ENVIRONMENTS,
    "thebibliography": _bibliography_environment,
}
