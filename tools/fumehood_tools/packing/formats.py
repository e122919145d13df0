"""The two formats of a pack, and how the exact bytes of a file come out of it again.

XML parses as XML. The text of a <file> element is the file's text between two line feeds that are
not part of it. Carriage returns are written as &#13;, because a parser would change them.
Characters that XML cannot hold are written as the Unicode pictures of control characters
(controls="pictures"); a file that has such pictures itself is written as base64. Markdown puts each
file into a fence that is longer than any run of backticks in it; carriage returns and control
characters stay as they are. In both, text that is not UTF-8 is converted from Latin-1, and the
header of the file says so.
"""

import base64
import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from fumehood_tools.packing.text_files import Encoding

Format = Literal["xml", "markdown"]
Form = Literal["plain", "pictures", "base64"]
"""How the characters of a file are written."""

_PICTURES = {byte: chr(0x2400 + byte).encode() for byte in (*range(9), 11, 12, *range(14, 32))}
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_PICTURE = re.compile(rb"\xe2\x90[\x80-\x9f]")
_BASE64_BYTES = 57
# Those that we write and those that repomix writes, most frequent first. The ampersand comes after
# them, so that none is read twice.
_ENTITIES = (
    (b"&lt;", b"<"),
    (b"&gt;", b">"),
    (b"&#13;", b"\r"),
    (b"&quot;", b'"'),
    (b"&apos;", b"'"),
)
_CHARACTERS = {b"amp": b"&"} | {entity[1:-1]: character for entity, character in _ENTITIES}
# Entities in 64 KiB from which on it is quicker to look for each kind (lines of generated text).
_FEWEST, _SPARSE = 16, 128


class Written(NamedTuple):
    """How one file is written.

    fence: number of backticks. newline: whether one was added. data_end: whether `]]>` may be in
    it.
    """

    encoding: Encoding
    form: Form
    fence: int
    newline: bool
    data_end: bool = True


def escape_xml(text: bytes, *, data_end: bool = True) -> bytes:
    """Return text for the content of an element. `>` stays, except in `]]>`.

    data_end: whether `]]>` may be in it; to look for it takes longer than all the rest.
    """
    if b"&" in text:
        text = text.replace(b"&", b"&amp;")
    if b"<" in text:
        text = text.replace(b"<", b"&lt;")
    if data_end and b"]]>" in text:
        text = text.replace(b"]]>", b"]]&gt;")
    return text.replace(b"\r", b"&#13;") if b"\r" in text else text


def unescape_xml(text: bytes) -> bytes:
    """Return what `escape_xml` or repomix was given.

    A few entities are quickest replaced where a text is split at them; many, kind by kind.
    """
    most = _FEWEST + len(text) // _SPARSE
    first, *parts = text.split(b"&", most)
    if not parts:
        return text
    if len(parts) == most:
        return _unescape_many(text)
    return b"".join([first, *map(_after_ampersand, parts)])


def _after_ampersand(text: bytes) -> bytes:
    """Return what stands for an ampersand and the text after it."""
    name, end, rest = text.partition(b";")
    character = _CHARACTERS.get(name) if end else None
    return b"&" + text if character is None else character + rest


def _unescape_many(text: bytes) -> bytes:
    """Do as `unescape_xml`. To look for an entity takes as long as to replace it, so it ends when
    none is left.
    """
    entities = text.count(b"&")
    ampersands = text.count(b"&amp;")
    entities -= ampersands
    for entity, character in _ENTITIES:
        if not entities:
            break
        replaced = text.replace(entity, character)
        entities -= (len(text) - len(replaced)) // (len(entity) - 1)
        text = replaced
    return text.replace(b"&amp;", b"&") if ampersands else text


def attribute(text: str) -> str:
    """Return text for the value of an attribute in double quotes."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return text.replace("\t", "&#9;").replace("\n", "&#10;").replace("\r", "&#13;")


def rendered(blocks: Iterable[bytes], written: Written, format: Format) -> Iterator[bytes]:
    """Yield the blocks of a file as they stand in the pack."""
    if written.form == "base64":
        yield from _base64_lines(blocks)
        return
    for block in blocks:
        text = block.decode("latin-1").encode() if written.encoding == "latin-1" else block
        if format == "xml":
            text = escape_xml(text, data_end=written.data_end)
            if written.form == "pictures":
                text = _CONTROL.sub(lambda found: _PICTURES[found[0][0]], text)
        yield text


def original(text: bytes, written: Written, format: Format) -> bytes:
    """Return the file's exact bytes from what stands in the pack: the inverse of `rendered`.

    Raises UnicodeError or ValueError if the pack was changed.
    """
    if written.form == "base64":
        return base64.b64decode(text)
    if format == "xml":
        if written.form == "pictures":
            text = _PICTURE.sub(lambda found: bytes([found[0][2] - 0x80]), text)
        text = unescape_xml(text)
    return text.decode().encode("latin-1") if written.encoding == "latin-1" else text


def _base64_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        rest += block
        whole = len(rest) - len(rest) % _BASE64_BYTES
        if whole:
            yield base64.encodebytes(rest[:whole])
        rest = rest[whole:]
    if rest:
        yield base64.encodebytes(rest)
