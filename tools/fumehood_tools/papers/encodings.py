"""Decode text files of unknown encoding: BibTeX files and web pages from anywhere.

A byte order mark decides, then UTF-16 without a mark (bytes that are 0, all on one side), then
UTF-8, which other encodings match by chance only in very short texts, then an encoding that the
file itself names. What remains is read as Windows-1252, which has the letters of Latin-1 and the
quotation marks and dashes that Windows programs write. Decoding never fails.
"""

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# JabRef writes "% Encoding: Cp1252", Emacs "-*- coding: latin-1 -*-", a page charset="gb2312".
_NAMED = re.compile(
    rb"(?:\bencoding|\bcoding|\bcharset)\s*[:=]\s*[\"']?\s*([A-Za-z][\w.:-]{1,30})", re.I
)
_HEAD = 2_000


def decoded(data: bytes) -> tuple[str, str]:
    """Return the text, without a byte order mark, and the name of the encoding it was read in."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace"), encoding
    if wide := utf_16_without_mark(data):
        return data.decode(wide, errors="replace"), wide
    for encoding in ("utf-8", *_named(data)):
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    try:
        return data.decode("cp1252"), "cp1252"
    except UnicodeDecodeError:
        return data.decode("latin-1"), "latin-1"


def utf_16_without_mark(data: bytes) -> str | None:
    """Return "utf-16-le" or "utf-16-be" for text in UTF-16 without a byte order mark, else None.

    A character of ASCII has one byte that is 0, always on the same side; even text in another
    script has spaces, line ends and markup. Text in any other encoding has no byte that is 0, but a
    damaged file may have some, on both sides.
    """
    head = data[:_HEAD]
    sides = {"utf-16-le": head[1::2].count(0), "utf-16-be": head[::2].count(0)}
    encoding = max(sides, key=lambda name: sides[name])
    zeros, others = sides[encoding], sum(sides.values()) - sides[encoding]
    return encoding if zeros > max(1, len(head) // 16) and others * 10 < zeros else None


def _named(data: bytes) -> list[str]:
    """Return the 8-bit or multi-byte encoding that the head of a file names, if Python has it."""
    found = _NAMED.search(data[:_HEAD])
    if not found:
        return []
    try:
        name = codecs.lookup(found[1].decode("ascii")).name
        b"a".decode(name)
    except (LookupError, UnicodeDecodeError):
        return []
    # Pages that say Latin-1 are Windows-1252 in practice (WHATWG Encoding Standard).
    name = "cp1252" if name in ("iso8859-1", "ascii") else name
    return [] if name.startswith(("utf-16", "utf-32")) else [name]
