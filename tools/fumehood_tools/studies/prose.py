"""Prose with references: find typed numbers and typed verdicts, and put in what references say.

In a report every number is a reference, `{{mean:box/topk#explained_variance}}`. Refused, each with
its place: digits, superscripts and fractions; number words, except "one" and counts up to ten of
variants, plans and the like; words that only a verdict may say (supported, significant …); and
HTML entities, behind which a digit could hide.
Multiples count as numbers (twice, tenfold, halves), and so do Roman ones before a unit.
Allowed: numbers of entries that exist, years in citations, numbers of sections, figures and tables,
the numbers of a list that counts from 1, and digits within names: L0, GPT-2, an arXiv id, or a name
of the study.

Not covered: number words of other languages, words that are spelled letter by letter, and what a
sentence says without a number.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

from fumehood_tools.paper_records.number_words import WORDS, value_of

REFERENCE = re.compile(r"\{\{(.*?)\}\}", re.S)
_LIST = re.compile(r"^(?P<indent>[ \t>]*)(?P<number>\d{1,2})[.)](?=\s)")
_END = r"(?!\.?\d|\s?%|\w)"
_SECTION = re.compile(
    r"(?:\b(?:sections?|sec\.|appendix|figures?|fig\.|tables?|equations?|eq\.|algorithms?)\s+|§\s?)"
    rf"[1-9]\d?(?:\.[1-9]\d?){{0,2}}{_END}",
    re.I,
)
_CITATION = re.compile(
    r"[A-Z][\w'’-]+(?:,?\s(?:et\sal\.|and|&|[A-Z][\w'’.-]*)){0,6},?\s\(?(?:19|20)\d\d[a-z]?\)"
)
_IDS = re.compile(rf"\barxiv:\d{{4}}\.\d{{4,5}}(?:v\d{{1,2}})?{_END}|\bdoi:10\.\d{{4,9}}/\S+", re.I)
_FIELD_TERMS = re.compile(
    r"\b(?:L[012]|F1|R2|A100|H[12]00|B200|L40S?|V100|T4|top1|"
    r"(?:GPT|Llama|Gemma|Pythia|Qwen|Mistral|OLMo|Phi|SmolLM)-?\d{1,3}(?:\.\d)?[BM]?)"
    rf"{_END}"
)
_ENTRIES = re.compile(
    r"\b(?P<kind>entr(?:y|ies)|plans?|conclusions?|reflections?|notes?|experiments?|reports?)\s+"
    r"(?P<numbers>\d{1,4}(?:(?:,|,?\s+and|\s+to)\s+\d{1,4})*)"
    rf"{_END}",
    re.I,
)
_COUNTED = (
    "variants? plans? entries parts? ideas? hypothes[ei]s questions? ways? reasons? steps? models? "
    "papers? baselines? experiments? figures? tables? sandboxes limitations? controls? things?"
)
_COUNT = re.compile(
    rf"\s+(?:other\s+|more\s+|of\s+the(?:se|m)?\s+)?(?:{'|'.join(_COUNTED.split())})\b", re.I
)
_WORD = re.compile(
    rf"(?<![\w-])(?:{WORDS})(?![^\W_])(?P<percent>[\s-]?(?:percent|per\scent)\b)?", re.I
)
_TIMES = "two three four five six seven eight nine ten twelve twenty fifty hundred thousand million"
_MULTIPLES = re.compile(
    rf"(?<![\w-])(?:(?:{'|'.join(_TIMES.split())})-?fold|twice|thrice"
    r"|double(?!\s(?:descent|blind|precision))[ds]?|doubling|trebl(?:e[ds]?|ing)"
    r"|(?:tri|quadru|quintu)pl(?:e[ds]?|ing)|halv(?:e[ds]?|ing)|zero(?!-)|nought|hundreds|thousands"
    r"|(?:m|b|tr)illions?|a\s(?:third|quarter|fifth|tenth)\s(?:better|worse)"
    r"|(?=[IVXLCDM]{2})M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
    r"(?=\s?(?:%|‰|per\s?cent|per\s?mille|-?fold|times|seeds|points)))(?![^\W_])",
    re.I,
)
_VERDICTS = re.compile(
    r"\b(?:un)?supported\b|\brefute[ds]?\b|\binconclusive\b|\binert\b|\blost\s+on\s+transfer\b"
    r"|\b(?:pre-?)?registered\b|\bconfirm(?:ed|s|atory)\b|\bsignifican(?:t|tly|ce)\b"
    r"|\bprove[ns]\b|\bproved\b",
    re.I,
)
_LOOK_ALIKE = {"CYRILLIC", "ARMENIAN", "CHEROKEE", "COPTIC"}
_ENTITY = re.compile(r"&(?:#\w{1,8}|\w{2,32});")
_MOST_COUNTED = 10
TYPED_NUMBER = "a typed number. Write it as a reference in {{ }}, or leave it out"
TYPED_VERDICT = (
    "a word that only a verdict may say. Write {{conclusion:ENTRY/VARIANT#verdict}}, or other words"
)


class Fault(NamedTuple):
    """Something in a text that is refused. line, column: from 1."""

    line: int
    column: int
    said: str
    why: str

    def text(self, part: str) -> str:
        """Return the fault as a sentence with its place."""
        return f"{part}, line {self.line}, column {self.column}: {self.said!r} is {self.why}."


class Names(NamedTuple):
    """What digits may belong to.

    names: of variants, sandboxes, subjects, metrics and the like. kinds: number of an entry -> its
    kind.
    """

    names: Collection[str]
    kinds: Mapping[int, str]


def faults_of(text: str, names: Names) -> list[Fault]:
    """Return the typed numbers and verdicts of a report's prose, in order."""
    bare = without_references(text)
    found = [*_stray_braces(bare), *_entities(bare), *invisible(bare), *typed_verdicts(bare)]
    return sorted({*found, *typed_numbers(bare, names)})


def typed_numbers(text: str, names: Names) -> Iterator[Fault]:
    """Yield the numbers in a text without references that are not part of a name or a citation."""
    rest = _without_names(text, names)
    for token in re.finditer(r"\S+", rest):
        if any(letter.isnumeric() for letter in token[0]):
            yield _fault(text, token.start(), token[0], TYPED_NUMBER)
    for word in _WORD.finditer(rest):
        if not _is_a_count(word, rest):
            yield _fault(text, word.start(), word[0], TYPED_NUMBER)
    yield from typed_multiples(rest)


def typed_multiples(text: str) -> Iterator[Fault]:
    """Yield the words in a text without references that say how many times more or less."""
    for word in _MULTIPLES.finditer(text):
        yield _fault(text, word.start(), word[0], TYPED_NUMBER)


def typed_verdicts(text: str) -> Iterator[Fault]:
    """Yield the words in a text without references that only a verdict may say."""
    for word in _VERDICTS.finditer(text):
        yield _fault(text, word.start(), word[0], TYPED_VERDICT)


def invisible(text: str) -> Iterator[Fault]:
    """Yield what hides a word from a reader's search: invisible characters, mixed alphabets."""
    for at, letter in enumerate(text):
        if unicodedata.category(letter) == "Cf":
            yield _fault(text, at, f"U+{ord(letter):04X}", "an invisible character. Remove it")
    for word in re.finditer(r"[^\W\d_]+", text):
        alphabets = {unicodedata.name(letter, "").partition(" ")[0] for letter in word[0]}
        if "LATIN" in alphabets and alphabets & _LOOK_ALIKE:
            why = "a word of letters from two alphabets that look alike. Use one"
            yield _fault(text, word.start(), word[0], why)


def without_references(text: str) -> str:
    """Return the text with spaces in place of its references."""
    return REFERENCE.sub(_blank, text)


def filled_in(text: str, value: Callable[[str], str]) -> str:
    """Return the text with every reference replaced by value(reference)."""
    return REFERENCE.sub(lambda found: value(found[1].strip()), text)


def references_in(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield every reference of a text, with its line and column."""
    for found in REFERENCE.finditer(text):
        place = _fault(text, found.start(), "", "")
        yield found[1].strip(), place.line, place.column


def _without_names(text: str, names: Names) -> str:
    """Return the text with everything blanked in which digits are allowed."""
    known = sorted((n for n in names.names if _is_a_name(n)), key=len, reverse=True)
    for name in known:
        text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w-]|\.\d)", _blank, text)
    text = _without_list_numbers(text)
    for allowed in (_IDS, _SECTION, _CITATION, _FIELD_TERMS):
        text = allowed.sub(_blank, text)
    return _ENTRIES.sub(lambda found: _blank_entries(found, names.kinds), text)


def _without_list_numbers(text: str) -> str:
    """Blank the numbers of lists that count from 1. Others would be numbers at a line's start."""
    following: dict[str, int] = {}
    lines, after_blank = [], False
    for line in text.split("\n"):
        found = _LIST.match(line)
        if found and int(found["number"]) in (1, following.get(found["indent"])):
            following[found["indent"]] = int(found["number"]) + 1
            line = " " * found.end() + line[found.end() :]
        elif after_blank and line[:1].strip():  # a new paragraph ends the lists
            following.clear()
        after_blank = not line.strip()
        lines.append(line)
    return "\n".join(lines)


def _is_a_name(name: str) -> bool:
    """Return whether a name has digits that a text may repeat, and could not be a mere number."""
    return any(c.isdigit() for c in name) and sum(c.isalpha() for c in name) > 1


def _blank_entries(found: re.Match[str], kinds: Mapping[int, str]) -> str:
    """Blank the numbers of entries if all of them exist and are of the kind that is named."""
    said = found["kind"].lower()
    kind = "entry" if said.startswith("entr") else said.removesuffix("s")
    numbers = [int(number) for number in re.findall(r"\d+", found["numbers"])]
    fit = all(number in kinds and kind in ("entry", kinds[number]) for number in numbers)
    return _blank(found) if fit else found[0]


def _is_a_count(word: re.Match[str], text: str) -> bool:
    """Return whether a number word counts variants, plans and the like, or is the word "one"."""
    if word["percent"]:
        return False
    if word[0].lower() == "one":
        return True
    value = value_of(word[0])
    small = value == int(value) and value <= _MOST_COUNTED
    return small and _COUNT.match(text, word.end()) is not None


def _stray_braces(bare: str) -> Iterator[Fault]:
    for found in re.finditer(r"\{\{|\}\}", bare):
        why = "half of a reference. Write {{ and }} around each"
        yield _fault(bare, found.start(), found[0], why)


def _entities(bare: str) -> Iterator[Fault]:
    for found in _ENTITY.finditer(bare):
        yield _fault(bare, found.start(), found[0], "an HTML entity. Write the character itself")


def _blank(found: re.Match[str]) -> str:
    """Return spaces in place of a match, so that places stay the same."""
    return "".join("\n" if letter == "\n" else " " for letter in found[0])


def _fault(text: str, start: int, said: str, why: str) -> Fault:
    line = text.count("\n", 0, start) + 1
    column = start - (text.rfind("\n", 0, start) + 1) + 1
    return Fault(line, column, said.strip(".,;:!?"), why)
