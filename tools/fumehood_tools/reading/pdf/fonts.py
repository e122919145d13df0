"""Infer the look of a font from its name: bold, italic, small capitals, math or typewriter.

The patterns cover TeX's fonts, their clones and common system fonts. The weight and flags stored
in a PDF are often wrong, so they are used only for names without three letters in a row, which say
nothing.
"""

import re
from functools import lru_cache
from typing import NamedTuple

_BOLD = re.compile(
    r"bold|black|heavy|medi(?!um)|demi|cmbx|cmb\d|cmssbx|sfbx|ecbx|sfsx|sfxb|-bd|TB\b|TBI?$|tb\d?$"
)
_ITALIC = re.compile(r"ital|obli|slant|cmti|cmsl|cmssi|sfsi|sfti|sfsl|ecti|ecsl|cmbxti|-it\b|-ita")
_CAPS = re.compile(r"csc|sfcc|smallcap|caps\d|-sc\b|[a-z]sc$|romancaps")
_MATH = re.compile(
    r"^cmmi|^cmsy|^cmex|^cmmib|^cmbsy|^msam|^msbm|^lmmath|^euf|^eus|^rsfs|^stmary|^wasy|^mathit|"
    r"math|^esint|^txsy|^txex|^pxsy|^rtxmi|^txmi|^pxmi|^newtxmi|^dsrom|^bbold|symbol"
)
_MONO = re.compile(r"mono|cmtt|sftt|ectt|courier|typewriter|txtt|consol|cmsltt|ltt\d|menlo|zi4")
_STROKES = re.compile(r"^(line|lcircle|circle)w?\d+$")
_LARGE = re.compile(r"^cmex|^lmmathext|^euex|^yhcmex|^txex|^pxex|^mtex|^newtxex|^libertinemathex")
_CODED = re.compile(
    r"^cm(mi|sy|ex|bsy)|^ms[ab]m|^lmmath|^eu[rsex]|[tp]x(b?mi|b?sy|ex)|^mt(mi|sy|ex)|^libertinemath"
)
_FORCE_BOLD = 1 << 18
_ITALIC_FLAG = 1 << 6


class Face(NamedTuple):
    """The look of a font.

    strokes: a TeX font whose characters are line segments. large: a TeX font of large symbols.
    coded: a TeX font whose glyphs may have no names that pdfium knows, only codes.
    """

    name: str
    bold: bool
    italic: bool
    caps: bool
    math: bool
    mono: bool
    strokes: bool = False
    large: bool = False
    coded: bool = False


@lru_cache(maxsize=4096)
def face_of(name: str, weight: int, flags: int) -> Face:
    """Return the look of a font, from its PostScript name, weight and descriptor flags."""
    bare = name.split("+", 1)[-1]
    low = bare.lower()
    known = bool(re.search(r"[a-z]{3}", low))
    return Face(
        name=bare,
        bold=bool(_BOLD.search(low) or re.search(r"TBI?$", bare))
        or (not known and (weight >= 700 or bool(flags & _FORCE_BOLD))),
        italic=bool(_ITALIC.search(low) or re.search(r"T[BZ]?[IO]$", bare))
        or (not known and bool(flags & _ITALIC_FLAG)),
        caps=bool(_CAPS.search(low)),
        math=bool(_MATH.search(low)),
        mono=bool(_MONO.search(low)),
        strokes=bool(_STROKES.search(low)),
        large=bool(_LARGE.search(low)),
        coded=bool(_CODED.search(low) or _LARGE.search(low)),
    )
