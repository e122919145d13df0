"""Merge the records that several sources return for the same paper.

Two records describe the same paper when they share an arXiv id, a DOI or an id of a source, or
when their titles match and their years differ by at most one. Titles are compared without case,
accents and markup, and also without the subtitle if the records share an author. Records that
contradict each other (two different arXiv ids, or no author in common) are never merged.
The merged record has the union of ids, links, code and sources, the longest abstract, and the
most confident judgment. Source of the method: Shinkle et al. (2025), section 2.1, who merge
duplicates by title and year and keep the most confident one.
The result does not depend on the order of the records.
"""

from collections.abc import Iterable

from fumehood_tools.papers.identity import main_title_key, surname, title_key
from fumehood_tools.papers.paper import TRUST, Paper

_RECORDS = ("arxiv", "semantic_scholar", "openalex", "hugging_face", "library", "exa")
"""Sources whose titles and addresses are used, best first. Perplexity is not in the list because
it returns the titles of web pages."""


def merge_papers(papers: Iterable[Paper]) -> list[Paper]:
    """Return one record per paper, in a fixed order: those with the best identifiers first."""
    merged: list[Paper] = []
    index: dict[str, list[int]] = {}
    for paper in sorted(papers, key=_rank):
        keys = [*paper.own_ids(), *paper.aliases, *_title_keys(paper)]
        spots = dict.fromkeys(spot for key in keys for spot in index.get(key, ()))
        home = next((spot for spot in spots if same_paper(merged[spot], paper)), None)
        if home is None:
            home = len(merged)
            merged.append(paper)
        else:
            merged[home] = united(merged[home], paper)
        for key in keys:
            places = index.setdefault(key, [])
            if home not in places:
                places.append(home)
    return merged


def same_paper(one: Paper, other: Paper) -> bool:
    """Return whether two records describe the same paper."""
    if one.arxiv and other.arxiv:
        return one.arxiv == other.arxiv
    if {*one.own_ids(), *one.aliases} & {*other.own_ids(), *other.aliases}:
        return True
    if one.year and other.year and abs(one.year - other.year) > 1:
        return False
    names, others = ({surname(name) for name in paper.authors} for paper in (one, other))
    if names and others and not names & others:
        return False
    whole, other_whole = title_key(one.title), title_key(other.title)
    if whole == other_whole:
        # A one-word title such as "Introduction" does not identify a paper without an author.
        return len(whole.split()) > 1 or bool(names & others)
    mains = (main_title_key(one.title), main_title_key(other.title))
    # One record may omit the subtitle. Two different subtitles are two papers (Part I, Part II).
    return bool(names & others) and (whole == mains[1] or other_whole == mains[0])


def united(one: Paper, other: Paper) -> Paper:
    """Return one record that combines two records of the same paper."""
    first, second = sorted((one, other), key=_rank)
    keys = list(dict.fromkeys([*first.own_ids(), *second.own_ids()]))
    whole = first.model_copy(
        update={
            "authors": max(first.authors, second.authors, key=_fullness),
            "year": first.year or second.year,
            "published": min(filter(None, (first.published, second.published)), default=None),
            "abstract": max(first.abstract, second.abstract, key=len),
            "venue": first.venue or second.venue,
            "categories": _union(first.categories, second.categories),
            "arxiv": first.arxiv or second.arxiv,
            "doi": first.doi or second.doi,
            "other_ids": sorted({*first.other_ids, *second.other_ids}),
            "url": first.url or second.url,
            "pdf": first.pdf or second.pdf,
            "code": _union(first.code, second.code),
            "citations": max(
                (count for count in (first.citations, second.citations) if count is not None),
                default=None,
            ),
            "found_by": sorted({*first.found_by, *second.found_by}),
            "judgement": _most_confident(first, second),
        }
    )
    best = whole.own_ids()[0]
    known = {*keys, first.id, second.id, *first.aliases, *second.aliases} - {best, ""}
    return whole.model_copy(update={"id": best, "aliases": sorted(known)})


def _most_confident(one: Paper, other: Paper) -> object:
    judged = [paper.judgement for paper in (one, other) if paper.judgement]
    return max(judged, key=lambda it: (it.confidence, TRUST[it.judged_by]), default=None)


def _title_keys(paper: Paper) -> list[str]:
    whole, main = title_key(paper.title), main_title_key(paper.title)
    return [f"as {whole}", *([f"as {main}"] if main else [])]


def _rank(paper: Paper) -> tuple[object, ...]:
    """Return the sort key of a record: best identifiers first.

    The last entries only break ties, so that the order of the input does not matter.
    """
    return (
        paper.arxiv is None,
        paper.doi is None,
        min(map(_RECORDS.index, set(_RECORDS) & set(paper.found_by)), default=len(_RECORDS)),
        not paper.authors,
        paper.id,
        paper.title,
        paper.year or 9999,
        paper.model_dump_json(),
    )


def _fullness(authors: list[str]) -> tuple[int, int]:
    return (len(authors), sum(map(len, authors)))


def _union(one: list[str], other: list[str]) -> list[str]:
    return list(dict.fromkeys([*one, *other]))
