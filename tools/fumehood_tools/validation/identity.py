"""Collect the evidence that a repository belongs to a paper: links, ids, titles, people, names."""

import re
from collections.abc import Iterator

from fumehood_tools.papers.identity import title_key
from fumehood_tools.repositories import Checkout
from fumehood_tools.repositories.address import is_owner
from fumehood_tools.validation.constants import IDENTITY
from fumehood_tools.validation.metadata import Metadata
from fumehood_tools.validation.models import Evidence
from fumehood_tools.validation.paper_facts import PaperFacts
from fumehood_tools.validation.people import authors_in, is_handle
from fumehood_tools.validation.readme import ReadmeClaims
from fumehood_tools.validation.sources import SourceFile, Sources
from fumehood_tools.validation.titles import find_title, same_title


def evidence(kind: str, says: str, **place: object) -> Evidence:
    """Return a piece of evidence of identity with the strength that constants.py gives its kind."""
    return Evidence.model_validate(
        {"part": "identity", "kind": kind, "says": says, "strength": IDENTITY[kind].value, **place}
    )


def at(file: SourceFile, offset: int) -> dict[str, object]:
    """Return file, line and quote of a place in a file."""
    return {"file": file.path, "line": file.line(offset), "quote": file.around(offset)}


def identity_evidence(
    paper: PaperFacts,
    checkout: Checkout,
    sources: Sources,
    metadata: Metadata,
    readme: ReadmeClaims | None,
    committers: tuple[str, ...],
) -> list[Evidence]:
    """Return all evidence of identity. committers: names of authors of commits."""
    return [
        *_links(paper, checkout, metadata, readme),
        *_names_paper(paper, sources, metadata, readme),
        *_people(paper, checkout, metadata, readme, committers),
        *_name(paper, checkout),
    ]


def _links(
    paper: PaperFacts, checkout: Checkout, metadata: Metadata, readme: ReadmeClaims | None
) -> Iterator[Evidence]:
    own = {it.key: it for it in paper.cited if it.own}
    keys = checkout.keys
    if cited := next((key for key in keys if key in own), ""):
        leads = f", which leads to {keys[0]}" if cited != keys[0] else ""
        yield evidence("cited", f"The paper calls {cited} its code{leads}", quote=own[cited].quote)
    elif owner := next((it for key in keys if (it := own.get(key.rpartition("/")[0]))), None):
        yield evidence("cited_owner", f"The paper cites the page of {owner.key}", quote=owner.quote)
    if not cited:
        for file, line, claimed in metadata.addresses:
            if claimed in own and not keys:
                quote = file.text.splitlines()[line - 1]
                says = f"Its metadata give the address that the paper cites: {claimed}"
                yield evidence("cited_by_metadata", says, file=file.path, line=line, quote=quote)
                break
        if readme and readme.moved.there and (former := _named_address(readme, set(own))):
            says = f"README says that it moved, and names {former}, which the paper cites"
            yield evidence("renamed", says, **at(readme.file, readme.moved.offset))


def _named_address(readme: ReadmeClaims, wanted: set[str]) -> str:
    """Return which of the addresses the README names, with or without its host."""
    near = readme.file.text[: readme.moved.offset + 400].lower()
    for key in wanted:
        if not is_owner(key) and key.split("/", 1)[1].lower() in near:
            return key
    return ""


def _names_paper(
    paper: PaperFacts, sources: Sources, metadata: Metadata, readme: ReadmeClaims | None
) -> Iterator[Evidence]:
    if readme and readme.names.there:
        kind = "names_paper" if readme.about else "mentions_paper"
        many = f"; it names {readme.others} other papers" if readme.others else ""
        says = f"README gives the paper's {readme.names.text}{many}"
        yield evidence(kind, says, **at(readme.file, readme.names.offset))
    yield from _cff(paper, metadata)
    for file in sources.having("paper"):
        head = file.text[:6000]
        if file.path.endswith((".md", ".tex")) and (place := find_title(paper.title, head)) >= 0:
            yield evidence("holds_paper", "The paper's source is here", **at(file, place))
            break
    for file in sources.having("source", "configuration"):
        place = _id_in(paper, file.text)
        if place >= 0:
            yield evidence("id_in_code", "The code names the paper", **at(file, place))
            break


def _cff(paper: PaperFacts, metadata: Metadata) -> Iterator[Evidence]:
    file = metadata.cff_file
    if file is None:
        return
    ids = [it.lower() for it in (paper.arxiv, paper.doi) if it]
    for entry in metadata.cff:
        named = any(it in entry.ids.lower() for it in ids) or same_title(entry.title, paper.title)
        if named and (entry.preferred or len(metadata.cff) <= 2):
            where = "preferred-citation" if entry.preferred else "an entry"
            place = max(0, file.text.find(entry.title[:30])) if entry.title else 0
            yield evidence("cff", f"CITATION.cff names the paper in {where}", **at(file, place))
            return


def _id_in(paper: PaperFacts, text: str) -> int:
    if paper.arxiv and (found := re.search(rf"(?<![\d.]){re.escape(paper.arxiv)}(?!\d)", text)):
        return found.start()
    first = paper.title[:12].lower()
    if len(paper.title_words) >= 4 and first and first in text.lower():
        return find_title(paper.title, text)
    return -1


def _people(
    paper: PaperFacts,
    checkout: Checkout,
    metadata: Metadata,
    readme: ReadmeClaims | None,
    committers: tuple[str, ...],
) -> Iterator[Evidence]:
    written = "\n".join([*(text for _, _, text in metadata.people), "", *committers])
    found = authors_in(paper.authors, written)
    if found.full or len(found.partial) >= 2:
        names = ", ".join((found.full or found.partial)[:3])
        place = next(
            ({"file": file.path, "line": line, "quote": text}
             for file, line, text in metadata.people if _any(authors_in(paper.authors, text))),
            {"quote": next((it for it in committers if _any(authors_in(paper.authors, it))), "")},
        )  # fmt: skip
        yield evidence("authors", f"Written by authors of the paper: {names}", **place)
    elif found.partial:
        yield evidence("one_author", f"May be written by {found.partial[0]}")
    owner = checkout.owner
    if owner and (author := is_handle(owner, paper.authors)):
        yield evidence("handle", f"The owner's handle {owner} is the name of {author}")
    if readme:
        yield from _said_of_people(paper, readme)


def _any(found: tuple[tuple[str, ...], tuple[str, ...]]) -> bool:
    return bool(found[0] or found[1])


def _said_of_people(paper: PaperFacts, readme: ReadmeClaims) -> Iterator[Evidence]:
    named = authors_in(paper.authors, readme.prose[:6000])
    if len(named.full) >= 2 and not readme.unofficial.there:
        yield evidence("byline", f"README names {', '.join(named.full[:3])}", file=readme.file.path)
    if readme.claims.there and readme.about and not readme.unofficial.there:
        says = "README calls itself the paper's own code"
        yield evidence("claims", says, **at(readme.file, readme.claims.offset))


def _name(paper: PaperFacts, checkout: Checkout) -> Iterator[Evidence]:
    name = title_key(checkout.name.replace("_", " "))
    squeezed, wanted = name.replace(" ", ""), title_key(paper.name).replace(" ", "")
    if len(wanted) >= 4 and (squeezed == wanted or wanted in name.split()):
        yield evidence("name", f"The repository is called {name!r}, as the method is")
        return
    common = set(name.split()) & {it for it in paper.title_words if len(it) > 3}
    if len(common) >= 2:
        yield evidence("name_words", f"Its name shares {', '.join(sorted(common))} with the title")


def cites_another(paper: PaperFacts, checkout: Checkout) -> str:
    """Return the address that the paper calls its code, if this repository has another one."""
    keys = checkout.keys
    own = [it.key for it in paper.cited if it.own and not is_owner(it.key)]
    return own[0] if keys and own and not set(keys) & set(own) else ""


def claims_other_address(checkout: Checkout, metadata: Metadata) -> str:
    """Return an address that the metadata give for a repository of the same name elsewhere."""
    keys = checkout.keys
    claimed = [it for _, _, it in metadata.addresses if not is_owner(it)]
    if not keys or set(keys) & set(claimed):
        return ""
    name = keys[0].rpartition("/")[2]
    return next((it for it in claimed if it.rpartition("/")[2] == name), "")
