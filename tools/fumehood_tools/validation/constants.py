"""Every constant of the score, with its reason. Change a value here and run `make bench-codebases`.

The values were set by hand on 5 of the 8 invented papers and on 9 of the 33 real pairs of the
benchmark, and not changed after the others were looked at. None was fitted by a program: there are
too few papers for that.
"""

from typing import NamedTuple


class Constant(NamedTuple):
    """A value between 0 and 1, and why it has this size."""

    value: float
    reason: str


# Identity. Each of these is read as the chance that a repository with this evidence is the paper's.
# Evidence of one group says the same thing twice, so only the strongest of a group counts; the
# groups are combined by noisy-or.
IDENTITY: dict[str, Constant] = {
    "cited": Constant(0.9, "The paper says that its code is at this address; addresses get reused"),
    "cited_owner": Constant(0.5, "The paper names the owner's page, which holds other code too"),
    "cited_by_metadata": Constant(0.7, "The repository claims the address that the paper cites"),
    "renamed": Constant(0.6, "README says that it moved from the cited address"),
    "names_paper": Constant(0.6, "README is about the paper; a re-implementation's is too"),
    "cff": Constant(0.65, "CITATION.cff asks to cite this paper, one paper only"),
    "holds_paper": Constant(0.6, "The paper's own source is in the repository"),
    "mentions_paper": Constant(0.25, "README names the paper among others: related work, surveys"),
    "id_in_code": Constant(0.25, "A comment names the paper: libraries do this for every method"),
    "authors": Constant(0.6, "Two of the authors, or one by full name, wrote it"),
    "handle": Constant(0.5, "The owner's handle is an author's name"),
    "byline": Constant(0.35, "README names two authors in full; a re-implementation may too"),
    "one_author": Constant(0.1, "One surname and initial: names are shared by many people"),
    "claims": Constant(0.4, "README says official or our paper; anyone can write this"),
    "name": Constant(0.3, "The repository has the method's name; so may strangers"),
    "name_words": Constant(0.1, "The repository's name shares two words with the title"),
}
GROUPS: tuple[tuple[str, ...], ...] = (
    ("cited", "cited_owner", "cited_by_metadata", "renamed"),
    ("names_paper", "cff", "holds_paper", "mentions_paper", "id_in_code"),
    ("authors", "handle", "byline", "one_author", "claims"),
    ("name", "name_words"),
)

# Method. Each is the most that this kind of evidence can add.
METHOD: dict[str, Constant] = {
    "terms": Constant(0.75, "Rare words of the method; a repository of the same field has many"),
    "hyperparameters": Constant(0.7, "Names with their values, beyond chance: hard to share"),
    "symbols": Constant(0.2, "Names of the equations; short names are everywhere"),
    "data_sets": Constant(0.1, "Data sets are shared by a whole field"),
}

SHARE_OF_METHOD = Constant(
    0.35, "Score = identity x (0.65 + 0.35 x method): method alone is 0, identity alone is 0.65"
)
UNKNOWN_METHOD = Constant(0.5, "Neither for nor against, where only an abstract is known")
UNOFFICIAL = Constant(0.7, "A README that calls itself a re-implementation is believed")
PRIMARY_FROM = Constant(0.6, "Identity of two independent kinds reaches it, of one kind does not")
SECONDARY_FROM = Constant(0.35, "README about the paper, with code of its method")
METHOD_SEEN = Constant(0.15, "Below this, a repository's code shows nothing of the method")
METHOD_STRONG = Constant(0.35, "Code of the same field by strangers stays below it")
TWINS_FROM = Constant(0.6, "Share of equal files from which two repositories are copies")

LEAST_CODE_LINES = 10
"""Fewer lines of source than this are not an implementation of anything."""
LIST_OF_PAPERS = 12
"""A README that names so many papers is a list, or a library of many methods."""
LEAST_HYPERPARAMETERS = 4
"""With fewer named values in the paper, the share found is divided by this number."""
MOST_TERMS = 60
"""The rarest terms of the method that are looked for."""


def noisy_or(parts: list[float]) -> float:
    """Return the chance that at least one of independent pieces of evidence is right."""
    wrong = 1.0
    for part in parts:
        wrong *= 1 - min(max(part, 0.0), 1.0)
    return 1 - wrong
