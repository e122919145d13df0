"""Write PDFs byte by byte, for features that none of the test papers have.

`Page` collects content. Text in any script is written with a font without glyphs. Its ToUnicode map
gives the characters, which is all that a reader needs.
"""

import hashlib
import zlib
from dataclasses import dataclass, field

PAD = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")


@dataclass
class Page:
    """One page of 612 x 792 points; draw() and text() add to it."""

    content: list[bytes] = field(default_factory=list)
    links: list[tuple[str, tuple[float, float, float, float]]] = field(default_factory=list)
    image: bool = False
    crop: tuple[int, int, int, int] = (0, 0, 612, 792)

    def draw(self, operators: str) -> "Page":
        """Add PDF operators to the page's content."""
        self.content.append(operators.encode("ascii"))
        return self

    def text(self, text: str, x: float, y: float, size: float = 10, before: str = "") -> "Page":
        """Write text with its baseline at y, measured from the bottom of the page."""
        codes = "".join(f"{_code(char):04x}" for char in text)
        return self.draw(f"q {before} BT /U {size} Tf {x} {y} Td <{codes}> Tj ET Q")

    def prose(self, count: int = 20, y: float = 700) -> "Page":
        """Write lines that look like a paper's text."""
        for line in range(count):
            self.text("several words of plain prose that fill a line of a page", 72, y - 12 * line)
        return self


def make_pdf(pages: list[Page], *, password: str | None = None) -> bytes:
    """Return a PDF; with a password, it is encrypted."""
    letters = sorted({char for page in pages for char in _letters(page)})
    objects: list[bytes] = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"",
        b"<< /Type /Font /Subtype /Type0 /BaseFont /AAAAAA+Plain /Encoding /Identity-H "
        b"/DescendantFonts [4 0 R] /ToUnicode 5 0 R >>",
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /AAAAAA+Plain /CIDSystemInfo "
        b"<< /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /DW 500 /FontDescriptor "
        b"<< /Type /FontDescriptor /FontName /AAAAAA+Plain /Flags 4 /FontBBox [0 -200 1000 800] "
        b"/ItalicAngle 0 /Ascent 800 /Descent -200 /CapHeight 700 /StemV 80 >> >>",
        stream(_to_unicode(letters)),
        stream(b"\x80" * 100, b"/Type /XObject /Subtype /Image /Width 10 /Height 10 "
                b"/ColorSpace /DeviceGray /BitsPerComponent 8"),
    ]  # fmt: skip
    kids = []
    for page in pages:
        content = b"\n".join(page.content)
        if page.image:
            content = b"q 612 0 0 792 0 0 cm /I Do Q\n" + content
        objects.append(stream(content))
        notes = b" ".join(
            b"<< /Type /Annot /Subtype /Link /Rect [%s] /Border [0 0 0] "
            b"/A << /S /URI /URI (%s) >> >>" % (" ".join(map(str, box)).encode(), url.encode())
            for url, box in page.links
        )
        kids.append(len(objects) + 1)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /CropBox [%s] /Contents %d 0 R "
            b"/Annots [%s] /Resources << /Font << /U 3 0 R >> /XObject << /I 6 0 R >> >> >>"
            % (" ".join(map(str, page.crop)).encode(), len(objects), notes)
        )
    listed = b" ".join(b"%d 0 R" % kid for kid in kids)
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (listed, len(kids))
    return written(objects, password)


def _code(char: str) -> int:
    """Return the code of a letter. Mathematical letters (U+1Dxxx) get private-use codes."""
    return ord(char) if ord(char) < 0x10000 else 0xE000 + (ord(char) & 0xFFF)


def _char(code: int) -> str:
    return chr(0x1D000 + (code & 0xFFF)) if 0xE000 <= code < 0xF000 else chr(code)


def _letters(page: Page) -> set[str]:
    codes = b"".join(page.content).decode("ascii").split("<")[1:]
    return {
        _char(int(text[at : at + 4], 16))
        for text in (code.split(">")[0] for code in codes)
        for at in range(0, len(text), 4)
    }


def stream(data: bytes, extra: bytes = b"") -> bytes:
    packed = zlib.compress(data)
    head = b"<< %s /Filter /FlateDecode /Length %d >>" % (extra, len(packed))
    return head + b"\nstream\n" + packed + b"\nendstream"


def _to_unicode(letters: list[str]) -> bytes:
    lines = [
        b"<%04x> <%s>" % (_code(char), char.encode("utf-16-be").hex().encode()) for char in letters
    ]
    blocks = [lines[at : at + 100] for at in range(0, len(lines), 100)]
    body = b"\n".join(
        b"%d beginbfchar\n%s\nendbfchar" % (len(block), b"\n".join(block)) for block in blocks
    )
    return (
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def "
        b"/CMapType 2 def 1 begincodespacerange <0000> <ffff> endcodespacerange\n"
        + body
        + b"\nendcmap end end"
    )


def written(objects: list[bytes], password: str | None = None) -> bytes:
    trailer = b"/Size %d /Root 1 0 R" % (len(objects) + 1 + bool(password))
    if password:
        identity = b"0123456789abcdef"
        owner = _rc4(hashlib.md5((password.encode() + PAD)[:32]).digest()[:5],
                     (password.encode() + PAD)[:32])  # fmt: skip
        rights = (-4 & 0xFFFFFFFF).to_bytes(4, "little")
        seed = (password.encode() + PAD)[:32] + owner + rights + identity
        key = hashlib.md5(seed).digest()[:5]
        objects = [_encrypted(it, number, key) for number, it in enumerate(objects, 1)]
        objects.append(
            b"<< /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>"
            % (owner.hex().encode(), _rc4(key, PAD).hex().encode())
        )
        id_text = identity.hex().encode()
        trailer += b" /Encrypt %d 0 R /ID [<%s> <%s>]" % (len(objects), id_text, id_text)
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< %s >>\nstartxref\n%d\n%%%%EOF\n" % (trailer, start)
    return bytes(out)


def _encrypted(body: bytes, number: int, key: bytes) -> bytes:
    """Return an object with its stream encrypted."""
    head, mark, rest = body.partition(b"\nstream\n")
    if not mark:
        return body
    data = rest.removesuffix(b"\nendstream")
    own = hashlib.md5(key + number.to_bytes(3, "little") + b"\0\0").digest()[:10]
    return head + mark + _rc4(own, data) + b"\nendstream"


def _rc4(key: bytes, data: bytes) -> bytes:
    box, at = list(range(256)), 0
    for place in range(256):
        at = (at + box[place] + key[place % len(key)]) % 256
        box[place], box[at] = box[at], box[place]
    out, one, two = bytearray(), 0, 0
    for byte in data:
        one = (one + 1) % 256
        two = (two + box[one]) % 256
        box[one], box[two] = box[two], box[one]
        out.append(byte ^ box[(box[one] + box[two]) % 256])
    return bytes(out)
