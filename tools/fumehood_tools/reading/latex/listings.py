"""Program listings: environments whose text TeX reads verbatim, with those that a paper defines.

`own_listings` finds the definitions in all files of a paper, because they decide how its text is
split into tokens. `split_listing` separates the options of one listing from its code.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple


class ListingKind(NamedTuple):
    """How a listing environment begins: its arguments (o optional, m mandatory), and its options.

    In the options, #1 to #9 stand for the arguments. `visible_label` says that the option `label`
    is printed above the code, as in fancyvrb, and is not a label to refer to.
    """

    signature: str = ""
    options: str = ""
    default: str = ""
    visible_label: bool = False


_PLAIN, _OPTIONAL = ListingKind(), ListingKind("o", "#1")
_FANCY = ListingKind("o", "#1", "", visible_label=True)
LISTINGS: dict[str, ListingKind] = {
    **dict.fromkeys(("verbatim", "verbatim*", "alltt", "pyverbatim"), _PLAIN),
    **dict.fromkeys(("bashcode", "pythoncode", "code", "lstlisting", "lstlisting*"), _OPTIONAL),
    **dict.fromkeys(("filecontents", "filecontents*"), _OPTIONAL),
    **dict.fromkeys(("Verbatim", "Verbatim*", "BVerbatim", "LVerbatim", "spverbatim"), _FANCY),
    "minted": ListingKind("om", "#1", "", visible_label=True),
    **dict.fromkeys(("tcblisting", "tcblisting*"), ListingKind("m", "#1")),
}
_DEFINING = re.compile(
    r"\\(lstnewenvironment|(?:re)?newtcblisting|(?:New|Renew|Declare|Provide)TCBListing|"
    r"(?:Define|Custom|Recustom)VerbatimEnvironment|newminted)(?![A-Za-z])\s*"
)
_MENTIONS = ("\\lstnew", "tcblisting", "TCBListing", "VerbatimEnvironment", "\\newminted")
_CLOSING = {"{": "}", "[": "]"}
_SPECIAL = re.compile(r"\\[\s\S]|[{}\[\]]")
_LONGEST = 4_000


def own_listings(texts: Iterable[str]) -> dict[str, ListingKind]:
    """Return all listing environments: those of LaTeX, and those that the texts define."""
    found = dict(LISTINGS)
    for text in texts:
        if not any(word in text for word in _MENTIONS):
            continue
        for match in _DEFINING.finditer(text):
            reader = _Arguments(text, match.end())
            name, kind = _definition(match.group(1), reader)
            if name:
                found[name] = kind
    return found


def _definition(command: str, reader: "_Arguments") -> tuple[str, ListingKind]:
    if command == "newminted":
        given = reader.optional()
        name = given if given is not None else f"{reader.group() or ''}code"
        return name.strip(), _PLAIN
    if command.endswith("VerbatimEnvironment"):
        name, _, options = reader.group() or "", reader.group(), reader.group() or ""
        return name.strip(), ListingKind("o", f"{options},#1", "", visible_label=True)
    if command != "lstnewenvironment":
        reader.optional()
    name = (reader.group() or "").strip()
    if command.endswith("TCBListing"):
        signature = "".join(
            re.findall(r"[mo]", re.sub(r"O\s*\{[^{}]*\}", "o", reader.group() or ""))
        )
        return name, ListingKind(signature, reader.group() or "")
    count, default = reader.optional(), reader.optional()
    options = reader.group() or ""
    if command == "lstnewenvironment":
        start = options.find("\\lstset")
        options = (_Arguments(options, start + 7).group() or "") if start >= 0 else ""
    number = int(count) if count and count.strip().isdigit() else 0
    signature = "m" * number if default is None else "o" + "m" * (number - 1)
    return name, ListingKind(signature, options, default or "")


def split_listing(text: str, kind: ListingKind) -> tuple[str, str]:
    """Return the options of a listing, with its arguments filled in, and its code."""
    reader = _Arguments(text, 0)
    given: list[str] = []
    for letter in kind.signature:
        argument = reader.optional(near=True) if letter == "o" else reader.group()
        given.append(kind.default if argument is None and letter == "o" else argument or "")
    options = re.sub(
        r"#([1-9])",
        lambda match: given[int(match.group(1)) - 1] if int(match.group(1)) <= len(given) else "",
        kind.options,
    )
    return options, text[reader.at :].strip("\n").rstrip()


class _Arguments:
    """Reads arguments in braces and brackets from the source of a paper."""

    def __init__(self, text: str, at: int) -> None:
        self._text = text
        self.at = at

    def group(self) -> str | None:
        """Return the next argument in braces; None if there is none."""
        return self._read("{")

    def optional(self, near: bool = False) -> str | None:
        """Return the next argument in brackets; None if there is none.

        near: it must begin on this line, unless it is clearly a list of options. A line of code
        may begin with a bracket.
        """
        before = self.at
        inside = self._read("[")
        if near and inside is not None and "=" not in inside:
            start = self._text.find("[", before)
            if "\n" in self._text[before:start]:
                self.at = before
                return None
        return inside

    def _read(self, opening: str) -> str | None:
        start = self.at
        while start < len(self._text) and self._text[start] in " \t\n*%":
            start += 1
        if not self._text.startswith(opening, start):
            return None
        depth = 0
        for match in _SPECIAL.finditer(self._text, start + 1, start + _LONGEST):
            sign = match.group()
            if depth == 0 and sign == _CLOSING[opening]:
                self.at = match.end()
                return self._text[start + 1 : match.start()]
            depth += {"{": 1, "}": -1}.get(sign, 0)
        return None
