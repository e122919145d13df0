"""Read a paper from its LaTeX source: unpack, expand macros, compose blocks, fill in numbers.

LaTeX itself is never run, and nothing is written to disk. Broken or unknown LaTeX is read as text
and reported in the warnings. The limits in `unpacking`, `expansion` and `composing` bound the
work.
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from fumehood_tools.reading.document import Block, Document, HiddenText, Link, Reference
from fumehood_tools.reading.latex.acronyms import (
    ACRONYM_ENVIRONMENTS,
    ACRONYM_HANDLERS,
    acronym_text,
    missing_acronyms,
)
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
    has_marks,
)
from fumehood_tools.reading.latex.crossrefs import (
    CROSSREF_HANDLERS,
    missing_labels,
    referred,
)
from fumehood_tools.reading.latex.definitions import new_state
from fumehood_tools.reading.latex.deluxe_tables import DELUXE_ENVIRONMENTS, DELUXE_HANDLERS
from fumehood_tools.reading.latex.displays import DISPLAY_ENVIRONMENTS, DISPLAY_HANDLERS
from fumehood_tools.reading.latex.encodings import decode
from fumehood_tools.reading.latex.expansion import Stream
from fumehood_tools.reading.latex.inclusion import include
from fumehood_tools.reading.latex.keywords import KEYWORD_HANDLERS
from fumehood_tools.reading.latex.main_file import MainFile, main_file
from fumehood_tools.reading.latex.plain_tex import (
    PLAIN_BREAKS,
    PLAIN_HANDLERS,
    printed_front,
    with_headings,
)
from fumehood_tools.reading.latex.project import SourceFiles
from fumehood_tools.reading.latex.structure import STRUCTURE_ENVIRONMENTS, STRUCTURE_HANDLERS
from fumehood_tools.reading.latex.tokens import plain
from fumehood_tools.reading.latex.unpacking import Sources, unpack
from fumehood_tools.reading.running_links import links_in_text, may_have_links

MOST_HIDDEN = 50
Told = TypeVar("Told", Link, HiddenText, Reference)
_PROSE = re.compile(r"[^\W\d_]{2,}")


def read_latex(archive: bytes, part: str | None = None) -> Document:
    """Read a paper from a source archive in the form arXiv provides, or from a zip.

    part: the name of the file to read, where it is not the main one. Raises Unreadable.
    """
    return read_sources(unpack(archive), part)


def read_sources(sources: Sources, part: str | None = None) -> Document:
    """Read a paper from the files of its source. part: as for `read_latex`. Raises Unreadable."""
    files = SourceFiles(decode(sources.files))
    chosen = main_file(files, part)
    composer = _composed(files, chosen.name, COMMANDS, started=False)
    if not composer.started:
        # No file of it begins a document, so all of its text is the paper.
        handlers = COMMANDS if composer.state.packages else COMMANDS | PLAIN_BREAKS
        composer = _composed(files, chosen.name, handlers, started=True)
        if not composer.state.packages:
            composer.blocks = with_headings(composer.blocks)
    printed_front(composer, files[chosen.name])
    return _document(composer, chosen.name, [*_about_files(composer, chosen), *sources.warnings])


def _composed(
    files: SourceFiles, main: str, handlers: Mapping[str, Handler], *, started: bool
) -> Composer:
    state = new_state(files, main)
    state.known = frozenset(handlers)
    state.structural = _STRUCTURAL
    composer = Composer(state, handlers, ENVIRONMENTS)
    composer.started = started
    stream = Stream(state, [])
    include(stream, main)
    composer.run(stream)
    composer.end_paragraph()
    return composer


def _about_files(composer: Composer, chosen: MainFile) -> list[str]:
    """Return what a reader must know about the files of the paper, one sentence each."""
    state = composer.state
    said = []
    if state.missing:
        asked = state.files_read + len(state.missing)
        names = ", ".join(map(repr, list(state.missing)[:8]))
        said.append(
            f"The source lacks {len(state.missing)} of the {asked} files that the paper consists "
            f"of, and what they say is missing here: {names}."
        )
    if chosen.others:
        said.append(
            f"{chosen.name} was read as the paper; the source holds other documents: "
            f"{', '.join(chosen.others)}. To read one, append '#' and its name to the paper's id."
        )
    return said


def _document(composer: Composer, main: str, warnings: list[str]) -> Document:
    entries = references(composer, main)

    def fill(kind: str, key: str) -> str:
        if kind == "cite":
            return composer.labels_of.get(key, key).strip("[]")
        if kind in ("citetitle", "bibentry"):
            return cited_text(composer, kind, key)
        if kind.startswith("acronym"):
            return acronym_text(composer, kind, key)
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
        references=[_said(entry, fill) for entry in entries],
        links=_links(
            [_said(link, fill) for link in composer.links],
            [abstract, *_texts(blocks), *(entry.text for entry in entries)],
        ),
        hidden=(
            [_said(one, fill) for one in composer.hidden] + _prose_comments(composer.state.comments)
        )[:MOST_HIDDEN],
        missing=list(composer.state.missing),
        warnings=[
            *warnings,
            *composer.state.warnings,
            *missing_labels(composer),
            *missing_acronyms(composer),
        ],
    )


def _said(told: Told, fill: Callable[[str, str], str]) -> Told:
    """Return a link, hidden text or reference with its marks filled; itself where it has none."""
    text = fill_marks(told.text, fill)
    return told if text == told.text else told.model_copy(update={"text": text})


def _filled(block: Block, fill: Callable[[str, str], str]) -> Block:
    text = fill_marks(block.text, fill)
    rows = [_filled_row(row, fill) for row in block.rows]
    if text == block.text and rows == block.rows:
        return block
    return block.model_copy(update={"text": text, "rows": rows})


def _filled_row(row: list[str], fill: Callable[[str, str], str]) -> list[str]:
    return [fill_marks(cell, fill) for cell in row] if has_marks("".join(row)) else row


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
            for row in block.rows:
                if may_have_links("".join(row)):
                    yield from row


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


COMMANDS: dict[str, Handler] = {
    **TEXT_HANDLERS,
    **ACRONYM_HANDLERS,
    **STRUCTURE_HANDLERS,
    **DISPLAY_HANDLERS,
    **ALGORITHM_HANDLERS,
    **KEYWORD_HANDLERS,
    **BOX_HANDLERS,
    **CROSSREF_HANDLERS,
    **DELUXE_HANDLERS,
    **PLAIN_HANDLERS,
    **dict.fromkeys(("\\bibliography", "\\addbibresource", "\\bibliographyfile"), _bibliography),
    "\\bibliographystyle": _bibliography_style,
    "\\printbibliography": _print_bibliography,
}
ENVIRONMENTS: dict[str, Environment] = {
    **ACRONYM_ENVIRONMENTS,
    **STRUCTURE_ENVIRONMENTS,
    **DISPLAY_ENVIRONMENTS,
    **BOX_ENVIRONMENTS,
    **DELUXE_ENVIRONMENTS,
    "thebibliography": _bibliography_environment,
}
_STRUCTURAL = frozenset(
    [*STRUCTURE_HANDLERS, *DISPLAY_HANDLERS, *(f"\\begin{{{name}}}" for name in ENVIRONMENTS)]
)
