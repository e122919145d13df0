"""Tell what a repository is apart from the paper: fork, re-implementation, list of papers, library.

Each nature comes with the file and line that shows it. A fork without any mark of one is found by
`twins`, which compares it with the other candidates of the paper.
"""

import re
from collections.abc import Iterator

from fumehood_tools.papers.terms import stem
from fumehood_tools.repositories import Checkout
from fumehood_tools.validation.constants import LEAST_CODE_LINES, LIST_OF_PAPERS
from fumehood_tools.validation.identity import at, cites_another, claims_other_address
from fumehood_tools.validation.metadata import Metadata
from fumehood_tools.validation.models import Evidence
from fumehood_tools.validation.paper_facts import PaperFacts, passage
from fumehood_tools.validation.readme import ReadmeClaims
from fumehood_tools.validation.sources import Sources
from fumehood_tools.validation.words import RAREST, rarity

_LINES_PER_PAPER = 150
_OF_CODE = re.compile(
    r"\b(?:packages?|librar(?:y|ies)|toolkits?|python|pip|imports?|implement\w*|software|modules?)\b",
    re.I,
)


def nature_of(
    paper: PaperFacts,
    checkout: Checkout,
    sources: Sources,
    metadata: Metadata,
    readme: ReadmeClaims | None,
    kinds: dict[str, float],
) -> list[Evidence]:
    """Return what kind of repository it is, as evidence whose kind is the nature."""
    return [
        *_emptiness(checkout, sources),
        *_claims(sources, readme, kinds),
        *_copies(paper, checkout, metadata, readme, kinds),
        *_library(paper, checkout, metadata, kinds),
    ]


def _fact(nature: str, says: str, **place: object) -> Evidence:
    return Evidence.model_validate({"part": "nature", "kind": nature, "says": says, **place})


def _emptiness(checkout: Checkout, sources: Sources) -> Iterator[Evidence]:
    if not checkout.files:
        yield _fact("empty", "The repository has no files")
    elif sources.code_lines < LEAST_CODE_LINES and len(sources.readmes) > 0:
        yield _fact("README only", f"{sources.code_lines} lines of source beside its README")


def _claims(
    sources: Sources, readme: ReadmeClaims | None, kinds: dict[str, float]
) -> Iterator[Evidence]:
    if readme is None:
        return
    if readme.unofficial.there and not kinds.keys() & {"cited", "renamed"}:
        says = "README calls it a re-implementation"
        yield _fact("re-implementation", says, **at(readme.file, readme.unofficial.offset))
    few = sources.code_lines < _LINES_PER_PAPER * max(readme.others, 1) / 4
    if readme.others >= LIST_OF_PAPERS and few:
        yield _fact("list of papers", f"README names {readme.others} other papers")
    elif readme.others >= LIST_OF_PAPERS:
        yield _fact("library of many methods", f"README names {readme.others} other papers")


def _copies(
    paper: PaperFacts,
    checkout: Checkout,
    metadata: Metadata,
    readme: ReadmeClaims | None,
    kinds: dict[str, float],
) -> Iterator[Evidence]:
    if kinds.keys() & {"cited", "renamed"} or not checkout.files:
        return
    if readme and readme.fork.there:
        yield _fact("fork", "README calls it a fork", **at(readme.file, readme.fork.offset))
        return
    other = cites_another(paper, checkout)
    same_name = other.rpartition("/")[2] == checkout.name.lower()
    claimed = claims_other_address(checkout, metadata)
    if claimed and (not other or claimed == other or same_name):
        yield _fact("fork", f"Its metadata name {claimed}, which is another address")
    elif other and same_name:
        yield _fact("fork", f"The paper cites {other}, a repository of the same name")


def _library(
    paper: PaperFacts, checkout: Checkout, metadata: Metadata, kinds: dict[str, float]
) -> Iterator[Evidence]:
    if kinds.keys() & {"cited", "renamed", "cited_by_metadata"}:
        return
    if quote := used_by(paper, checkout, metadata):
        yield _fact("library", "The paper names it among what it uses", quote=quote)


def used_by(paper: PaperFacts, checkout: Checkout, metadata: Metadata) -> str:
    """Return the words with which a paper names a repository that is not its own, "" if none.

    A package or folder has no address, so the addresses in its metadata count as its own.
    """
    keys = checkout.keys or {key for _, _, key in metadata.addresses}
    for cited in paper.cited:
        if cited.key in keys and not cited.own:
            return cited.quote or cited.key
    name = checkout.name
    common = re.fullmatch(r"[a-z]+", name.lower()) and rarity(stem(name.lower())) > RAREST
    if len(name) < 5 or common or name.lower() == paper.name.lower():
        return ""
    # As in names of packages, one of - _ . is as good as another.
    spelled = "[-_.]+".join(map(re.escape, re.split(r"[-_.]+", name)))
    # A word such as arXiv may be the name of something else than the package.
    needs_code = checkout.origin.kind == "package" and name.isalpha()
    for found in re.finditer(rf"(?<![\w/.-]){spelled}(?![\w/-])", paper.text, re.I):
        quote = passage(paper.text, found.start(), found.end())
        if not needs_code or _OF_CODE.search(quote):
            return quote
    return ""
