"""Read and write BibTeX with bibtexparser."""

import itertools
import re
from collections.abc import Iterable

from fumehood_tools.papers.identity import plain, surname, title_key
from fumehood_tools.papers.paper import Paper, make_paper

MOST_ENTRIES = 20_000


def read_bibtex(text: str) -> list[Paper]:
    """Return the papers in a BibTeX text. Entries that can't be read are skipped."""
    import bibtexparser

    found = bibtexparser.parse_string(text).entries[:MOST_ENTRIES]
    papers = []
    for entry in found:
        field = {key.lower(): str(it.value) for key, it in entry.fields_dict.items()}
        year = re.search(r"\d{4}", field.get("year", field.get("date", "")))
        authors = re.split(r"\s+and\s+", field["author"]) if field.get("author") else []
        papers.append(
            make_paper(
                "library",
                title=field.get("title", ""),
                identifiers=[
                    _eprint(field),
                    field.get("doi"),
                    field.get("url"),
                    field.get("journal"),
                ],
                authors=[_in_reading_order(name) for name in authors],
                year=int(year[0]) if year else None,
                abstract=field.get("abstract", ""),
                venue=field.get("journal") or field.get("booktitle") or "",
                url=field.get("url"),
            )
        )
    return [paper for paper in papers if paper is not None]


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
            "author": _safe(" and ".join(paper.authors)),
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


def _in_reading_order(name: str) -> str:
    last, comma, first = name.partition(",")
    return f"{first.strip()} {last.strip()}" if comma else name.strip()


def _key(paper: Paper, taken: set[str]) -> str:
    first = surname(paper.authors[0]) if paper.authors else "anonymous"
    word = next((it for it in title_key(paper.title).split() if len(it) > 3), "paper")
    stem = re.sub(r"[^a-z0-9]", "", f"{first}{paper.year or ''}{word}") or "paper"
    same = (f"{stem}_{count}" for count in itertools.count(2))
    return stem if stem not in taken else next(key for key in same if key not in taken)


def _safe(text: str) -> str:
    """Return the text with LaTeX's special characters escaped."""
    from pylatexenc.latexencode import unicode_to_latex

    return str(
        unicode_to_latex(plain(text), unknown_char_policy="keep", unknown_char_warning=False)
    )
