"""References to labels, as \\ref, hyperref and cleveref print them.

A label that the source does not have is printed as ??, as LaTeX does, and told in a warning.
"""

from itertools import groupby

from fumehood_tools.reading.latex.composing import Composer, Handler, Target, tidy
from fumehood_tools.reading.latex.expansion import Stream
from fumehood_tools.reading.latex.tokens import plain

_NAMES = {
    **{"subsection": "Section", "subsubsection": "Section", "item": "Item", "code": "Listing"},
    **{"paragraph": "Section", "subparagraph": "Section", "equation": "Equation"},
}
_MOST_MISSING = 200
_REFS = {
    "ref": "ref pageref subref autopageref vref labelcref cpageref vpageref",
    "eqref": "eqref",
    "autoref": "autoref Autoref fullref",
    "cref": "cref",
    "Cref": "Cref",
    "nameref": "nameref Nameref titleref",
    "namecref": "namecref namecrefs lcnamecref lcnamecrefs",
    "nameCref": "nameCref nameCrefs",
}


def _reference(kind: str) -> Handler:
    def handler(composer: Composer, stream: Stream) -> None:
        stream.starred()
        stream.optional()
        composer.mark(kind, tidy(plain(stream.argument())))

    return handler


def _range(kind: str) -> Handler:
    """Handle `\\crefrange{first}{last}`."""

    def handler(composer: Composer, stream: Stream) -> None:
        stream.starred()
        first, last = tidy(plain(stream.argument())), tidy(plain(stream.argument()))
        composer.mark(kind, f"{first},{last}")

    return handler


def _name(composer: Composer, stream: Stream) -> None:
    """Store the words of `\\crefname{kind}{one}{several}`."""
    kind = plain(stream.argument()).strip()
    composer.names[kind] = (
        composer.inline(stream.passage()),
        composer.inline(stream.passage()),
    )


def referred(composer: Composer, kind: str, keys: str) -> str:
    """Return the text that a reference prints."""
    names = [key.strip() for key in keys.split(",")]
    targets = [_target(composer, name) for name in names]
    match kind:
        case "eqref":
            return ", ".join(f"({_number(target)})" for target in targets)
        case "nameref":
            return ", ".join(target.title or _number(target) for target in targets)
        case "namecref" | "nameCref":
            word = _word(composer, targets[0].kind, several=False, capital=kind == "nameCref")
            return word if kind == "nameCref" else word[:1].lower() + word[1:]
        case "ref":
            return ", ".join(map(_number, targets))
        case "refrange":
            return " to ".join(map(_number, targets))
    return _with_words(composer, kind, targets)


def _target(composer: Composer, name: str) -> Target:
    found = composer.labels.get(name)
    if found is None:
        if name and len(composer.missing) < _MOST_MISSING:
            composer.missing[name] = None
        return Target("", "??")
    return found


def _number(target: Target) -> str:
    return target.number or target.title or "??"


def _with_words(composer: Composer, kind: str, targets: list[Target]) -> str:
    said: list[str] = []
    for _, group in groupby(targets, key=lambda target: _NAMES.get(target.kind, target.kind)):
        same = list(group)
        word = _word(composer, same[0].kind, len(same) > 1, kind[0] != "c")
        joint = " to " if kind.endswith("range") and len(same) == len(targets) else ", "
        numbers = joint.join(map(_number, same))
        said.append(f"{word} {numbers}" if word else numbers)
    return ", ".join(said)


def _word(composer: Composer, kind: str, several: bool, capital: bool) -> str:
    """Return the word for a kind of target: the paper's own, as it is, or ours, capitalized."""
    if own := composer.names.get(kind):
        word = own[several]
        return word[:1].upper() + word[1:] if capital else word
    word = _NAMES.get(kind, kind.capitalize())
    if not several or not word:
        return word
    if word == "Appendix":
        return "Appendices"
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


def missing_labels(composer: Composer) -> list[str]:
    """Return a warning about references to labels that the source does not have, if any."""
    if not composer.missing:
        return []
    names = list(composer.missing)
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return [
        f"The source has no label for these references, which are shown as ??: "
        f"{', '.join(name[:60] for name in names[:10])}{more}."
    ]


CROSSREF_HANDLERS: dict[str, Handler] = {
    **{f"\\{name}": _reference(kind) for kind, names in _REFS.items() for name in names.split()},
    **dict.fromkeys(("\\crefrange", "\\cpagerefrange"), _range("crefrange")),
    "\\Crefrange": _range("Crefrange"),
    **dict.fromkeys(("\\labelcrefrange", "\\vrefrange"), _range("refrange")),
    **dict.fromkeys(("\\crefname", "\\Crefname"), _name),
}
