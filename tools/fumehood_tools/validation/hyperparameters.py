"""Find named numbers in papers and in code, and compare them by name and value.

A paper writes "a learning rate of 3e-4", code writes `lr=0.0003`: names are compared by the stems
of their words and by common abbreviations, numbers by value. Some of a repository's numbers agree
by chance. For every name, that chance is estimated from the repository itself: how often the value
stands at its other names, and how many values the name has. So a large repository, which has every
number somewhere, gains nothing from it.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from fumehood_tools.paper_records.normal_form import clean
from fumehood_tools.paper_records.numbers import numbers_in
from fumehood_tools.papers.terms import stem
from fumehood_tools.validation.sources import SourceFile

_ALIASES = {
    "lr": ("learn", "rate"), "wd": ("weight", "decay"), "bs": ("batch", "size"),
    "eps": ("epsilon",), "temp": ("temperatur",), "gamma": ("discount",), "mom": ("momentum",),
    "dim": ("dimens",), "dims": ("dimens",), "ch": ("channel",), "reg": ("regular",),
    "iters": ("iter",), "prob": ("probabl",), "thresh": ("threshold",), "clip": ("clip",),
    "hid": ("hidden",), "emb": ("embed",), "k": ("k", "topk"), "topk": ("k", "topk"),
    "sigma": ("sigma",), "seq": ("sequenc",), "len": ("length",), "ctx": ("context",),
}  # fmt: skip
# Words that name no quantity by themselves.
_EMPTY_WORDS = (
    "a an the of to is at by with and or for in on as from that each per we use our set are "
    "be was were than until into over about number num n size valu default max min most least "
    "total first last all every ever after befor below abov onli same then also rang between "
    "rate weight follow step up it its their this these those more less equal respect figur "
    "tabl section eq refer et al version v page x"
)
_EMPTY = frozenset(_EMPTY_WORDS.split())
_PAIRED = frozenset({"rate", "weight", "step", "size", "number"})
"""Words that count only together with another one: "learning rate", "batch size"."""
_NUMBER = r"[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_ASSIGNED = re.compile(
    rf"(?<![\w.-])([A-Za-z_]\w*(?:[-.]\w+)*)[\"']?\s*"
    r"(?::\s*[A-Za-z_][\w\[\]., |]{0,80}?\s*=|:=|=>|[:=])\s*"
    rf"[\"'(\[]?\s*({_NUMBER}(?:\s*(?:<<|\*\*)\s*-?\d+)?)(?![\w.])"
)
_ARGUMENT = re.compile(
    rf"[\"']--?([A-Za-z][\w-]*)[\"'][^\n]{{0,200}}?default\s*=\s*({_NUMBER})(?![\w.])"
)
_FLAG = re.compile(rf"--([a-z][\w-]{{1,60}})[ =]({_NUMBER})(?![\w.])")
_DEFINED = re.compile(rf"#define\s+(\w+)\s+({_NUMBER})(?![\w.])")
_WORD = re.compile(r"[A-Za-z]+|[α-ωΑ-Ω]")
_CLAUSE = re.compile(r"[;:()\[\]]|[.,](?!\d)|\b(?:and|while|where|but|which)\b")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_GREEK_NAMES = (
    "alpha beta gamma delta epsilon eta theta kappa lambda mu pi rho sigma tau phi psi omega"
)
_GREEK = dict(zip("αβγδεηθκλμπρστφψω", _GREEK_NAMES.split(), strict=True))
MOST_NAMED = 80
MOST_ASSIGNED = 200_000


class Named(NamedTuple):
    """A number of the paper with the words beside it, and the sentence."""

    words: frozenset[str]
    values: tuple[float, ...]
    shown: str
    quote: str


class Assigned(NamedTuple):
    """A number of the code and the words of its name."""

    words: frozenset[str]
    value: float
    file: SourceFile
    offset: int


class Match(NamedTuple):
    """A number of the paper that stands in the code at such a name, and the chance of that."""

    named: Named
    found: Assigned | None
    chance: float


def named_numbers(text: str) -> list[Named]:
    """Return the numbers of a paper's text that have a name, each name and value once."""
    found: dict[tuple[frozenset[str], float], Named] = {}
    for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z$])|\n+", text):
        plain = clean(_without_latex(sentence))
        for number in numbers_in(plain):
            values = tuple(float(it) for it in number.meanings)
            start = plain.find(number.text)
            words = _beside(plain, start, start + len(number.text)) if start >= 0 else frozenset()
            if words and not number.named and len(found) < MOST_NAMED:
                shown = _phrase(plain, start, start + len(number.text))
                found.setdefault((words, values[0]), Named(words, values, shown, sentence.strip()))
    return list(found.values())


def assigned_numbers(files: list[SourceFile]) -> list[Assigned]:
    """Return the numbers that code and configuration give to names."""
    found: list[Assigned] = []
    for file in files:
        for pattern in (_ASSIGNED, _ARGUMENT, _FLAG, _DEFINED):
            for match in pattern.finditer(file.text):
                value = _value(match[2])
                words = _name_words(match[1])
                if value is not None and words:
                    found.append(Assigned(words, value, file, match.start(1)))
        if len(found) > MOST_ASSIGNED:
            break
    return found


def matches(named: list[Named], assigned: list[Assigned]) -> list[Match]:
    """Return each number of the paper with the place where the code has it, if it does."""
    values = Counter(_key(it.value) for it in assigned)
    by_word: dict[str, list[Assigned]] = defaultdict(list)
    for one in assigned:
        for word in one.words:
            by_word[word].append(one)
    return [_match(it, by_word, values, len(assigned)) for it in named]


def _match(
    named: Named, by_word: dict[str, list[Assigned]], values: Counter[float], total: int
) -> Match:
    wanted = {_key(value) for value in named.values}
    own: dict[int, Assigned] = {}
    for word in named.words:
        for one in by_word.get(word, ()):
            if _same_name(named.words, one.words):
                own[id(one)] = one
    hits = [one for one in own.values() if _key(one.value) in wanted]
    elsewhere = sum(values[key] for key in wanted) - len(hits)
    share = (elsewhere + 0.5) / (total - len(own) + 1)
    different = len({_key(one.value) for one in own.values()}) or 1
    best = max(hits, key=lambda it: len(it.words & named.words), default=None)
    return Match(named, best, 1 - (1 - min(share, 1.0)) ** different)


def _same_name(paper: frozenset[str], code: frozenset[str]) -> bool:
    shared = paper & code
    return bool(shared - _PAIRED) or len(shared) >= 2


def _key(value: float) -> float:
    return float(f"{value:.6g}")


def _value(text: str) -> float | None:
    base, shift, power = re.match(r"([^<*]+)(<<|\*\*)?(.*)", text.replace("_", ""), re.S).groups()  # type: ignore[union-attr]
    try:
        value = float(base)
        if not shift:
            return value
        return value * 2.0 ** int(power) if shift == "<<" else value ** int(power)
    except (ValueError, OverflowError, ZeroDivisionError):
        return None


def _name_words(name: str) -> frozenset[str]:
    return _meaning([it.lower() for it in _CAMEL.findall(name.rsplit(".", 1)[-1])])


def _meaning(words: list[str]) -> frozenset[str]:
    found: set[str] = set()
    for word in words:
        found.update(_ALIASES.get(word, (stem(_GREEK.get(word, word)),)))
    kept = {it for it in found if it not in _EMPTY or it in _PAIRED}
    return frozenset(kept) if kept - _PAIRED else frozenset()


def _beside(text: str, start: int, end: int) -> frozenset[str]:
    """Return the words of the name of a number: up to 4 before it and 3 after it."""
    before, after = _clause(text, start, end)
    words = [*_WORD.findall(before)[-4:], *_WORD.findall(after)[:3]]
    return _meaning([it.lower() for it in words])


def _clause(text: str, start: int, end: int) -> tuple[str, str]:
    """Return what stands before and after a number in its clause."""
    before = _CLAUSE.split(text[max(0, start - 60) : start])[-1]
    return before, _CLAUSE.split(text[end : end + 40])[0]


def _phrase(text: str, start: int, end: int) -> str:
    """Return a number with the words of its name, as the paper writes them."""
    before, after = _clause(text, start, end)
    first, last = list(_WORD.finditer(before))[-4:], list(_WORD.finditer(after))[:3]
    head = before[first[0].start() :] if first else ""
    tail = after[: last[-1].end()] if last else ""
    return re.sub(r"\s+", " ", f"{head}{text[start:end]}{tail}").strip()


def _without_latex(text: str) -> str:
    text = re.sub(r"\\(?:times|cdot)\s*", "× ", text)
    text = re.sub(r"\\([a-zA-Z]+)", r" \1 ", text)
    return re.sub(r"[${}_]", " ", text).replace("^ ", "^")


def lines_of(match: Match) -> Iterator[str]:
    """Yield the line of code of a match."""
    if match.found is not None:
        yield match.found.file.around(match.found.offset)
