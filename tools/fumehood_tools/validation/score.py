"""Turn evidence into a score, a class and the reasons, with rules that no sum of points overrides.

Score = identity x (0.65 + 0.35 x method). Identity is a noisy-or over groups of evidence, of each
group its strongest piece. The rules come before the thresholds: no code is no class; a list of
papers, a fork or a re-implementation is never primary; a method that is alike makes nothing.
"""

from typing import NamedTuple

from fumehood_tools.validation.constants import (
    GROUPS,
    LEAST_CODE_LINES,
    METHOD_SEEN,
    METHOD_STRONG,
    PRIMARY_FROM,
    SECONDARY_FROM,
    SHARE_OF_METHOD,
    UNKNOWN_METHOD,
    UNOFFICIAL,
    noisy_or,
)
from fumehood_tools.validation.models import Evidence, Standing

TIES = frozenset({"cited", "cited_by_metadata", "renamed", "names_paper", "cff", "holds_paper"})
"""Evidence that ties a repository to this paper, and not only to its authors."""
PEOPLE = frozenset({"cited_owner", "authors", "handle", "byline", "one_author"})


class Case(NamedTuple):
    """All that the class depends on. nature: see `nature.nature_of`."""

    kinds: dict[str, float]
    """Kind of identity evidence -> its strength."""
    method: float
    nature: tuple[str, ...]
    code_lines: int
    has_method_text: bool
    cited_elsewhere: str
    used_by_paper: bool


class Verdict(NamedTuple):
    """The class of a repository and the reasons."""

    standing: Standing
    score: float
    identity: float
    parts: dict[str, float]
    why: str
    missing: tuple[str, ...]


def judge(case: Case) -> Verdict:
    """Return the class and score of a case."""
    parts: dict[str, float] = {}
    for group in GROUPS:
        best = max((it for it in group if it in case.kinds), key=case.kinds.__getitem__, default="")
        if best:
            parts[best] = case.kinds[best]
    if not case.kinds.keys() & TIES:
        # People write many repositories, so theirs must have the method to be this paper's.
        share = min(1.0, case.method / METHOD_STRONG.value)
        parts = {kind: it * share if kind in PEOPLE else it for kind, it in parts.items()}
    identity = noisy_or(list(parts.values()))
    # An abstract says too little about the method for its absence to count.
    method = case.method if case.has_method_text else max(case.method, UNKNOWN_METHOD.value)
    score = identity * (1 - SHARE_OF_METHOD.value + SHARE_OF_METHOD.value * method)
    if "re-implementation" in case.nature:
        score *= UNOFFICIAL.value
    if case.code_lines < LEAST_CODE_LINES:
        score *= case.code_lines / LEAST_CODE_LINES / 2
    standing, why = _standing(case, score)
    return Verdict(
        standing, round(score, 3), round(identity, 3), parts, why, _missing(case, standing)
    )


def _standing(case: Case, score: float) -> tuple[Standing, str]:
    has = case.kinds.keys()
    names = bool(has & {"names_paper", "cff", "holds_paper"})
    linked = bool(has & {"cited", "cited_by_metadata", "renamed"})
    people = bool(has & {"authors", "handle", "claims", "cited_owner"})
    if "list of papers" in case.nature:
        if names or "mentions_paper" in has:
            return "mentioned", "A list of papers that has this one."
        return "unknown", "A list of papers without this one."
    if case.code_lines < LEAST_CODE_LINES:
        word = "names the paper but has" if names or linked else "has"
        return "unknown", f"The repository {word} no source code."
    copy = next((it for it in case.nature if it in ("fork", "re-implementation")), "")
    if copy and (names or linked or people):
        return "secondary", f"A {copy} of the paper's code: {_told(case)}."
    seen = case.method >= METHOD_SEEN.value or not case.has_method_text
    wrote = bool(has & {"authors", "handle"})
    same_name = wrote and "name" in has and case.method >= METHOD_STRONG.value
    two = (linked and (names or people or "name" in has or seen)) or (names and people) or same_name
    if two and seen and not case.cited_elsewhere and score >= PRIMARY_FROM.value:
        return "primary", f"Independent evidence agrees: {_told(case)}."
    if names and seen and score >= SECONDARY_FROM.value:
        reason = (
            f"the paper cites {case.cited_elsewhere}"
            if case.cited_elsewhere
            else (
                "nothing shows that its authors wrote it"
                if not people
                else "its method is hardly here"
            )
        )
        return "secondary", f"It is about the paper, but {reason}: {_told(case)}."
    if wrote and case.method >= METHOD_STRONG.value:
        return "secondary", f"Code of the authors with the paper's method: {_told(case)}."
    if names or linked or has & {"mentions_paper", "id_in_code"}:
        return "mentioned", f"It names the paper, or the paper names it: {_told(case)}."
    if case.used_by_paper:
        return "mentioned", "The paper names it as something that it uses."
    return "unknown", "Nothing connects it to the paper" + (
        f" but {_told(case)}." if has else ", whatever its method has in common."
    )


def _told(case: Case) -> str:
    words = {
        "cited": "the paper cites this address",
        "cited_owner": "the paper cites its owner",
        "cited_by_metadata": "it claims the cited address",
        "renamed": "it moved from the cited address",
        "names_paper": "README is about the paper",
        "cff": "CITATION.cff names the paper",
        "holds_paper": "the paper's source is here",
        "mentions_paper": "README mentions the paper",
        "id_in_code": "the code names the paper",
        "authors": "authors of the paper wrote it",
        "handle": "the owner is an author",
        "byline": "README names the authors",
        "one_author": "one author's surname",
        "claims": "README says that it is the paper's",
        "name": "it has the method's name",
        "name_words": "its name resembles the title",
    }
    told = [words[kind] for kind in words if kind in case.kinds]
    return ", ".join([*told, f"method {case.method:.2f}"])


def _missing(case: Case, standing: Standing) -> tuple[str, ...]:
    has = case.kinds.keys()
    is_used = standing == "mentioned" and case.used_by_paper and not has
    if standing == "primary" or is_used:
        return ()
    wanted = (
        (
            not has & {"cited", "renamed", "cited_by_metadata"},
            "a link from the paper to this address",
        ),
        (not has & {"names_paper", "cff"}, "the paper's title or id in README or CITATION.cff"),
        (not has & {"authors", "handle"}, "an author of the paper among those who wrote it"),
        (case.method < METHOD_SEEN.value, "the paper's terms and numbers in the source"),
        (not case.has_method_text, "the text of the paper's method: only its abstract is known"),
        (case.code_lines < LEAST_CODE_LINES, "source code"),
    )
    return tuple(text for lacking, text in wanted if lacking)


def strengths(found: list[Evidence]) -> dict[str, float]:
    """Return the strength of each kind of identity evidence, the strongest if there are several."""
    kinds: dict[str, float] = {}
    for one in found:
        if one.part == "identity":
            kinds[one.kind] = max(kinds.get(one.kind, 0.0), one.strength)
    return kinds
