"""Write PDFs whose fonts have the names, the codes and the glyph names of TeX's fonts.

Every font is a small Type 1 program in which each glyph is a rectangle. A glyph name that no public
list has, such as "parenleftbig", leaves a reader with the code alone, as in papers that were made
with an older TeX. Coordinates are points from the bottom left of a page of 612 x 792.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from fakes.tiny_pdf import stream, written
from fumehood_tools.reading.document import Document
from fumehood_tools.reading.pdf.opening import read_document

WIDTH = 500
HANGS = (50, -1160, 450, 40)
"""The box of TeX's large brackets: they hang below their baseline."""


class Shape(NamedTuple):
    """The name of a glyph in its font, and its box in thousandths of the font size."""

    name: str
    box: tuple[int, int, int, int] = (50, 0, 450, 700)


@dataclass
class TexPage:
    """One page. A font is called by its name; all its glyphs are half as wide as they are high."""

    content: list[bytes] = field(default_factory=list)
    fonts: dict[str, dict[int, Shape]] = field(default_factory=dict)

    def text(
        self, text: str, x: float, y: float, size: float = 10, font: str = "CMR10"
    ) -> "TexPage":
        """Write ASCII text with its baseline at y. A space is a gap, as in TeX."""
        shapes = self.fonts.setdefault(font, {})
        parts = []
        for word in text.split(" "):
            for char in word:
                shapes.setdefault(ord(char), Shape(_NAMES.get(char, char)))
            parts.append(f"<{word.encode('ascii').hex()}>")
        return self._show(" -333 ".join(parts), x, y, size, font)

    def glyph(
        self, shape: Shape, code: int, x: float, y: float, size: float = 10, font: str = "CMR10"
    ) -> "TexPage":
        """Write one glyph by its code in the font."""
        self.fonts.setdefault(font, {})[code] = shape
        return self._show(f"<{code:02x}>", x, y, size, font)

    def _show(self, codes: str, x: float, y: float, size: float, font: str) -> "TexPage":
        self.content.append(f"BT /{font} {size} Tf {x} {y} Td [{codes}] TJ ET".encode("ascii"))
        return self

    def prose(self, count: int = 12, y: float = 700, size: float = 10) -> "TexPage":
        """Write lines that look like a paper's text."""
        for line in range(count):
            self.text("several words of plain prose that fill a line", 72, y - 12 * line, size)
        return self


_NAMES = {
    ".": "period", ",": "comma", ":": "colon", "=": "equal", "-": "hyphen", "(": "parenleft",
    ")": "parenright", "/": "slash", "~": "asciitilde", "*": "asterisk", "[": "bracketleft",
    "]": "bracketright", "@": "at", "%": "percent", "0": "zero", "1": "one", "2": "two",
    "3": "three", "4": "four", "5": "five", "6": "six", "7": "seven", "8": "eight", "9": "nine",
    "+": "plus", ";": "semicolon", "_": "underscore", "#": "numbersign", "&": "ampersand",
    "!": "exclam", "?": "question",
}  # fmt: skip


def make_tex_pdf(*pages: TexPage) -> bytes:
    """Return a PDF of these pages."""
    objects: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    kids = []
    for page in pages:
        fonts = b""
        for name, shapes in page.fonts.items():
            fonts += b"/%s %d 0 R " % (name.encode("ascii"), _add_font(objects, name, shapes))
        objects.append(stream(b"\n".join(page.content)))
        kids.append(len(objects) + 1)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R "
            b"/Resources << /Font << %s >> >> >>" % (len(objects), fonts)
        )
    listed = b" ".join(b"%d 0 R" % kid for kid in kids)
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (listed, len(kids))
    return written(objects)


def read_tex_pdf(folder: Path, *pages: TexPage) -> Document:
    """Write these pages as a PDF, and return what is read from it, without a child process."""
    path = folder / "paper.pdf"
    path.write_bytes(make_tex_pdf(*pages))
    return read_document(
        path, name=path.name, password=None, max_pages=9, on_page=lambda done, total: None
    )


def _add_font(objects: list[bytes], name: str, shapes: dict[int, Shape]) -> int:
    program, parts = _type_one(name, shapes)
    extra = b"/Length1 %d /Length2 %d /Length3 %d" % parts
    objects.append(stream(program, extra))
    widths = b" ".join([b"%d" % WIDTH] * 256)
    objects.append(
        b"<< /Type /Font /Subtype /Type1 /BaseFont /AAAAAA+%s /FirstChar 0 /LastChar 255 "
        b"/Widths [%s] /FontDescriptor << /Type /FontDescriptor /FontName /AAAAAA+%s /Flags 4 "
        b"/FontBBox [0 -1200 1000 800] /ItalicAngle 0 /Ascent 700 /Descent -200 /CapHeight 700 "
        b"/StemV 80 /FontFile %d 0 R >> >>"
        % (name.encode("ascii"), widths, name.encode("ascii"), len(objects))
    )
    return len(objects)


def _type_one(name: str, shapes: dict[int, Shape]) -> tuple[bytes, tuple[int, int, int]]:
    """Return a Type 1 font program, and the lengths of its three parts."""
    encoding = "".join(f"dup {code} /{shape.name} put\n" for code, shape in shapes.items())
    clear = (
        f"%!PS-AdobeFont-1.0: {name}\n11 dict begin\n/FontInfo 1 dict dup begin end readonly def\n"
        f"/FontName /{name} def\n/PaintType 0 def\n/FontType 1 def\n"
        "/FontMatrix [0.001 0 0 0.001 0 0] readonly def\n/Encoding 256 array\n"
        f"0 1 255 {{1 index exch /.notdef put}} for\n{encoding}readonly def\n"
        "/FontBBox {0 -1200 1000 800} readonly def\ncurrentdict end\ncurrentfile eexec\n"
    ).encode("ascii")
    drawn = {".notdef": _drawn((0, 0, 0, 0))}
    drawn |= {shape.name: _drawn(shape.box) for shape in shapes.values()}
    private = (
        b"dup /Private 8 dict dup begin\n/RD {string currentfile exch readstring pop} executeonly "
        b"def\n/ND {noaccess def} executeonly def\n/NP {noaccess put} executeonly def\n"
        b"/BlueValues [] def\n/password 5839 def\n2 index /CharStrings %d dict dup begin\n"
        % len(drawn)
    )
    for glyph, code in drawn.items():
        packed = _encrypted(b"\0\0\0\0" + code, 4330)
        private += b"/%s %d RD %s ND\n" % (glyph.encode("ascii"), len(packed), packed)
    private += b"end\nend\nreadonly put\nnoaccess put\ndup/FontName get exch definefont pop\n"
    private += b"mark currentfile closefile\n"
    secret = _encrypted(b"abcd" + private, 55665)
    end = b"0" * 512 + b"\ncleartomark\n"
    return clear + secret + end, (len(clear), len(secret), len(end))


def _drawn(box: tuple[int, int, int, int]) -> bytes:
    """Return the charstring of a rectangle."""
    x0, y0, x1, y1 = box
    width, height = x1 - x0, y1 - y0
    steps = [(0, WIDTH, 13), (x0, y0, 21), (width, 0, 5), (0, height, 5), (-width, 0, 5)]
    return b"".join(_number(a) + _number(b) + bytes([op]) for a, b, op in steps) + bytes([9, 14])


def _number(value: int) -> bytes:
    return b"\xff" + value.to_bytes(4, "big", signed=True)


def _encrypted(data: bytes, key: int) -> bytes:
    out = bytearray()
    for byte in data:
        code = byte ^ (key >> 8)
        out.append(code)
        key = ((code + key) * 52845 + 22719) & 0xFFFF
    return bytes(out)
