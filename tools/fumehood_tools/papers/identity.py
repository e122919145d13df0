"""Identify papers: bring arXiv ids, DOIs and titles into one normal form each.

arxiv_id("https://arxiv.org/pdf/2309.08600v3.pdf")  -> "2309.08600"
arxiv_id("math.GT/0309136")                         -> "math/0309136"
doi("https://doi.org/10.48550/arXiv.2309.08600")    -> "10.48550/arxiv.2309.08600"
title_key("Sparse {Auto}encoders: $k$-sparse")      -> "sparse autoencoders k sparse"
"""

import re
import unicodedata

from fumehood_tools.papers.markup import of_latex, of_plain
from fumehood_tools.papers.names import without_junior
from fumehood_tools.quoting import one_line

_ARCHIVES = (
    "acc-phys|adap-org|alg-geom|ao-sci|astro-ph|atom-ph|bayes-an|chao-dyn|chem-ph|cmp-lg|comp-gas"
    "|cond-mat|cs|dg-ga|funct-an|gr-qc|hep-ex|hep-lat|hep-ph|hep-th|math-ph|math|mtrl-th|nlin"
    "|nucl-ex|nucl-th|patt-sol|physics|plasm-ph|q-alg|q-bio|quant-ph|solv-int|supr-con"
)
"""The archives that had ids such as hep-th/9711200 until 2007."""
_ARXIV = re.compile(
    r"(?:arxiv[.:/\s_-]|/abs/|/pdf/|/html/|/src/|/e-print/|papers/|^)\s*"
    rf"(?:(\d{{4}}\.\d{{4,5}})|({_ARCHIVES})(?:\.[a-z-]{{2,8}})?[/_]?(\d{{7}}))"
    r"(v\d{1,3})?(?![\d.]*\d)",
    re.IGNORECASE,
)
_DOI = re.compile(r"10\.\d{4,9}/[^\s\"<>{}|\\^`]+", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
_MARKUP = re.compile(r"[\\${}~&]|<[a-z/]", re.I)
_LATEX = re.compile(r"[\\${}~&<`]|--|''")
_MOST_ROUNDS = 5


def arxiv_id(text: str) -> str | None:
    """Return the arXiv id in an id, URL, DOI or BibTeX field, without its version, or None."""
    found = _ARXIV.search(text.strip())
    if found is None:
        return None
    # The subject class in math.GT/0309136 is not part of the id.
    return found[1] or f"{found[2].lower()}/{found[3]}"


def arxiv_version(text: str) -> str:
    """Return the version of the arXiv id in a text, such as "v2", or "" if it has none."""
    found = _ARXIV.search(text.strip())
    return (found[4] or "").lower() if found else ""


def doi(text: str) -> str | None:
    """Return the first DOI in a text, in lower case, or None."""
    found = _DOI.search(text.strip())
    return found[0].rstrip(".,;)").lower() if found else None


def plain(text: str) -> str:
    """Return the text on one line, with LaTeX and HTML markup replaced by what it displays.

    It is for text that is mostly plain: what opens no markup, such as a dollar before a price, a
    brace or a less-than sign, is kept. Cleaning a text twice changes nothing.
    """
    for _ in range(_MOST_ROUNDS):
        normal = unicodedata.normalize("NFKC", text)
        cleaned = one_line(of_plain(normal) if _MARKUP.search(normal) else normal)
        if cleaned == text:
            break
        text = cleaned
    return text


def plain_latex(text: str) -> str:
    """Return what a text that is LaTeX throughout displays, on one line."""
    shown = of_latex(text) if _LATEX.search(text) else text
    return one_line(unicodedata.normalize("NFKC", shown))


def title_key(title: str) -> str:
    """Return a title without case, accents, punctuation and markup, to compare duplicates by."""
    spelled = unicodedata.normalize("NFKD", plain(title).casefold())
    letters = "".join(c for c in spelled if not unicodedata.combining(c))
    return " ".join(_WORD.findall(letters.replace("-", " ")))


def main_title_key(title: str) -> str | None:
    """Return the key of the title before its subtitle, or None if it has fewer than three words."""
    head, separator, _ = plain(title).partition(": ")
    key = title_key(head) if separator else ""
    return key if len(key.split()) >= 3 else None


def surname(author: str) -> str:
    """Return the last name of "Hoagy Cunningham", "Cunningham, Hoagy" or "H. Cunningham, Jr."."""
    name = author.partition(",")[0] if "," in author else author
    words = without_junior(title_key(name).split())
    return words[-1] if words else ""
