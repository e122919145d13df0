"""Decode the text files of a LaTeX source.

A file that is valid UTF-8 is read as UTF-8. Any other file is read in the encoding that it, or
another file of the source, declares (`\\usepackage[cp1251]{inputenc}`, `\\inputencoding`, an
editor's comment, `\\begin{CJK}{GBK}`), and otherwise as cp1252, which contains Latin-1. Decoding
never fails.
"""

import codecs
import re
from collections import Counter

from fumehood_tools.papers.encodings import utf_16_without_mark

_DECLARED = re.compile(
    rb"^[^%\n]*?\\(?:usepackage|RequirePackage)\s*\[([^\]\n]{1,80})\]\s*\{\s*inputenx?c?\s*\}"
    rb"|^[^%\n]*?\\(?:inputencoding\s*\{|XeTeXinputencoding\s*\"?)([\w-]{1,20})"
    rb"|^%\s*!\s*TEX\s+encoding\s*=\s*([\w .-]{1,40})"
    rb"|-\*-[^\n]{0,80}?coding\s*:\s*([\w-]{1,20})"
    rb"|^[^%\n]*?\\begin\s*\{CJK\*?\}\s*(?:\[[^\]\n]{0,20}\])?\{(\w{2,8})\}",
    re.M | re.I,
)
_MULTIBYTE = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# What the option of inputenc, or the name of a CJK encoding, is called in Python. Latin-1 is read
# as cp1252, because files that declare it may hold the quotes and dashes of Windows.
_NAMES = {
    **dict.fromkeys(("latin1", "ansinew", "decmulti", "isolatin", "isolatin1", "ascii"), "cp1252"),
    **dict.fromkeys(("iso88591", "windowslatin1"), "cp1252"),
    **{
        f"{iso}latin{n}": f"iso8859_{part}"
        for n, part in zip(range(2, 11), (2, 3, 4, 9, 10, 13, 14, 15, 16), strict=True)
        for iso in ("", "iso")
    },
    **{f"iso8859{n}": f"iso8859_{n}" for n in (*range(2, 12), *range(13, 17))},
    **{f"cp125{n}": f"cp125{n}" for n in range(9)},
    **{f"windows125{n}": f"cp125{n}" for n in range(9)},
    **{f"cp{n}": f"cp{n}" for n in (437, 737, 850, 852, 855, 857, 858, 862, 863, 865, 866)},
    **{"cp437de": "cp437", "cp866av": "cp866", "applemac": "mac_roman", "macroman": "mac_roman"},
    **{"macce": "mac_latin2", "maccyr": "mac_cyrillic", "macukr": "mac_cyrillic"},
    **{"macosroman": "mac_roman", "windowslatin2": "cp1250", "windowscyrillic": "cp1251"},
    **{
        "windowslatin1": "cp1252",
        "koi8r": "koi8_r",
        "koi8u": "koi8_u",
        "koi8ru": "koi8_u",
        "greek": "iso8859_7",
    },
    **{"gbk": "gbk", "gb": "gbk", "gb2312": "gbk", "gb18030": "gb18030", "bg5": "big5"},
    **{"big5": "big5", "bg5hk": "big5hkscs", "jis": "euc_jp", "eucjp": "euc_jp"},
    **{"sjis": "shift_jis", "shiftjis": "shift_jis", "ks": "euc_kr", "euckr": "euc_kr"},
}


def decode(files: dict[str, bytes]) -> dict[str, str]:
    """Return the files as text. Decoding never fails."""
    texts = {name: _as_unicode(data) for name, data in files.items()}
    if all(text is not None for text in texts.values()):
        return {name: text for name, text in texts.items() if text is not None}
    declared = {name: found for name, data in files.items() if (found := _declared(data))}
    usual = Counter(declared.values()).most_common(1)
    whole = usual[0][0] if usual else None
    return {
        name: _as_declared(files[name], declared.get(name, whole)) if text is None else text
        for name, text in texts.items()
    }


def _declared(data: bytes) -> str | None:
    """Return the 8-bit encoding that a file declares last, None for UTF-8 or none at all."""
    found = None
    for match in _DECLARED.finditer(data):
        named = next(group for group in match.groups() if group)
        for name in named.decode("ascii", "replace").split(","):
            found = _NAMES.get(re.sub(r"[^a-z0-9]", "", name.lower()))
    return found


def _as_unicode(data: bytes) -> str | None:
    """Return a file that is valid UTF-8 or UTF-16 as text, None for any other file."""
    if data.startswith(_UTF_16):
        return data.decode("utf-16", errors="replace")
    if wide := utf_16_without_mark(data):
        return data.decode(wide, errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _as_declared(data: bytes, declared: str | None) -> str:
    if declared is None and _is_mostly_utf_8(data):
        return data.decode("utf-8-sig", errors=_AS_CP1252)
    return data.decode(declared or "cp1252", errors=_AS_CP1252)


def _is_mostly_utf_8(data: bytes) -> bool:
    """Whether more letters are valid UTF-8 than not, as where one name was pasted in wrongly."""
    rest, letters = _MULTIBYTE.subn(b"", data)
    return letters > sum(byte > 127 for byte in rest)


def _as_cp1252(error: UnicodeError) -> tuple[str, int]:
    """Decode bytes that are invalid in another encoding as cp1252, or as Latin-1 at worst."""
    assert isinstance(error, UnicodeDecodeError)
    wrong = error.object[error.start : error.end]
    try:
        return wrong.decode("cp1252" if error.encoding != "charmap" else "latin-1"), error.end
    except UnicodeDecodeError:
        return wrong.decode("latin-1"), error.end


_AS_CP1252 = "fumehood_as_cp1252"
codecs.register_error(_AS_CP1252, _as_cp1252)
