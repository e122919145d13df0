"""Read a README as a claim: which papers it names, about which it is, and what it says it is."""

import re
from typing import NamedTuple

from fumehood_tools.papers.identity import arxiv_id, title_key
from fumehood_tools.validation.constants import LIST_OF_PAPERS
from fumehood_tools.validation.paper_facts import PaperFacts
from fumehood_tools.validation.sources import SourceFile
from fumehood_tools.validation.titles import find_title

MOST_README = 80_000
_ARXIV = re.compile(
    r"(?:arxiv(?:\.org)?[.:/\s_-]{0,6}(?:abs/|pdf/)?|papers/|\()(\d{4}\.\d{4,5})", re.I
)
_BIBTEX_TITLE = re.compile(
    r"^[ \t]*title[ \t]*=[ \t]*[{\"]{1,3}(.{1,400}?)[}\"]{1,3}[ \t]*,?[ \t]*$", re.M | re.I
)
_DOI = re.compile(r"10\.\d{4,9}/[^\s\"<>{}|\\^`)\],]+")
_BIBTEX = re.compile(r"@\w{3,20}\s{0,4}\{[^@]{0,4000}?^[ \t]{0,20}\}[ \t]*$", re.M)
_CITING = re.compile(
    r"^(?:#+\s*|\*\*)?(?:how to )?"
    r"(?:cit(?:e|ing|ation)s?|references?|bibtex|paper|acknowledg\w*)\b.*$",
    re.I | re.M,
)
_UNOFFICIAL = re.compile(
    r"\bunofficial\b|\bre-?implement(?:s|ed|ing|ation)\b|\bnot affiliated\b|\bcourse project\b"
    r"|\b(?:slow|readable|simple|minimal|python|pytorch|jax|rust)[\w\s,-]{0,30}\bport of\b"
    r"|\bmy (?:own )?(?:attempt|implementation|version|take)\b"
    r"|\b(?:tried|trying|attempts?) to reproduce\b"
    r"|\b(?:a|this|independent) (?:reproduction|replication) of\b"
    r"|(?<!official )\b(?:pytorch|jax|tensorflow|keras|dgl|numpy|c\+\+|julia|rust)[\w\s/,-]{0,24}"
    r"(?:implementation|version) of\b|\bimplementation of [^\n]{0,160}\b(?:et al|\(\d{4}\))",
    re.I,
)
_CLAIMS = re.compile(
    r"(?<!un)\bofficial\b[^\n.]{0,60}\b(?:implementation|code|repository|repo|release)\b"
    r"|\bour (?:\w+ )?(?:paper|work|article|manuscript)\b|\baccompan(?:y|ies|ying)\b"
    r"|\b(?:code|source|repository|repo|software|notebooks?|scripts?|data)\b[^\n.]{0,30}"
    r"\b(?:for|of|to reproduce|behind|used in)\b[^\n.]{0,30}\bpaper\b"
    r"|\bplease cite\b[^\n.]{0,40}\b(?:paper|us)\b",
    re.I,
)
_FORK = re.compile(r"\b(?:fork of|forked from|personal fork|mirror of|vendored copy of)\b", re.I)
_MOVED = re.compile(r"\b(?:moved|renamed|transferred|new home|now lives|migrated)\b", re.I)


class Said(NamedTuple):
    """A phrase of the README: where it is, "" and -1 if it is not there."""

    offset: int
    text: str

    @property
    def there(self) -> bool:
        """Whether the README has it."""
        return self.offset >= 0


class ReadmeClaims(NamedTuple):
    """What a README says. names: of the paper. about: it is about this paper, not one of many."""

    file: SourceFile
    names: Said
    about: bool
    others: int
    unofficial: Said
    claims: Said
    fork: Said
    moved: Said
    prose: str
    """The text without BibTeX entries."""


def read_claims(file: SourceFile, paper: PaperFacts) -> ReadmeClaims:
    """Return what a README claims about a paper."""
    text = file.text[:MOST_README]
    names = _named(paper, text)
    others = _papers_named(text, paper)
    return ReadmeClaims(
        file=file,
        names=names,
        about=names.there and _is_about(paper, text, names.offset, others),
        others=others,
        unofficial=_said(_UNOFFICIAL, text[:3000]),
        claims=_said(_CLAIMS, text[:6000]),
        fork=_said(_FORK, text[:3000]),
        moved=_said(_MOVED, text[:3000]),
        prose=_BIBTEX.sub(" ", text),
    )


def _said(pattern: re.Pattern[str], text: str) -> Said:
    found = pattern.search(text)
    return Said(found.start(), found[0]) if found else Said(-1, "")


def _named(paper: PaperFacts, text: str) -> Said:
    """Return the first place at which the README names the paper, by title or by id."""
    places = []
    if paper.title and (at := find_title(paper.title, text)) >= 0:
        places.append(Said(at, "title"))
    for wanted in (paper.arxiv, paper.doi):
        found = re.search(rf"(?<![\d.]){re.escape(wanted)}(?!\d)", text, re.I) if wanted else None
        if found:
            places.append(Said(found.start(), "id"))
    return min(places, default=Said(-1, ""))


def _papers_named(text: str, paper: PaperFacts) -> int:
    """Return how many other papers the README names by id or BibTeX entry."""
    ids = {it for it in _ARXIV.findall(text) if it != paper.arxiv}
    own = title_key(paper.title)
    titles = {title_key(it) for it in _BIBTEX_TITLE.findall(text)} - {own}
    dois = {it.lower() for it in _DOI.findall(text) if "zenodo" not in it.lower()}
    dois = {it for it in dois if arxiv_id(it) is None and it != paper.doi}
    return max(len(ids), len(titles), len(dois))


def _is_about(paper: PaperFacts, text: str, offset: int, others: int) -> bool:
    """Whether the paper is the README's own: named first, or in the section on citing it."""
    if others >= LIST_OF_PAPERS:
        return False
    first = min(
        (it.start() for it in _ARXIV.finditer(text) if it[1] != paper.arxiv), default=len(text)
    )
    if offset <= first + 200 and offset < 2500 and _heads(text, offset):
        return True
    key = title_key(paper.title)
    entries = [title_key(it) for it in _BIBTEX_TITLE.findall(text)]
    if entries and key in entries[:2] and len(entries) <= 3:
        return True
    headings = [it.start() for it in _CITING.finditer(text)]
    near = [at for at in headings if at < offset < at + 1200]
    return bool(near) and others < 4


def _heads(text: str, offset: int) -> bool:
    """Whether nothing before it on its line says that another thing is built on it."""
    start = max(text.rfind("\n\n", 0, offset), offset - 160, 0)
    before = text[start:offset]
    aside = re.search(
        r"\b(?:start from|build(?:s|ing)? on|based on|inspired by|baselines?|compar\w+|include"
        r"|evaluate|such as|see also|related|besides|like|extend\w*|run|recipes)\b",
        before,
        re.I,
    )
    return aside is None
