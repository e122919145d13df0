"""Definitions of theorems: by `\\newtheorem` and its relatives, and by document classes.

Sources on arXiv do not hold the classes of publishers, so what LNCS, JMLR, LIPIcs, ACM and SIAM
define is listed here.
"""

import re
from collections.abc import Callable

from fumehood_tools.reading.latex.expansion import Stream
from fumehood_tools.reading.latex.tokens import plain

Theorem = tuple[str, str | None, str | None, bool]
"""The printed title, the theorem whose counter is shared, the counter it is numbered within, and
True if it has no number."""

USUAL = ("theorem", "lemma", "corollary", "proposition", "definition", "remark", "conjecture")
"""Theorems that are recognized by their names where nothing defines them."""
_SPRINGER = (
    *(*USUAL, "example", "exercise", "note", "problem", "property", "question", "solution"),
    "case",
)
_WITH_THEOREM = {
    "jmlr": ("lemma", "proposition", "remark", "corollary", "definition", "conjecture", "axiom"),
    "colt": ("lemma", "proposition", "remark", "corollary", "definition", "conjecture", "axiom"),
    "lipics": (*USUAL[1:], "example", "exercise", "observation", "note", "claim"),
    "oasics": (*USUAL[1:], "example", "exercise", "observation", "note", "claim"),
    "acmart": ("conjecture", "proposition", "lemma", "corollary", "example", "definition"),
    "siam": ("lemma", "corollary", "proposition", "definition"),
}
_BY_SECTION = ("acmart", "siam")


def theorems_of(name: str, options: str = "") -> dict[str, Theorem]:
    """Return the theorems that a document class or package defines, by their environments."""
    name = name.lower()
    if name.startswith(("llncs", "svjour", "svmult", "svmono", "lncs")):
        shared = "theorem" if "envcountsame" in options else None
        within = "section" if "envcountsect" in options else None
        springer = {it: _own(it, shared if it != "theorem" else None, within) for it in _SPRINGER}
        return {**springer, "claim": ("Claim", None, None, True)}
    for known, others in _WITH_THEOREM.items():
        if name.startswith(known):
            within = "section" if known in _BY_SECTION else None
            found = {it: _own(it, "theorem", None) for it in others}
            return {**found, "theorem": _own("theorem", None, within), **_EXTRA.get(known, {})}
    return {}


def theorem_named(name: str) -> Theorem:
    """Return what an environment of this name usually is, where nothing defines it."""
    return _own(name, None, None)


def _own(name: str, shared: str | None, within: str | None) -> Theorem:
    return name.capitalize(), shared, within, False


_EXTRA: dict[str, dict[str, Theorem]] = {"jmlr": {"example": _own("example", None, None)}}


def _new_theorem(stream: Stream) -> None:
    """Store the definition `\\newtheorem{name}[shared]{Title}[within]`."""
    unnumbered = stream.starred()
    name = plain(stream.argument()).strip()
    shared = stream.optional()
    title = plain(stream.argument()).strip()
    within = stream.optional()
    stream.state.theorems[name] = (
        title,
        plain(shared).strip() if shared else None,
        plain(within).strip() if within else None,
        unnumbered,
    )


def _new_framed_theorem(stream: Stream) -> None:
    """Store the definition `\\newmdtheoremenv[options]{name}[shared]{Title}[within]`."""
    stream.optional()
    _new_theorem(stream)


def _springer_theorem(stream: Stream) -> None:
    """Store the definition `\\spnewtheorem{name}[shared]{Title}[within]{font}{font}`."""
    _new_theorem(stream)
    stream.argument()
    stream.argument()


def _with_theorem(stream: Stream) -> None:
    """Store the definition `\\newsiamthm{name}{Title}`, which shares the counter of theorems."""
    name = plain(stream.argument()).strip()
    title = plain(stream.argument()).strip()
    stream.state.theorems[name] = title, "theorem", None, False


def _new_proof(stream: Stream) -> None:
    """Store the definition `\\newproof{name}{Title}`."""
    name = plain(stream.argument()).strip()
    stream.state.theorems[name] = plain(stream.argument()).strip(), None, None, True


def _declare_theorem(stream: Stream) -> None:
    """Store the definition `\\declaretheorem[key=value, …]{name, name}[key=value, …]`."""
    options = plain(stream.optional() or [])
    names = plain(stream.argument()).split(",")
    options += "," + plain(stream.optional() or [])
    given = {
        key.strip(): value.strip(" {}")
        for key, _, value in (it.partition("=") for it in re.split(r",(?![^{]*\})", options))
    }
    shared = next(filter(None, map(given.get, ("sibling", "numberlike", "sharenumber"))), None)
    within = next(filter(None, map(given.get, ("numberwithin", "parent", "within"))), None)
    title = given.get("name") or given.get("title") or given.get("heading")
    unnumbered = given.get("numbered") in ("no", "false")
    for name in filter(None, (it.strip() for it in names)):
        own = title or name.rstrip("*").capitalize()
        stream.state.theorems[name] = own, shared, within, unnumbered


DEFINING_THEOREMS: dict[str, Callable[[Stream], None]] = {
    **dict.fromkeys(
        ("\\newtheorem", "\\newframedtheorem", "\\newshadedtheorem", "\\newdefinition"),
        _new_theorem,
    ),
    "\\newmdtheoremenv": _new_framed_theorem,
    "\\spnewtheorem": _springer_theorem,
    **dict.fromkeys(("\\newsiamthm", "\\newsiamremark"), _with_theorem),
    "\\newproof": _new_proof,
    "\\declaretheorem": _declare_theorem,
}
