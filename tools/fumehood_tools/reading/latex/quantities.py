"""Numbers and units as siunitx prints them: `\\qty{1.6}{\\giga\\hertz}` is 1.6 GHz.

`QUANTITIES` maps each command to a function that reads its arguments from a stream and pushes the
printed text, so that the commands work in text, formulas and tables. Units that the paper declares
are learned; a unit that nobody declares prints its name. Options that change the digits of
numbers, or what stands between them, are followed (`si_numbers`); units are always printed alike.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fumehood_tools.reading.latex.expansion import Stream
from fumehood_tools.reading.latex.si_numbers import Options, number, options_of, raised_to
from fumehood_tools.reading.latex.symbols import SUBSCRIPTS, symbols
from fumehood_tools.reading.latex.tokens import APART, PARAGRAPH, RAW, plain, tokenize

_PREFIX_NAMES = (
    "quecto q ronto r yocto y zepto z atto a femto f pico p nano n micro µ milli m centi c deci d "
    "deca da deka da hecto h kilo k mega M giga G tera T peta P exa E zetta Z yotta Y ronna R "
    "quetta Q kibi Ki mebi Mi gibi Gi tebi Ti pebi Pi exbi Ei zebi Zi yobi Yi"
)
_UNIT_NAMES = (
    "ampere A candela cd kelvin K kilogram kg metre m meter m mole mol second s becquerel Bq "
    "degreeCelsius °C celsius °C coulomb C farad F gray Gy hertz Hz henry H joule J lumen lm "
    "katal kat lux lx newton N ohm Ω pascal Pa radian rad siemens S sievert Sv steradian sr "
    "tesla T volt V watt W weber Wb astronomicalunit au bel B dalton Da day d decibel dB "
    "electronvolt eV hectare ha hour h litre L liter L minute min arcminute ′ arcsecond ″ degree ° "
    "arcmin ′ arcsec ″ neper Np tonne t percent % gram g bit bit byte B bar bar angstrom Å "
    "atomicmassunit u clight c₀ hartree Eₕ bohr a₀ mmHg mmHg nauticalmile M knot kn barn b"
)
_SHORT_NAMES = (
    "fg pg ng ug mg g kg pm nm um mm cm dm km m as fs ps ns us ms s fmol pmol nmol umol mmol mol "
    "kmol pA nA uA mA A kA ul ml l hl uL mL L hL mHz Hz kHz MHz GHz THz mN N kN MN Pa kPa MPa GPa "
    "mohm kohm Mohm pV nV uV mV V kV W uW mW kW MW GW J uJ mJ kJ eV meV keV MeV GeV TeV kWh F fF "
    "pF nF uF mF K dB H fH pH nH mH uH kB MB GB TB KiB MiB GiB TiB Gbps Mbps"
)


def _table(names: str) -> dict[str, str]:
    words = names.split()
    return dict(zip(words[::2], words[1::2], strict=True))


_PREFIXES = _table(_PREFIX_NAMES)
_UNITS = {
    name: re.sub(r"^u(?=.)", "µ", name).replace("ohm", "Ω") for name in _SHORT_NAMES.split()
} | _table(_UNIT_NAMES)
_UNSPACED = ("°", "′", "″")
_POWERS_BEFORE, _POWERS_AFTER = {"square": "2", "cubic": "3"}, {"squared": "2", "cubed": "3"}
_NO_UNIT = {"mathrm", "text", "textrm", "textup", "mbox", "operatorname", "textnormal", "cdot"}
_NO_UNIT |= {"ensuremath", "mathup", "times", "left", "right", "highlight", "cancel", "unit", "si"}
_LITERAL = re.compile(r"[^./~*\s]+|[./~*]")
_MOST_MACROS = 2_000
_IN_FORMULAS = {"^", "_", "\\frac", "\\tfrac", "\\dfrac", "\\sqrt"}


@dataclass
class _Part:
    """One unit of a product of units."""

    symbol: str
    power: str = ""
    below: bool = False


def _expanded(stream: Stream, tokens: list[str]) -> list[str]:
    inner = Stream(stream.state, tokens)
    found: list[str] = []
    while (token := inner.next()) and len(found) < _MOST_MACROS:
        found.append(token)
    return found


def _printed(token: str) -> str:
    if token[0] == "\\":
        return symbols().get(token[1:], "")
    return "" if token in ("{", "}", "$", PARAGRAPH) else token.removeprefix(RAW)


def _spoken(stream: Stream, tokens: list[str], options: Options) -> list[str]:
    """Return the tokens of a number as printed; tokens that are no number stay as they are."""
    expanded = _expanded(stream, tokens)
    said = None
    if options.get("parse-numbers") != "false" and _IN_FORMULAS.isdisjoint(expanded):
        said = number("".join(map(_printed, expanded)), options)
    if said is not None:
        return [RAW + said]
    if stream.state.in_formula or "$" in expanded or _IN_FORMULAS.isdisjoint(expanded):
        return ["{", *expanded, "}"]
    return ["$", *expanded, "$"]


def _options(stream: Stream) -> Options:
    """Return the options of siunitx that hold here, with those in brackets that come next."""
    given = stream.optional()
    settings = stream.state.si_options
    return {**settings, **options_of(plain(given))} if given else settings


def unit(stream: Stream, tokens: list[str]) -> str:
    """Return a unit as printed, such as kHz/s."""
    parts: list[_Part] = []
    _collect(_expanded(stream, tokens), stream, parts, 0)
    above = [part for part in parts if not part.below]
    below = [part for part in parts if part.below]
    if len(below) == 1 and above:
        return f"{' '.join(map(_with_power, above))}/{_with_power(below[0])}"
    for part in below:
        part.power = f"-{part.power or 1}"
    return " ".join(map(_with_power, parts))


def _with_power(part: _Part) -> str:
    return part.symbol + (raised_to(part.power) if part.power else "")


def _collect(tokens: list[str], stream: Stream, parts: list[_Part], depth: int) -> None:
    """Append the units among some tokens. Units declared by the paper are looked up."""
    inner = Stream(stream.state, tokens)
    waiting = _Part("")
    while token := inner.pull():
        name = token[1:]
        declared = stream.state.units.get(name) if token[0] == "\\" else None
        if declared is not None and depth < 5:
            before = len(parts)
            _collect(_expanded(stream, declared), stream, parts, depth + 1)
            for part in parts[before : before + 1]:
                part.symbol = waiting.symbol + part.symbol
                part.power, part.below = part.power or waiting.power, waiting.below or part.below
            waiting = _Part("")
        elif token[0] != "\\":
            waiting = _literal(token, inner, parts, waiting)
        elif name in ("raiseto", "tothe", "of"):
            _with_argument(name, "".join(map(_printed, inner.argument())), parts, waiting)
        elif name == "per":
            waiting.below = True
        elif name in _PREFIXES:
            waiting.symbol += _PREFIXES[name]
        elif name in _POWERS_BEFORE:
            waiting.power = _POWERS_BEFORE[name]
        elif name in _POWERS_AFTER:
            _with_argument("tothe", _POWERS_AFTER[name], parts, waiting)
        elif name not in _NO_UNIT and name[:1] not in (",", " ", ";", ":", "!"):
            known = _UNITS.get(name) or symbols().get(name) or name
            parts.append(_Part(waiting.symbol + known, waiting.power, waiting.below))
            waiting = _Part("")
    if waiting.symbol:
        parts.append(waiting)


def _with_argument(name: str, said: str, parts: list[_Part], waiting: _Part) -> None:
    if name == "raiseto":
        waiting.power = said
    elif parts and name == "tothe":
        parts[-1].power = said
    elif parts:
        parts[-1].symbol += f" ({said})"


def _literal(token: str, inner: Stream, parts: list[_Part], waiting: _Part) -> _Part:
    """Read a part of a unit that is written in letters, such as `kg.m/s^2`."""
    if token in ("^", "_"):
        said = "".join(map(_printed, inner.argument()))
        if parts and token == "^":
            parts[-1].power = said
        elif parts:
            parts[-1].symbol += "".join(SUBSCRIPTS.get(letter, letter) for letter in said)
        return waiting
    if token in ("{", "}", "$", "~", " ", PARAGRAPH):
        return waiting
    for piece in _LITERAL.findall(token.removeprefix(RAW)):
        if piece == "/":
            waiting = _Part("", below=True)
        elif piece not in ".~*":
            parts.append(_Part(waiting.symbol + piece, waiting.power, waiting.below))
            waiting = _Part("")
    return waiting


def _quantity(said: list[str], unit_text: str) -> list[str]:
    if not unit_text:
        return said
    blank = "" if unit_text in _UNSPACED else " "
    return [*said, RAW + blank + unit_text]


def _joined(items: Iterable[list[str]], separators: tuple[str, str, str]) -> list[str]:
    """Return items with what stands between them: if there are two; if there are more; at last."""
    found = list(items)
    joined: list[str] = []
    for index, item in enumerate(found):
        if index:
            pair, between, last = separators
            at_last = pair if len(found) == 2 else last
            joined.append(RAW + (at_last if index == len(found) - 1 else between))
        joined += item
    return joined


def _phrase(options: Options, key: str, usual: str) -> str:
    """Return the text that an option puts between numbers."""
    if key not in options:
        return usual
    said = "".join(_printed(token) for token in tokenize(options[key]).tokens).strip()
    said = said.replace("---", "—").replace("--", "–")
    return said if said in ("–", "-", "—") else f" {said} ".replace(" , ", ", ")


def _with_unit(items: list[list[str]], said: str, mode: str) -> list[list[str]]:
    """Return numbers with their unit: after each (repeat), or after the last one."""
    if mode not in ("single", "bracket"):
        return [_quantity(item, said) for item in items]
    return [*items[:-1], _quantity(items[-1], said)]


def _push(stream: Stream, tokens: list[str]) -> None:
    stream.push([RAW + APART, *tokens, RAW + APART])


def _group_follows(stream: Stream) -> bool:
    """Return whether a group comes next: `\\qty(` of the package physics is another command."""
    stream.skip_blank()
    token = stream.pull()
    stream.push([token] if token else [])
    return token == "{"


def _one_number(stream: Stream) -> None:
    options = _options(stream)
    _push(stream, _spoken(stream, stream.argument(), options))


def _one_unit(stream: Stream) -> None:
    value = stream.optional()
    said = unit(stream, stream.argument())
    if value is not None and re.match(r"[-+\d.$\\]", plain(value).strip()):
        _push(stream, _quantity(_spoken(stream, value, stream.state.si_options), said))
    else:
        _push(stream, [RAW + said] if said else [])


def _unit_fraction(stream: Stream) -> None:
    value = stream.optional()
    said = f"{unit(stream, stream.argument())}/{unit(stream, stream.argument())}"
    _push(stream, _quantity(_spoken(stream, value, {}), said) if value else [RAW + said])


def _number_with_unit(stream: Stream) -> None:
    """Handle `\\SI{…}[…]{…}`. The command of the package physics takes no unit."""
    options = _options(stream)
    if not _group_follows(stream):
        return
    value = stream.argument()
    before = stream.optional()
    if before is None and not _group_follows(stream):
        stream.push(["{", *value, "}"])
        return
    said = _quantity(_spoken(stream, value, options), unit(stream, stream.argument()))
    _push(stream, [*([RAW + unit(stream, before)] if before else []), *said])


def _range(with_unit: bool) -> Callable[[Stream], None]:
    def handle(stream: Stream) -> None:
        options = _options(stream)
        ends = [_spoken(stream, stream.argument(), options) for _ in range(2)]
        said = unit(stream, stream.argument()) if with_unit else ""
        phrase = _phrase(options, "range-phrase", " to ")
        items = _with_unit(ends, said, options.get("range-units", ""))
        _push(stream, _joined(items, (phrase, phrase, phrase)))

    return handle


def _list(with_unit: bool) -> Callable[[Stream], None]:
    def handle(stream: Stream) -> None:
        options = _options(stream)
        items = _split(_expanded(stream, stream.argument()), ";")
        said = unit(stream, stream.argument()) if with_unit else ""
        separators = (
            _phrase(options, "list-pair-separator", " and "),
            _phrase(options, "list-separator", ", "),
            _phrase(options, "list-final-separator", " and "),
        )
        spoken = [_spoken(stream, item, options) for item in items]
        _push(stream, _joined(_with_unit(spoken, said, options.get("list-units", "")), separators))

    return handle


def _product(stream: Stream) -> None:
    options = _options(stream)
    factors = re.split(r"\s*[x×]\s*", "".join(map(_printed, _expanded(stream, stream.argument()))))
    said = unit(stream, stream.argument())
    spoken = [[RAW + (number(factor, options) or factor)] for factor in factors]
    items = _with_unit(spoken, said, options.get("product-units", ""))
    _push(stream, [token for item in items for token in (RAW + " × ", *item)][1:])


def _angle(stream: Stream) -> None:
    options = _options(stream)
    parts = _split(_expanded(stream, stream.argument()), ";")
    said: list[str] = []
    for part, mark in zip(parts, _UNSPACED, strict=False):
        said += [*_spoken(stream, part, options), RAW + mark] if part else []
    _push(stream, said)


def _set_options(stream: Stream) -> None:
    """Handle `\\sisetup`. A new mapping, so that the end of an environment can restore the old."""
    state = stream.state
    state.si_options = {**state.si_options, **options_of(plain(stream.argument()))}


def _split(tokens: list[str], separator: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for token in tokens:
        first, *rest = token.split(separator) if token[0] not in "\\" + RAW else [token]
        parts[-1] += [first] if first else []
        parts += [[piece] if piece else [] for piece in rest]
    return parts


def _declare_unit(stream: Stream) -> None:
    stream.optional()
    names = [token for token in stream.argument() if token[0] == "\\"]
    tokens = stream.argument()
    if names:
        stream.state.units[names[0][1:]] = tokens


def _declare_prefix(stream: Stream) -> None:
    _declare_unit(stream)
    stream.argument()


QUANTITIES: dict[str, Callable[[Stream], None]] = {
    **dict.fromkeys(("\\num", "\\complexnum", "\\numproduct"), _one_number),
    "\\sisetup": _set_options,
    **dict.fromkeys(("\\si", "\\unit"), _one_unit),
    "\\unitfrac": _unit_fraction,
    **dict.fromkeys(("\\SI", "\\qty", "\\complexqty"), _number_with_unit),
    "\\numrange": _range(with_unit=False),
    **dict.fromkeys(("\\SIrange", "\\qtyrange"), _range(with_unit=True)),
    "\\numlist": _list(with_unit=False),
    **dict.fromkeys(("\\SIlist", "\\qtylist"), _list(with_unit=True)),
    "\\qtyproduct": _product,
    "\\ang": _angle,
    **dict.fromkeys(("\\DeclareSIUnit", "\\DeclareSIQualifier"), _declare_unit),
    **dict.fromkeys(("\\DeclareSIPrefix", "\\DeclareBinaryPrefix"), _declare_prefix),
}
