"""Tell which symbol is drawn where a PDF gives only a code: TeX's math fonts and private codes.

pdfium finds the character of a glyph by its name. TeX's names for large brackets, relations and
some Greek letters are in no public list, and pdfium then returns the glyph's code in the font:
U+0000 for a large parenthesis, U+000F for an epsilon, "6" for the stroke of ≠. The tables below
give the character of each of the 128 codes of TeX's encodings: OML (cmmi), OMS (cmsy), OMX (cmex),
the two of the AMS (msam, msbm) and the control codes of OT1 (cmr). A sign that stands for two
others is kept as a pair in `PAIRS`.

Nothing below U+0020, and no private code, leaves this module: what cannot be told is U+FFFD.
"""

import re
from functools import lru_cache

UNKNOWN = "\ufffd"
_BLANKS = " \t\r\n\f\v"
_LINE_END_HYPHENS = "\u0002\u00ad\ufffe"
STROKE = "\u0338"
"""The stroke through the next sign: together with "=" it is ≠."""

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SMALL = _LETTERS.lower()
_OML = (
    "ΓΔΘΛΞΠΣΥΦΨΩαβγδϵζηθικλμνξπρστυϕχψωεϑϖϱςφ↼↽⇀⇁↪↩▷◁0123456789.,</>⋆∂"
    + _LETTERS
    + "♭♮♯⌣⌢ℓ"
    + _SMALL
    + "ıȷ℘⃗⁀"
)
_OMS = (
    "−·×∗÷⋄±∓⊕⊖⊗⊘⊙○∘•≍≡⊆⊇≤≥⪯⪰∼≈⊂⊃≪≫≺≻←→↑↓↔↗↘≃⇐⇒⇑⇓⇔↖↙∝′∞∈∋△▽\u0338↦∀∃¬∅ℜℑ⊤⊥ℵ"
    + _LETTERS
    + "∪∩⊎∧∨⊢⊣⌊⌋⌈⌉{}⟨⟩|‖↕⇕\\≀√⨿∇∫⊔⊓⊑⊒§†‡¶♣♢♡♠"
)
_OMX = (
    "()[]⌊⌋⌈⌉{}⟨⟩⏐║/\\()()[]⌊⌋⌈⌉{}⟨⟩/\\()[]⌊⌋⌈⌉{}⟨⟩/\\/\\"
    "⎛⎞⎡⎤⎣⎦⎢⎥⎧⎫⎩⎭⎨⎬⎪⏐⎝⎠⎜⎟⟨⟩⊔⊔∮∮⊙⊙⊕⊕⊗⊗∑∏∫⋃⋂⊎⋀⋁∑∏∫⋃⋂⊎⋀⋁∐∐ˆˆˆ˜˜˜[]⌊⌋⌈⌉{}√√√√√\0\0║↑↓\0\0\0\0⇑⇓"
)
_MSA = (
    "⊡⊞⊠□■·◊⧫↻↺⇌⇋⊟⊩⊪⊨↠↞⇇⇉⇈⇊↾⇂↿⇃↣↢⇆⇄↰↱⇝↭↫↬≗≿≳⪆⊸∴∵≑≜≾≲⪅⪕⪖⋞⋟≼≦⩽≶‵\0≓≒≽≧⩾≷"
    "⊏⊐▷◁⊵⊴★≬▼▶◀→←△▲▽≖⋚⋛⪋⪌¥⇛⇚✓⊻⊼⩞∠∡∢∝⌣⌢⋐⋑⋓⋒⋏⋎⋋⋌⫅⫆≏≎⋘⋙⌜⌝®Ⓢ⋔∔∽⋍⌞⌟✠∁⊺⊚⊛⊝"
)
_MSB = (
    "≨≩≰≱≮≯⊀⊁≨≩≰≱⪇⪈⋠⋡⋨⋩⋦⋧≰≱⪵⪶⪹⪺⪉⪊≁≇╱╲⊊⊋⊈⊉⫋⫌⫋⫌⊊⊋⊈⊉∦∤∤∦⊬⊮⊭⊯⋭⋬⋪⋫↚↛⇍⇏⇎↮⋇∅∄"
    + _LETTERS
    + "ˆˆ˜˜\0Ⅎ⅁\0\0\0\0℧ð≂ℶℷℸ⋖⋗⋉⋊∣∥∖∼≈≊⪸⪷↶↷ϝϰkℏℏ϶"
)
_OT1 = "ΓΔΘΛΞΠΣΥΦΨΩ" + "\0" * 5 + "ıȷ`´ˇ˘¯˚¸ßæœøÆŒØ"
_LIGATURES = {11: "ff", 12: "fi", 13: "fl", 14: "ffi", 15: "ffl"}

_FAMILIES = (
    (re.compile(r"^cmex|^lmmathex|^euex|^yhcmex|^(new)?[tp]xex|^mtex"), _OMX),
    (re.compile(r"^cmmib?\d|^lmmathit|^eurm|^(r|new)?[tpn]xb?mi|^mtmi|^zplmr7m|^hvmath"), _OML),
    (re.compile(r"^cmb?sy\d|^lmmathsy|^eusm|^(new)?[tpn]xb?sy|^mtsy"), _OMS),
    (re.compile(r"^msam|^(new)?[tp]xsya"), _MSA),
    (re.compile(r"^msbm|^(new)?[tp]xsyb"), _MSB),
)
# Codes above 127 in the fonts of newtxmath, which have parts of brackets and sums there.
_NEW_TX = re.compile(r"^(new|n)?tx|^libertinemath")
_TX_HIGH = {0xA9: "⎛", 0xAD: "⎜", 0xAB: "⎝", 0xAA: "⎞", 0xAE: "⎟", 0xAC: "⎠", 0xB9: "(", 0xBA: ")",
            0xBB: "[", 0xBC: "]", 0xCD: "∑", 0xCE: "∏", 0xD5: "∑", 0xD6: "∏"}  # fmt: skip
_ROMAN = re.compile(r"^cm(r|b|ti|sl|ss|csc|u|vtt|dunh|ff|fib)|^$|^[a-z]{1,2}$|^t3|^type3")

# The codes that Adobe gave to parts of brackets, and to letters and signs without a code.
_ADOBE = {
    0xF6BE: "ȷ", 0xF6D9: "©", 0xF6DA: "®", 0xF6DB: "™", 0xF6DC: "1", 0xF6DE: "—",
    0xF8E5: "", 0xF8E6: "⏐", 0xF8E7: "—", 0xF8E8: "®", 0xF8E9: "©", 0xF8EA: "™",
}  # fmt: skip
_ADOBE |= dict(enumerate("⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪⌠⎞⎟⎠⎤⎥⎦⎫⎬⎭", 0xF8EB)) | {0xF8F5: "⎮"}
_ADOBE |= dict(enumerate("⎞⎟⎠⎤⎥⎦⎫⎬⎭", 0xF8F6))
# Office writes the bullets of Symbol and Wingdings with private codes.
_OFFICE = {0xF0B7: "•", 0xF0A7: "▪", 0xF0D8: "▶", 0xF0FC: "✓", 0xF06F: "□", 0xF076: "◆",
           0xF0A8: "□", 0xF02D: "−", 0xF0E0: "→", 0xF0DE: "⇒", 0xF0E8: "→"}  # fmt: skip
_OFFICE_GREEK = "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ"
_OFFICE_GREEK_SMALL = "αβχδεφγηιϕκλμνοπθρστυϖωξψζ"

# Parts of a tall bracket, as they are stacked: (top, middle or extension, bottom).
_PARTS = {
    **dict.fromkeys("⎛⎜⎝", "("), **dict.fromkeys("⎞⎟⎠", ")"),
    **dict.fromkeys("⎡⎢⎣", "["), **dict.fromkeys("⎤⎥⎦", "]"),
    **dict.fromkeys("⎧⎨⎩", "{"), **dict.fromkeys("⎫⎬⎭", "}"),
    **dict.fromkeys("⌠⎮⌡", "∫"), "⎪": "", "⏐": "|", "║": "‖",
}  # fmt: skip
# A bracket without a top or a bottom is a floor or a ceiling.
_HALVES = {"⎢⎣": "⌊", "⎥⎦": "⌋", "⎡⎢": "⌈", "⎤⎥": "⌉", "⎣": "⌊", "⎦": "⌋", "⎡": "⌈", "⎤": "⌉"}
PARTS = frozenset(_PARTS)
PAIRS = {"↦→": "↦", "↦−→": "⟼", "↪→": "↪", "→↩": "↪", "←↩": "↩", "−→": "⟶", "=⇒": "⟹",
         "←−": "⟵", "⇐=": "⟸"}  # fmt: skip


@lru_cache(maxsize=4096)
def symbol(font: str, char: str, mapped: bool) -> str:
    """Return what a glyph shows: one character, several for a ligature, or "" for nothing.

    font: the font's name without its subset's prefix. mapped: the PDF says which character the
    glyph is; otherwise `char` is only its code in the font.
    """
    code = ord(char)
    name = font.lower()
    if mapped and char in _BLANKS:
        return char
    if mapped and char in _LINE_END_HYPHENS:
        return "-"
    if not mapped:
        table = next((table for pattern, table in _FAMILIES if pattern.search(name)), "")
        if code < len(table):
            return table[code].strip("\0")
        if code >= 128 and _NEW_TX.search(name):
            return _TX_HIGH.get(code, UNKNOWN)
        if code < 32 and _ROMAN.search(name):
            return _LIGATURES.get(code, _OT1[code].strip("\0"))
    if code < 32 or 127 <= code < 160 or code == 0xFFFF or code >= 0xF0000:
        return UNKNOWN
    if not 0xE000 <= code < 0xF900:
        return char
    return _private(code, name)


def _private(code: int, name: str) -> str:
    """Return the character of a private code, or U+FFFD."""
    if code in _ADOBE:
        return _ADOBE[code]
    if 0xF721 <= code <= 0xF7FF:
        # Small capitals and old-style digits have the code of their ordinary letter.
        return chr(code & 0xFF) if not 0x7F <= code & 0xFF < 0xA1 else UNKNOWN
    if 0xF020 <= code < 0xF100:
        low = code & 0xFF
        if "symbol" in name and 65 <= low <= 90:
            return _OFFICE_GREEK[low - 65]
        if "symbol" in name and 97 <= low <= 122:
            return _OFFICE_GREEK_SMALL[low - 97]
        if code in _OFFICE:
            return _OFFICE[code]
        return chr(low) if "symbol" in name and 32 < low < 64 else UNKNOWN
    return UNKNOWN


def bracket(parts: str) -> str:
    """Return the bracket that parts stacked on each other draw, from the top."""
    unlike = "".join(dict.fromkeys(parts))
    if unlike in _HALVES:
        return _HALVES[unlike]
    return next((whole for part in parts if (whole := _PARTS[part])), "|")


def printable(text: str) -> str:
    """Return text without control characters and private codes, for text from outside the page."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char in "\n\t" or not (ord(char) < 32 or 127 <= ord(char) < 160) else ""
        for char in text
    )
