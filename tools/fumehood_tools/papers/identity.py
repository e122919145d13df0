"""Identify papers: bring arXiv ids, DOIs and titles into one normal form each.

arxiv_id("https://arxiv.org/pdf/2309.08600v3.pdf")  -> "2309.08600"
arxiv_id("math.GT/0309136")                         -> "math/0309136"
doi("https://doi.org/10.48550/arXiv.2309.08600")    -> "10.48550/arxiv.2309.08600"
title_key("Sparse {Auto}encoders: $k$-sparse")      -> "sparse autoencoders k sparse"
"""

import re
import unicodedata

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
_MARKUP = re.compile(r"[\\${}]|<[a-z/]")


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
    """Return the text on one line, with LaTeX and HTML markup replaced by what it displays."""
    if _MARKUP.search(text):
        text = _without_markup(text)
    return one_line(unicodedata.normalize("NFKC", text))


def _without_markup(text: str) -> str:
    from pylatexenc.latex2text import LatexNodes2Text
    from pylatexenc.latexwalker import LatexWalkerError

    text = re.sub(r"</?[a-z][^<>]{0,200}>", "", text, flags=re.IGNORECASE)
    try:
        escaped = re.sub(r"(?<!\\)([&%#])", r"\\\1", text)
        read = LatexNodes2Text(math_mode="text", keep_comments=True).latex_to_text(escaped)
    except (LatexWalkerError, ValueError, IndexError, RecursionError):
        return re.sub(r"[\\${}]", "", text)
    return str(read)


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
    """Return the last name of "Hoagy Cunningham", "Cunningham, Hoagy" or "H. Cunningham"."""
    name = author.partition(",")[0] if "," in author else author
    words = title_key(name).split()
    return words[-1] if words else ""
