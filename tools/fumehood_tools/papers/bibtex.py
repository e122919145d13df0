"""Read and write BibTeX. Titles, names and abstracts lose their LaTeX here, once."""

import itertools
import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any

from fumehood_tools.papers.bibtex_entries import entries_of
from fumehood_tools.papers.identity import plain_latex, surname, title_key
from fumehood_tools.papers.names import family_first, is_organization, split_names
from fumehood_tools.papers.paper import Paper, make_paper

MOST_ENTRIES = 20_000
# BibTeX counts escaped braces too, and ends a value at a quotation mark.
_ESCAPED = {
    **{"{": r"{\textbraceleft}", "}": r"{\textbraceright}", '"': r"{\textquotedbl}"},
    **{"<": r"{\textless}", ">": r"{\textgreater}", "`": r"{\textasciigrave}"},
}


def read_bibtex(text: str, notes: list[str] | None = None) -> list[Paper]:
    """Return the papers in a BibTeX text.

    notes: gets one sentence for each kind of entry that could not be read, or only in part.
    """
    found = entries_of(text)
    said = list(found.notes)
    papers: list[Paper] = []
    nameless = []
    for entry in found.entries[:MOST_ENTRIES]:
        paper = _paper(entry.fields)
        if paper is None:
            nameless.append(entry)
        else:
            papers.append(paper)
    if nameless:
        key = nameless[0].key or "(no key)"
        more = f" and {len(nameless) - 1} more" if nameless[1:] else ""
        said.append(f"Left out, because it has no title: {key}{more}.")
    if len(found.entries) > MOST_ENTRIES:
        said.append(
            f"Only the first {MOST_ENTRIES:,} of {len(found.entries):,} entries were read. Split "
            "the file to have all of them."
        )
    if notes is not None:
        notes += said
    return papers


def _paper(field: dict[str, str]) -> Paper | None:
    year = re.search(r"(?<!\d)[12]\d{3}(?!\d)", field.get("year") or field.get("date") or "")
    return make_paper(
        "library",
        title=field.get("title", ""),
        cleaned=plain_latex,
        identifiers=[
            _eprint(field),
            _address(field.get("doi", "")),
            _address(field.get("url", "")),
            field.get("journal"),
        ],
        authors=split_names(field.get("author", "")),
        year=int(year[0]) if year else None,
        abstract=field.get("abstract", ""),
        venue=field.get("journal") or field.get("journaltitle") or field.get("booktitle") or "",
        url=_address(field.get("url", "")) or None,
    )


def write_bibtex(papers: Iterable[Paper]) -> str:
    """Return BibTeX with one entry per paper. A key is surname, year and a word of the title."""
    from bibtexparser import Library, write_string
    from bibtexparser.model import Entry, Field

    library = Library()
    taken: set[str] = set()
    for paper in papers:
        key = _key(paper, taken)
        taken.add(key)
        fields = {
            "title": f"{{{_safe(paper.title)}}}",
            "author": " and ".join(map(_author, paper.authors)),
            "year": str(paper.year or ""),
            "journal": _safe(paper.venue),
            "eprint": paper.arxiv or "",
            "archiveprefix": "arXiv" if paper.arxiv else "",
            "primaryclass": paper.categories[0] if paper.arxiv and paper.categories else "",
            "doi": paper.doi or "",
            "url": paper.url or "",
        }
        library.add(
            Entry(
                "article" if paper.venue else "misc",
                key,
                [Field(name, value) for name, value in fields.items() if value],
            )
        )
    return str(write_string(library))


def _eprint(field: dict[str, str]) -> str | None:
    eprint = field.get("eprint")
    is_arxiv = field.get("archiveprefix", field.get("eprinttype", "arxiv")).lower() == "arxiv"
    return f"arxiv:{eprint}" if eprint and is_arxiv else None


def _address(value: str) -> str:
    """Return an address or identifier as it is, without the escapes that LaTeX needs."""
    value = re.sub(r"\\(?:url|path|nolinkurl)\s*\{(.*)\}", r"\1", value.strip())
    return re.sub(r"\{?\\([_%#&~{}$])\}?", r"\1", value)


def _author(name: str) -> str:
    """Return a name as BibTeX must be given it: that of an organization is one word, in braces."""
    return f"{{{_safe(name)}}}" if is_organization(name) else _safe(family_first(name))


def _key(paper: Paper, taken: set[str]) -> str:
    first = surname(paper.authors[0]) if paper.authors else "anonymous"
    word = next((it for it in title_key(paper.title).split() if len(it) > 3), "paper")
    stem = re.sub(r"[^a-z0-9]", "", f"{first}{paper.year or ''}{word}") or "paper"
    same = (f"{stem}_{count}" for count in itertools.count(2))
    return stem if stem not in taken else next(key for key in same if key not in taken)


def _safe(text: str) -> str:
    """Return the text with LaTeX's special characters escaped."""
    # Two hyphens would be read as a dash, two apostrophes as a quotation mark.
    return re.sub(r"([-'])(?=\1)", r"\1{}", "".join(map(_escaped, text)))


@lru_cache(maxsize=10_000)
def _escaped(character: str) -> str:
    """Return a character as LaTeX, or as it is if it would not be read back as the same one."""
    if character.isascii() and (character.isalnum() or character in " .,:;()-'/"):
        return character
    said = _ESCAPED.get(character) or str(_encoder().unicode_to_latex(character))
    return said if character.isascii() or plain_latex(said) == character else character


@cache
def _encoder() -> Any:
    from pylatexenc.latexencode import UnicodeToLatexEncoder

    return UnicodeToLatexEncoder(unknown_char_policy="keep", unknown_char_warning=False)
