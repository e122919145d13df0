"""Keep the validations of a workspace, so that the candidates of a paper become a tree.

A validation is stored under paper and repository; validating again replaces it, and keeps the
judgments if the commit is the same. Copies are recognized when the tree is made, because only then
all candidates are known. A copy for people is written to `papers/<name>.code.md`.
"""

from pathlib import PurePosixPath

from pydantic import BaseModel

from fumehood_tools.files import write_text
from fumehood_tools.papers.library import Library
from fumehood_tools.reading.reading import Reading
from fumehood_tools.settings import Settings
from fumehood_tools.validation.constants import TWINS_FROM
from fumehood_tools.validation.judging import disagreement
from fumehood_tools.validation.models import CheckedJudgement, Validation
from fumehood_tools.validation.tree import CodebaseTree, CodebaseValidation, tree_of
from fumehood_tools.validation.twins import Print, is_copy_of, likeness
from fumehood_tools.validation.validate import Validated

_PREFIX = "codebase "


class _Kept(BaseModel, frozen=True):
    validation: Validation
    print: Print


class ValidationShelf:
    """The validations of one workspace's papers."""

    def __init__(self, settings: Settings, library: Library) -> None:
        self._settings, self._library = settings, library

    def put(
        self, reading: Reading, validated: Validated, judgements: list[CheckedJudgement]
    ) -> CodebaseValidation:
        """Store a validation with the accepted judgments; a new one replaces one of its name.

        Returns it with all of its judgments, also the rejected ones of this call, and the tree.
        """
        new, known = validated.validation, self._kept(reading.paper, validated)
        earlier = known.validation.judgements if known and _same_code(known, validated) else []
        named = {it.judgement.component.lower(): it for it in earlier}
        named |= {it.judgement.component.lower(): it for it in judgements if it.accepted}
        kept = new.model_copy(update={"judgements": list(named.values())})
        kept = kept.model_copy(
            update={"disagreement": disagreement(kept.judgements, kept.standing, kept.method)}
        )
        stored = _Kept(validation=kept, print=validated.print)
        self._library.keep(_name(reading.paper, kept.repository), stored.model_dump())
        everything = self._all(reading.paper)
        tree = tree_of(reading.paper, [_without_twins(it, everything) for it in everything])
        write_text(self._settings.workspace / _file(reading), tree.text())
        shown = _without_twins(stored, everything)
        rejected = [it for it in judgements if not it.accepted]
        return CodebaseValidation(
            validation=shown.model_copy(update={"judgements": [*rejected, *kept.judgements]}),
            tree=tree,
        )

    def tree(self, paper: str) -> CodebaseTree:
        """Return all validated repositories of a paper by class, copies set below originals."""
        kept = self._all(paper)
        return tree_of(paper, [_without_twins(it, kept) for it in kept])

    def _all(self, paper: str) -> list[_Kept]:
        kept = self._library.kept_under(f"{_PREFIX}{_escaped(paper)} ")
        return [_Kept.model_validate(it) for it in kept]

    def _kept(self, paper: str, validated: Validated) -> _Kept | None:
        found = self._library.kept(_name(paper, validated.validation.repository))
        return None if found is None else _Kept.model_validate(found[0])


def _same_code(known: _Kept, new: Validated) -> bool:
    same = known.validation.commit == new.validation.commit
    return same and known.print.digests == new.print.digests


def _without_twins(one: _Kept, everything: list[_Kept]) -> Validation:
    """Return a validation, of a lower class if the repository is a copy of another candidate."""
    found = one.validation
    if found.standing != "primary":
        return found
    for other in everything:
        if (
            other.validation.repository == found.repository
            or other.validation.standing != "primary"
        ):
            continue
        alike = likeness(one.print, other.print)
        if alike < TWINS_FROM.value:
            continue
        copy = _is_copy(one, other)
        if copy is False:
            continue
        what = "a copy of" if copy else "the same files as"
        reason = "" if copy else ", and nothing tells which is the original"
        return found.model_copy(
            update={
                "standing": "secondary",
                "nature": [*found.nature, "fork" if copy else "copy of unknown origin"],
                "why": f"It has {100 * alike:.0f} % {what} {other.validation.repository}{reason}."
                if not copy
                else f"A copy of {other.validation.repository} ({100 * alike:.0f} % of its files).",
            }
        )
    return found


def _is_copy(one: _Kept, other: _Kept) -> bool | None:
    """Return whether the first is the copy. An address that the paper cites is the original."""
    cited = ("cited", "renamed", "cited_owner", "cited_by_metadata")
    a, b = (
        max((it.validation.parts.get(kind, 0) for kind in cited), default=0) for it in (one, other)
    )
    return a < b if a != b else is_copy_of(one.print, other.print)


def _name(paper: str, repository: str) -> str:
    return f"{_PREFIX}{paper} {repository}"


def _escaped(paper: str) -> str:
    """Return a paper's id with the wildcards of GLOB escaped."""
    return "".join(f"[{it}]" if it in "*?[" else it for it in paper)


def _file(reading: Reading) -> PurePosixPath:
    return PurePosixPath(reading.markdown).with_suffix(".code.md")
