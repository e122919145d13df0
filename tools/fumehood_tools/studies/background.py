"""The background of a new study: quotations in it are checked, as those of a reflection are.

A quotation is an item `quote:PAPER "words"` or `pack:PACK/PATH#FIRST-LAST`, or one within other
text in {{ }}. Words that the source does not have refuse the study. Everything else is the author's
own text, and is not checked. Opens documents and packs only for quotations.
"""

from collections.abc import Sequence

from fumehood_tools.errors import BadRequest, FumehoodError
from fumehood_tools.studies.prose import filled_in, references_in
from fumehood_tools.studies.references.grammar import read_reference
from fumehood_tools.studies.references.quotes import Sources

_KINDS = ("quote", "pack")


def checked_background(items: Sequence[str], sources: Sources) -> list[str]:
    """Return the items, each quotation with the words and the place of its source.

    Raises BadRequest with every quotation that its source does not have.
    """
    found, faults = [], []
    for number, item in enumerate(items, 1):
        try:
            found.append(_checked(item, sources))
        except FumehoodError as error:
            faults.append(f"background {number}: {error}")
    if faults:
        head = "The study was not opened, because its background has errors:"
        raise BadRequest("\n".join([head, *faults[:10]]))
    return found


def _checked(item: str, sources: Sources) -> str:
    said = item.strip()
    if said.startswith(tuple(f"{kind}:" for kind in _KINDS)):
        return f"{said} says {_said(said, sources)}"
    shown = {text: _said(text, sources) for text, _, _ in references_in(item)}
    return filled_in(item, lambda text: shown[text])


def _said(text: str, sources: Sources) -> str:
    reference = read_reference(text)
    if reference.kind not in _KINDS:
        raise BadRequest(
            f"{text[:80]!r} is about measurements, which a new study has none of. Cite a paper or "
            'a pack here (quote:PAPER "words", pack:PACK/PATH#FIRST-LAST), and measurements in '
            "record_reflection."
        )
    return sources.find(reference).shown
