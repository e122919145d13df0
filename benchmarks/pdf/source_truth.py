"""The truth of a paper whose labels nobody wrote: what our LaTeX reader finds in its source.

`truth_of` keeps only items that a PDF must show in the same words: sentences without numbers,
formulas, citations and brackets; rows without citations; entries of the bibliography with a year
and with words of their own. It shares the LaTeX reader's faults, so it measures how far the PDF
reader is from the LaTeX reader, and it is no truth for anything that reads LaTeX.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Literal

from score import Address, Caption, Entry, Heading, Row, Sentence, Truth, squeeze

from fumehood_tools.reading.document import Block, Document

_SENTENCE = re.compile(r"[A-Z][A-Za-zÀ-ÿ ,;:'’‘“”\"–—-]*[.?!]")
_ENDS = re.compile(r"(?<=[.?!])\s+(?=[A-Z])")
_MARKUP = re.compile(r"[\\${}\[\]_^~]|https?:")
_BETWEEN = re.compile(r"[.,;:?!()\[\]“”\"]|\bIn\b")
_MIN_WORDS = 5
_MIN_LETTERS = 12
# From this level on, headings share the line with the text that follows (\paragraph).
_RUN_IN = 4


def truth_of(document: Document, pages: int) -> Truth:
    """Return what the PDF of this paper must show. pages: of the PDF."""
    seen: set[str] = set()
    prose = [block.text for block in document.blocks if block.kind in ("paragraph", "list_item")]
    sentences = [
        *_sentences(document.abstract, seen, abstract=True),
        *(sentence for text in prose for sentence in _sentences(text, seen)),
    ]
    return Truth(
        title=document.title,
        authors=document.authors,
        headings=[_heading(block) for block in document.blocks if block.kind == "heading"],
        sentences=sentences,
        tables=[list(_rows(block.rows)) for block in document.blocks if block.kind == "table"],
        references=list(_entries(document)),
        links=[
            Address(url=url, kind="annotation")
            for url in dict.fromkeys(link.url for link in document.links)
            if url.startswith(("http://", "https://"))
        ],
        captions=list(_captions(document)),
        equations=[],
        absent=[],
        pages=pages,
    )


def overlap(truth: Truth, text: str) -> float:
    """Return the share of the sentences' groups of three words that a text contains.

    It is near 1 for the PDF of this very source, even if line numbers stand between its lines.
    """
    whole = squeeze(text)
    groups = [
        squeeze("".join(words[place : place + 3]))
        for words in (sentence.text.split() for sentence in truth.sentences)
        for place in range(len(words) - 2)
    ]
    return sum(group in whole for group in groups) / len(groups) if groups else 0.0


def _sentences(text: str, seen: set[str], *, abstract: bool = False) -> Iterator[Sentence]:
    """Yield each plain sentence once: the order of sentences printed twice has no meaning."""
    for sentence in _ENDS.split(text):
        new = squeeze(sentence) not in seen
        if new and _SENTENCE.fullmatch(sentence) and len(sentence.split()) >= _MIN_WORDS:
            seen.add(squeeze(sentence))
            yield Sentence(text=sentence, abstract=abstract)


def _heading(block: Block) -> Heading:
    level = block.level or 1
    return Heading(level=level, number=block.number, text=block.text, run_in=level >= _RUN_IN)


def _rows(rows: list[list[str]]) -> Iterator[Row]:
    """Yield the rows. A cell that repeats the one above it may span both rows."""
    above: list[str] = []
    for row in rows:
        cells = [(place, text) for place, text in enumerate(row) if text.strip()]
        if cells and not any(_MARKUP.search(text) for _, text in cells):
            spanning = [
                number
                for number, (place, text) in enumerate(cells)
                if place < len(above) and above[place] == text and not text[0].isdigit()
            ]
            yield Row(cells=[text for _, text in cells], spanning=spanning[:3])
        above = row


def _entries(document: Document) -> Iterator[Entry]:
    """Yield the entries with a year; each is known by its longest words, which no other has."""
    whole = [squeeze(reference.text) for reference in document.references]
    for reference in document.references:
        words = max(_BETWEEN.split(reference.text), key=len).strip()
        name = squeeze(words)
        own = sum(name in text for text in whole) == 1 and not _MARKUP.search(words)
        if reference.year and own and len(name) >= _MIN_LETTERS:
            yield Entry(year=reference.year, text=words)


def _captions(document: Document) -> Iterator[Caption]:
    """Yield the captions without formulas and citations whose number stands once."""
    labels = Counter((block.kind, block.number) for block in document.blocks)
    for block in document.blocks:
        kind: Literal["figure", "table"] = "figure" if block.kind == "figure" else "table"
        plain = block.kind == kind and block.text and not _MARKUP.search(block.text)
        if plain and block.number and labels[kind, block.number] == 1:
            yield Caption(kind=kind, number=block.number, text=block.text)
