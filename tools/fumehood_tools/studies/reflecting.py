"""Record a reflection: an insight, the next step, and the evidence that was checked for them.

Every piece of evidence is a reference or a quotation. It is resolved when the reflection is
written, and kept with what it said and the receipt that it rests on. Refused: an insight without
evidence, a number in it that no evidence has, and a verdict in it that no cited conclusion gives.
Notes (hypotheses, ideas, failed ideas, decisions) are the author's own words, and are not checked.
"""

from collections.abc import Sequence
from decimal import Decimal

from pydantic import BaseModel, Field

from fumehood_tools.errors import BadRequest, FumehoodError
from fumehood_tools.paper_records.normal_form import clean
from fumehood_tools.paper_records.numbers import Number, claimed, numbers_in
from fumehood_tools.studies.entries import Evidence, EvidenceKind, Note, NoteKind, Reflection
from fumehood_tools.studies.notebook import Entry, append
from fumehood_tools.studies.prose import (
    filled_in,
    invisible,
    references_in,
    typed_multiples,
    typed_verdicts,
)
from fumehood_tools.studies.references.resolving import Resolved, Resolver
from fumehood_tools.studies.references.stating import EXPLORATORY
from fumehood_tools.timestamps import now

MOST_EVIDENCE = 30
_KINDS: dict[str, EvidenceKind] = {
    **dict.fromkeys(("score", "mean", "sd"), "receipt"),
    **dict.fromkeys(("conclusion", "holdout", "plan", "study", "entry"), "entry"),
    **dict.fromkeys(("quote", "pack"), "quote"),
}
_HUNDRED = Decimal(100)


class NewNote(BaseModel, frozen=True, extra="forbid"):
    """A remark to enter in the study."""

    kind: NoteKind
    text: str = Field(min_length=1, max_length=4_000)
    about: list[str] = Field(default_factory=list, max_length=20, description="ids")


class Recorded(BaseModel, frozen=True):
    """What was entered, and what the evidence said."""

    entries: list[int] = Field(description="numbers of the new entries, the reflection first")
    evidence: list[Evidence]


def record_reflection(
    resolver: Resolver,
    insight: str,
    next_step: str,
    evidence: Sequence[str],
    notes: Sequence[NewNote] = (),
) -> Recorded:
    """Check a reflection and append it, and then its notes, to the study.

    insight: may have references in it, as a report. Raises BadRequest with every fault that was
    found; nothing is entered then.
    """
    cited = [*evidence, *(text for text, _, _ in references_in(insight))]
    found = _resolved(resolver, cited)
    _refuse_unsupported(insight, found)
    by_text = {" ".join(one.reference.text.split()): one for one in found}
    told = filled_in(insight, lambda text: by_text[" ".join(text.split())].stated.shown)
    kept = [_evidence(one) for one in found]
    reflection = Reflection(insight=told, next_step=next_step, evidence=kept, written=now())
    name, workspace = resolver.study.name, resolver.workspace
    entries = [append(workspace, name, reflection)]
    entries += [_enter(resolver, note) for note in notes]
    return Recorded(entries=[one.number for one in entries], evidence=kept)


def _enter(resolver: Resolver, note: NewNote) -> Entry:
    content = Note(kind=note.kind, text=note.text, about=note.about, written=now())
    return append(resolver.workspace, resolver.study.name, content)


def _resolved(resolver: Resolver, cited: Sequence[str]) -> list[Resolved]:
    """Return all evidence without duplicates. Raises BadRequest with what cannot be resolved."""
    if not cited:
        raise BadRequest(
            "An insight needs evidence. Pass at least one reference, such as "
            "conclusion:5/VARIANT#effect, mean:SANDBOX/LABEL#METRIC or quote:PAPER 'words'. "
            "What you only suspect is a note of kind hypothesis."
        )
    found: dict[str, Resolved] = {}
    faults = []
    for number, text in enumerate(cited, 1):
        try:
            one = resolver.resolve(text)
            found[one.reference.text] = one
        except FumehoodError as error:
            faults.append(f"evidence {number}: {error}")
    if len(found) > MOST_EVIDENCE:
        faults.append(f"{len(found)} pieces of evidence; cite the {MOST_EVIDENCE} that matter.")
    if faults:
        raise BadRequest("\n".join(["The reflection was not entered.", *faults[:10]]))
    return list(found.values())


def _evidence(one: Resolved) -> Evidence:
    receipt = one.basis[0].receipt if len(one.basis) == 1 else None
    return Evidence(
        kind=_KINDS[one.reference.kind],
        reference=one.reference.text,
        found=one.stated.shown,
        receipt=receipt,
        receipts=one.receipts if len(one.basis) > 1 else {},
    )


def _refuse_unsupported(insight: str, found: Sequence[Resolved]) -> None:
    """Raise BadRequest for numbers and verdicts in an insight that no evidence has."""
    bare = filled_in(insight, lambda _: " ")
    known = [Decimal(repr(value)) for one in found for value in one.stated.numbers]
    for one in found:
        known += [value for n in numbers_in(clean(one.stated.shown)) for value in n.meanings]
    faults = [
        f"{number.text!r} is a number that no evidence has. Cite the receipt that it is from, or "
        "leave it out."
        for number in claimed(clean(bare))
        if not any(_is_rounded(number, value) for value in known)
    ]
    faults += _verdict_faults(bare, found)
    faults += [
        f"{fault.said!r} is {fault.why}." for fault in (*typed_multiples(bare), *invisible(bare))
    ]
    if faults:
        raise BadRequest("\n".join(["The reflection was not entered.", *faults[:10]]))


def _is_rounded(number: Number, value: Decimal) -> bool:
    """Return whether a typed number is a value, rounded to the places that were typed."""
    digits = number.text.strip().rstrip("%").strip()
    places = len(digits.partition(".")[2]) if digits.replace(".", "", 1).isdigit() else 0
    percent = "%" in number.text or "percent" in number.text.lower()
    wanted = abs(number.value)
    for one in (abs(value), *([abs(value) * _HUNDRED] if percent else [])):
        is_close = abs(wanted - one) <= Decimal("0.5").scaleb(-places)
        # A whole number stands for a count or a large value: 1 is not a rounded 0.73.
        if wanted == one or (is_close and (places > 0 or one >= 10)):
            return True
    return False


def _verdict_faults(bare: str, found: Sequence[Resolved]) -> list[str]:
    """Return what is wrong with the words of verdicts in an insight."""
    verdicts = {one.stated.verdict for one in found if one.stated.verdict}
    typed = list(typed_verdicts(bare))
    faults = [
        f"{word.said!r} is a word that only a verdict may say. Cite "
        "conclusion:ENTRY/VARIANT#verdict with that verdict, or use other words."
        for word in typed
        if word.said.lower() not in verdicts
    ]
    exploratory = [one.reference.text for one in found if one.stated.exploratory]
    if exploratory and typed and EXPLORATORY.lower() not in bare.lower():
        faults.append(f"{exploratory[0]} is exploratory, so the insight must say so.")
    return faults
