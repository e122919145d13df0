"""Split the names in a BibTeX `author` field, as BibTeX does and as people really write them.

split_names("Berg, Jr., Jan AND {Barnes and Noble, Inc.} and others")
    -> ["Jan Berg, Jr.", "{Barnes and Noble, Inc.}"]

Names come back in reading order and still contain their LaTeX. A name in braces is one name.
"""

import re

_AND = re.compile(r"(?<=\s)and(?=\s)", re.I)
_COMMA = re.compile(",")
_BLANK = re.compile(r"[\s~]+")
_JUNIOR = re.compile(r"(?:[JS]r\.?|I{2,3}|IV|2nd|3rd|4th)", re.I)
_INITIALS_FIRST = re.compile(r"(?:[A-Z]\.[\s~-]*)+[^\W\d_]{2}")
_COMPANY = re.compile(r"(?:inc|ltd|llc|gmbh|corp|co|s\.?a|plc)\.?", re.I)
_OTHERS = re.compile(r"(?:others|et\.?[\s~\\]*al\b\.?|\.\.\.|\\l?dots)", re.I)
_ET_AL = re.compile(r",?\s+(?:et\.?[\s~\\]+al\b\.?|and\s+others)\s*$", re.I)
_ORGANIZATION = re.compile(
    r"\b(?:organi[sz]ation|inc|ltd|gmbh|corp|llc|company|team|group|consortium|union"
    r"|collaboration|university|institute|laborator(?:y|ies)|labs?|foundation|committee|society"
    r"|association|agency|department|ministry|commission|council|cent(?:er|re)|network|project"
    r"|alliance|workshop|community|contributors|developers|bureau|office|(?-i:AI)|research)\b",
    re.I,
)


def split_names(value: str) -> list[str]:
    """Return the names in reading order, without "others" and "et al."."""
    found: list[str] = []
    for written in _outside_braces(_AND, _ET_AL.sub("", f" {value} ")):
        name = " ".join(written.split()).strip(" ,;")
        if name and not _OTHERS.fullmatch(name.strip("{} ")):
            found += _in_reading_order(name)
    return found


def family_of_first(value: str) -> str:
    """Return the family name of the first of the names, with its particle, as BibTeX sorts by it.

    Its LaTeX is kept. A name in braces is one word, and so the family name.
    """
    first = " ".join(_outside_braces(_AND, f" {value} ")[0].split())
    family, *given = _outside_braces(_COMMA, first)
    words = [word for word in _outside_braces(_BLANK, family) if word]
    if given or len(words) < 2:
        return family.strip()
    particle = next((n for n, word in enumerate(words[1:-1], 1) if word[0].islower()), -1)
    return " ".join(words[particle:])


def is_organization(name: str) -> bool:
    """Return whether a plain name looks like that of an organization and not of a person."""
    return bool(_ORGANIZATION.search(name)) or " and " in name.lower() or " & " in name


def family_first(name: str) -> str:
    """Return a plain name in reading order as BibTeX must be given it.

    Only a name that ends in a junior part is turned around: BibTeX knows no other form for it.
    """
    whole, comma, junior = name.rpartition(",")
    if not comma or not _JUNIOR.fullmatch(junior.strip()):
        return name
    words = whole.split()
    start = len(words) - 1
    while start > 1 and words[start - 1][:1].islower():
        start -= 1
    return f"{' '.join(words[start:])}, {junior.strip()}, {' '.join(words[:start])}".rstrip(", ")


def without_junior(words: list[str]) -> list[str]:
    """Return the words of a name without a last "Jr." or "III"."""
    is_junior = len(words) > 1 and _JUNIOR.fullmatch(words[-1].strip(","))
    return words[:-1] if is_junior else words


def _in_reading_order(name: str) -> list[str]:
    parts = [part.strip() for part in _outside_braces(_COMMA, name) if part.strip()]
    if len(parts) < 2:
        return parts
    if len(parts) == 2:
        if _JUNIOR.fullmatch(parts[1]) or _COMPANY.fullmatch(parts[1]):
            return [f"{parts[0]}, {parts[1]}"]
        if all(map(_INITIALS_FIRST.match, parts)):
            return parts
        return [f"{parts[1]} {parts[0]}"]
    if len(parts) == 3:
        for junior, given in ((1, 2), (2, 1)):
            if _JUNIOR.fullmatch(parts[junior]):
                return [f"{parts[given]} {parts[0]}, {parts[junior]}"]
    if all(len(part.split()) > 1 for part in parts):
        # "Pardoe F., Kirk T., Whit D.": commas where BibTeX wants "and".
        return parts
    if len(parts) % 2 == 0:
        return [f"{given} {family}" for family, given in zip(parts[::2], parts[1::2], strict=True)]
    return [f"{parts[-1]} {parts[0]}, {', '.join(parts[1:-1])}"]


def _outside_braces(separator: re.Pattern[str], text: str) -> list[str]:
    """Split a text at the separators that are not in braces.

    bibtexparser's own function loses an accent at the start of a name, as in "A and \\v{S}".
    """
    parts, start, depth = [], 0, 0
    for place in re.finditer(rf"\\.|[{{}}]|{separator.pattern}", text, separator.flags | re.S):
        if place.group() in "{}":
            depth = max(0, depth + (1 if place.group() == "{" else -1))
        elif not depth and place.group()[0] != "\\":
            parts.append(text[start : place.start()])
            start = place.end()
    return [*parts, text[start:]]
