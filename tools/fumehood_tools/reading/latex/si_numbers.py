"""Numbers as siunitx prints them, with the options that change their digits.

A plus sign, a zero exponent and a decimal marker at the end are dropped, as by siunitx. Digits are
never grouped and the decimal marker is always a point, so that a number is read as one number; an
uncertainty stays as it is written, unless an option separates it. One that differs above and below
the value, 1.2(3:1), is printed as 1.2 +0.3 -0.1.
"""

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Context, Decimal

from fumehood_tools.reading.latex.symbols import SUPERSCRIPTS

Options = Mapping[str, str]

_SIGNS = {"+-": "±", "-+": "∓", "<=": "≤", ">=": "≥", "<<": "≪", ">>": "≫"}
_PLAIN_NUMBER = re.compile(
    r"(?P<sign>[<>≤≥≪≫≈∼~±∓+\-−=]*)(?P<digits>\d*[.,]?\d*)(?P<spread>(?:\([\d.,]+(?::[\d.,]+)?\))*)"
    r"(?:±(?P<error>[\d.,]+))?(?:[eEdD](?P<power>[+\-−]?\d{1,9}))?(?P<unit>[ij]?)"
)
_MOST_DIGITS = 40
_EXACT = Context(prec=400, rounding=ROUND_HALF_UP)


def options_of(text: str) -> dict[str, str]:
    """Return a list of options such as `round-mode = places, mode = text`. A bare key is true."""
    found: dict[str, str] = {}
    for part in re.split(r",(?![^{}]*\})", text):
        key, equals, value = part.partition("=")
        if key := key.strip():
            value = re.sub(r"^\{(.*)\}$", r"\1", value.strip(), flags=re.S)
            found[key] = value if equals else "true"
    return found


def number(text: str, options: Options) -> str | None:
    """Return a number as siunitx prints it; None if the text is not a number."""
    text = re.sub(r"\s+", "", text)
    for ignored in options.get("input-ignore", ""):
        text = text.replace(ignored, "")
    for typed, sign in _SIGNS.items():
        text = text.replace(typed, sign)
    parts = [_PLAIN_NUMBER.fullmatch(part) for part in re.split(r"[x×]", text)]
    if not text or not all(match and re.search(r"\d", match.group()) for match in parts):
        return None
    return " × ".join(_number(match, options) for match in parts if match)


def _number(match: re.Match[str], options: Options) -> str:
    digits = match["digits"].replace(",", ".").removesuffix(".")
    digits = re.sub(r"^(?=\.)", "0", digits)
    spread, error = match["spread"].replace(",", "."), (match["error"] or "").replace(",", ".")
    power = int(match["power"].replace("−", "-")) if match["power"] else 0
    if digits and not spread and not error and len(digits) <= _MOST_DIGITS:
        digits, power = _changed(digits, power, options)
    sides = spread.strip("()").split(":")
    if len(sides) == 2:
        above, below = (_spelled_out(digits, side) for side in sides)
        error, spread = f" +{above} -{below}", ""
    elif error:
        error = f" ± {error}"
    elif spread and _is_separate(options):
        error, spread = f" ± {_spelled_out(digits, spread)}", ""
    said = digits + spread + error
    if power and options.get("drop-exponent") != "true":
        raised = "10" + raised_to(str(power))
        said = f"({said})" if error else said
        said = f"{said} × {raised}" if said else raised
    return _sign(match["sign"], digits, options) + (said or "1") + match["unit"]


def _sign(sign: str, digits: str, options: Options) -> str:
    if options.get("retain-explicit-plus") != "true":
        sign = re.sub(r"\+$", "", sign)
    # A number that was rounded to zero has no sign.
    is_zero = options.get("round-mode", "none") != "none" and not re.search("[1-9]", digits)
    return "" if digits and is_zero and sign in ("-", "−") else sign


def _is_separate(options: Options) -> bool:
    mode = options.get("uncertainty-mode", options.get("separate-uncertainty", ""))
    return mode in ("separate", "true")


def _spelled_out(digits: str, spread: str) -> str:
    """Return the uncertainty in parentheses as a number of its own: 0.03 of 2.51(3)."""
    inner = spread.strip("()")
    places = len(digits.partition(".")[2])
    if not inner.isdecimal() or len(digits + inner) > _MOST_DIGITS:
        return inner
    return f"{Decimal(inner).scaleb(-places, _EXACT):f}"


def _changed(digits: str, power: int, options: Options) -> tuple[str, int]:
    """Return digits and exponent after moving the decimal marker and rounding, as options say."""
    value = Decimal(digits)
    mode = options.get("exponent-mode", "input")
    if options.get("scientific-notation") == "true":
        mode = "scientific"
    wanted = power
    if mode == "fixed" and re.fullmatch(r"-?\d{1,3}", fixed := options.get("fixed-exponent", "0")):
        wanted = int(fixed)
    elif mode in ("scientific", "engineering") and value:
        wanted = value.adjusted() + power
        wanted -= wanted % 3 if mode == "engineering" else 0
    if abs(wanted - power) <= _MOST_DIGITS:
        value, power = value.scaleb(power - wanted, _EXACT), wanted
    value = _rounded(value, options)
    said = f"{value:f}"
    if "true" in (options.get("drop-zero-decimal"), options.get("zero-decimal-to-integer")):
        said = re.sub(r"\.0+$", "", said)
    return said, power


def _rounded(value: Decimal, options: Options) -> Decimal:
    precision = options.get("round-precision", "2")
    if not re.fullmatch(r"\d{1,2}", precision):
        return value
    match options.get("round-mode", "none"):
        case "places":
            places = int(precision)
        case "figures" if value:
            places = int(precision) - 1 - value.adjusted()
        case _:
            return value
    if options.get("round-pad") == "false" and -int(value.as_tuple().exponent) < places:
        return value
    return value.quantize(Decimal(1).scaleb(-places), context=_EXACT)


def raised_to(power: str) -> str:
    """Return an exponent as it is printed above the line."""
    raised = [SUPERSCRIPTS.get(letter, "") for letter in power.lstrip("+").replace("−", "-")]
    return "".join(raised) if all(raised) else f"^({power})"
