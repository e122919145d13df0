"""Tell text from binary files, and cut text into blocks that can be handled one at a time.

A file is text if it is valid UTF-8 without NUL bytes. A file that is not UTF-8 is text, taken as
Latin-1, if it has no control characters except tabs, line ends and form feeds. All others are
binary. UTF-16 has NUL bytes, so it counts as binary and is named as UTF-16.
"""

import codecs
import re
from collections.abc import Iterable, Iterator, Set
from typing import Final, Literal, Protocol

Encoding = Literal["utf-8", "latin-1"]
Block = bytes | memoryview
Mark = Literal["not utf-8", "control", "fence", "long fence", "special", "data end"]
_NEXT, _NO_NEXT = r"[\x80-\xbf]", r"(?:[^\x80-\xbf]|$)"
# A byte that is never there, a second byte that is not allowed after its first, too few bytes of a
# character, and too many.
_NOT_UTF8 = (
    r"[\xc0\xc1\xf5-\xff]|\xe0[\x80-\x9f]|\xed[\xa0-\xbf]|\xf0[\x80-\x8f]|\xf4[\x90-\xbf]|"
    rf"[\xc2-\xf4]{_NO_NEXT}|[\xe0-\xf4]{_NEXT}{_NO_NEXT}|[\xf0-\xf4]{_NEXT}{{2}}{_NO_NEXT}|"
    rf"(?:^|[\x00-\x7f]){_NEXT}|[\xc2-\xdf]{_NEXT}{{2}}|[\xe0-\xef]{_NEXT}{{3}}|"
    rf"[\xf0-\xf4]{_NEXT}{{4}}"
)
MARKS: Final[dict[Mark, str]] = {
    "not utf-8": _NOT_UTF8,
    "control": r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]",
    "fence": "```",
    "long fence": "````",
    "special": r"\xe2\x90[\x80-\x9f]|\xef\xbf[\xbe\xbf]",
    "data end": r"\]\]>",
}
"""What `TextFacts` looks for, as expressions of bytes for Python and RE2: what is not UTF-8,
control characters, three and four backticks, pictures of control characters and what is no
character, the end of an XML section."""
ALL_MARKS: Final = frozenset(MARKS)

BLOCK_BYTES = 1 << 20
PIECE_BYTES = 1 << 14
# Longer lines are cut. Only generated files have them.
MOST_LINE = 4 << 20

_ALL_CONTROLS = bytes([*range(9), 11, *range(14, 32), 127])
_SAFE_CUT = re.compile(rb"(?:[\x80-\xbf`\]]|&[#a-z0-9]{0,6})+\Z")
# Characters that XML 1.0 cannot hold, and the pictures of control characters that replace them.
_NOT_XML = bytes([*range(9), 11, 12, *range(14, 32)])
_ANY_CONTROL = bytes({*_ALL_CONTROLS, *_NOT_XML})
_PICTURES = re.compile(rb"\xe2\x90[\x80-\x9f]")
_USUAL_FENCE = 12
_FENCE = re.compile(rb"`{%d,}" % _USUAL_FENCE)
# Decoded text may take four times as much memory.
_DECODED_AT_ONCE = 1 << 14
_new_decoder = codecs.getincrementaldecoder("utf-8")
_NO_CHARACTERS = re.compile(rb"\xef\xbf[\xbe\xbf]")


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes | None:
        """Return the next bytes, at most `size`; none at the end."""


def blocks_of(
    file: Readable, size: int | None = None, *, expected: int = BLOCK_BYTES, most: int = BLOCK_BYTES
) -> Iterator[bytes]:
    """Yield `size` bytes of a file, or all, in blocks of whole lines, each about `most` bytes long.

    What is not longer than that is one block. A line longer than MOST_LINE is cut, but never within
    a character, an entity or a fence. expected: how many bytes all may be, so that no more memory
    is taken for a small file, and its end is known without asking for more.
    """
    held: list[bytes] = []
    line = done = 0
    left = expected + 1 if size is None else size
    while chunk := file.read(asked := min(most, left)):
        done += len(chunk)
        left = most if size is None else left - len(chunk)
        if not left or (size is None and expected <= done and len(chunk) < asked):
            held.append(chunk)
            break
        end = chunk.rfind(b"\n") + 1
        line = len(chunk) - end if end else line + len(chunk)
        if not end and line > MOST_LINE:
            held, chunk = [], b"".join([*held, chunk])
            end = _cut(chunk)
            line = len(chunk) - end
        if end:
            yield b"".join([*held, chunk[:end]])
            held, chunk = [], chunk[end:]
        if chunk:
            held.append(chunk)
    if held:
        yield held[0] if len(held) == 1 else b"".join(held)


class _Slices:
    """Reads a block from its start on."""

    def __init__(self, block: Block) -> None:
        self._block, self._at = block, 0

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        part = bytes(self._block[self._at : self._at + size])
        self._at += len(part)
        return part


def pieces_of(block: Block) -> Iterable[bytes]:
    """Return a block in pieces of whole lines, for work that copies what it reads."""
    if len(block) > 2 * PIECE_BYTES:
        return blocks_of(_Slices(block), most=PIECE_BYTES)
    return [bytes(block)]


def _cut(line: bytes) -> int:
    """Return a place near the end of a long line at which it can be cut."""
    end = len(line) - 1
    tail = _SAFE_CUT.search(line, max(0, end - 1000), end)
    if tail:
        end = tail.start()
    return end - 1 if end > 0 and line[end - 1] >= 0xC0 else end


class TextFacts:
    """What must be known about a text file before it can be written; filled block by block."""

    __slots__ = (
        *("_decoder", "_is_utf8", "_has_controls", "_has_nul", "_start", "needs_pictures"),
        *("has_pictures", "never_xml", "has_data_end", "fence", "size", "lines"),
        "ends_with_newline",
    )

    def __init__(self) -> None:
        self._decoder: codecs.IncrementalDecoder | None = None
        self._is_utf8 = True
        self._has_controls = self._has_nul = False
        self._start = b""
        self.needs_pictures = self.has_pictures = self.never_xml = self.has_data_end = False
        self.fence, self.size, self.lines = 3, 0, 0
        self.ends_with_newline = True

    def add(self, block: Block, marks: Set[Mark] = ALL_MARKS) -> None:
        """Take one more block into account. marks: those in it, or all."""
        self._start = self._start or bytes(block[:2])
        self.size += len(block)
        self.ends_with_newline = block[-1:] == b"\n"
        for piece in pieces_of(block):
            self.lines += piece.count(b"\n")
            if marks:
                self._look_for(marks, piece)

    def _look_for(self, marks: Set[Mark], block: bytes) -> None:
        is_ascii = block.isascii()
        if "not utf-8" in marks and not is_ascii:
            self._decode(block)
        if "special" in marks and not is_ascii:
            self.has_pictures = self.has_pictures or bool(_PICTURES.search(block))
            self.never_xml = self.never_xml or bool(_NO_CHARACTERS.search(block))
        if "control" in marks and len(block.translate(None, _ANY_CONTROL)) < len(block):
            self._note_controls(block)
        if "long fence" in marks:
            self._lengthen_fence(block)
        elif "fence" in marks:
            self.fence = max(self.fence, 4)
        if "data end" in marks and not self.has_data_end:
            self.has_data_end = b"]]>" in block

    def _note_controls(self, block: bytes) -> None:
        if len(block.translate(None, _ALL_CONTROLS)) < len(block):
            self._has_controls = True
            self._has_nul = self._has_nul or b"\0" in block
        if not self.needs_pictures:
            self.needs_pictures = len(block.translate(None, _NOT_XML)) < len(block)

    @property
    def encoding(self) -> Encoding | None:
        """How to decode the file; None for a binary file."""
        if self._has_nul:
            return None
        if self._is_utf8 and (self._decoder is None or not self._decoder.getstate()[0]):
            return "utf-8"
        return None if self._has_controls else "latin-1"

    @property
    def binary_kind(self) -> str:
        """What a binary file is, for people."""
        utf16 = self._start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        return "UTF-16 text" if utf16 else "binary"

    def _lengthen_fence(self, block: bytes) -> None:
        """Make the fence longer than any run of backticks; short runs are found one by one."""
        while b"`" * self.fence in block:
            self.fence += 1
            if self.fence > _USUAL_FENCE:
                self.fence = max(len(run) + 1 for run in _FENCE.findall(block))
                return

    def _decode(self, block: bytes) -> None:
        if self._is_utf8:
            if self._decoder is None:
                self._decoder = _new_decoder()
            try:
                for at in range(0, len(block), _DECODED_AT_ONCE):
                    self._decoder.decode(block[at : at + _DECODED_AT_ONCE])
            except UnicodeDecodeError:
                self._is_utf8 = False
