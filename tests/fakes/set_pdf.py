"""Set small papers as PDFs: words in four faces at given places, justified text, and drawings.

All letters are half as wide as the font is high, so that a test can tell where a word ends.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fakes.tiny_pdf import stream, written
from fumehood_tools.reading.document import Document
from fumehood_tools.reading.pdf.opening import read_document

LETTER, SPACE = 0.5, 0.28
FACES = {"roman": "Quay", "bold": "Quay-Bold", "italic": "Quay-Italic", "mono": "Quay-Mono"}
PROSE = (
    "The boats of the harbour carry letters from town to town and each of them is read by a clerk "
    "who writes down what he finds. We ask him to note the length of a letter and the hour at "
    "which it came. Most letters are short and some are lost on the way to us. Where two clerks "
    "differ we read the letter again and keep the longer note. "
)
Run = tuple[str, str]


@dataclass
class Sheet:
    """One page of 612 x 792 points. Heights are measured from the bottom."""

    content: list[str] = field(default_factory=list)
    form: str = ""

    def draw(self, operators: str) -> "Sheet":
        """Add operators of PDF."""
        self.content.append(operators)
        return self

    def text(self, text: str, x: float, y: float, size: float = 10, face: str = "roman") -> "Sheet":
        """Write text from x on."""
        return self.runs([(text, face)], x, y, size)

    def runs(self, runs: Sequence[Run], x: float, y: float, size: float = 10) -> "Sheet":
        """Write pieces of text in several faces, with a space between them."""
        for text, face in runs:
            for word in text.split():
                self.word(word, x, y, size, face)
                x += width_of(word, size) + SPACE * size
        return self

    def word(self, word: str, x: float, y: float, size: float = 10, face: str = "roman") -> "Sheet":
        """Write one word."""
        return self.draw(f"BT /{face} {size} Tf {x:.2f} {y:.2f} Td {_shown(word)} Tj ET")

    def prose(
        self,
        x: float,
        y: float,
        width: float = 468,
        *,
        lines: int = 8,
        text: str = PROSE,
        size: float = 10,
        pitch: float = 12,
    ) -> float:
        """Write justified text, and return the height of the line below it.

        Short text is repeated up to the number of lines. The last line of other text is not
        stretched.
        """
        words = text.split()
        while text == PROSE and sum(width_of(word, size) for word in words) < lines * width:
            words += text.split()
        for number, line in enumerate(list(_wrapped(words, width, size))[:lines]):
            full = text == PROSE or number < lines - 1 and line[1]
            self._stretched(line[0], x, y, width if full else 0, size)
            y -= pitch
        return y

    def _stretched(self, words: list[str], x: float, y: float, width: float, size: float) -> None:
        taken = sum(width_of(word, size) for word in words)
        gap = (width - taken) / max(1, len(words) - 1) if width else SPACE * size
        for word in words:
            self.word(word, x, y, size)
            x += width_of(word, size) + gap


def width_of(word: str, size: float) -> float:
    """Return the width of a word in points."""
    return LETTER * size * len(word)


def _wrapped(words: Sequence[str], width: float, size: float) -> Iterator[tuple[list[str], bool]]:
    """Yield lines of words, and whether another line follows."""
    line: list[str] = []
    for word in words:
        taken = sum(width_of(it, size) + SPACE * size for it in line)
        if line and taken + width_of(word, size) > width:
            yield line, True
            line = []
        line.append(word)
    yield line, False


def _shown(word: str) -> str:
    return "<" + word.encode("utf-16-be").hex() + ">"


def set_pdf(sheets: Sequence[Sheet]) -> bytes:
    """Return the pages as a PDF."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"",
        stream(_to_unicode(sheets).encode("ascii")),
    ]
    fonts = []
    for face, name in FACES.items():
        fonts.append(f"/{face} {len(objects) + 1} 0 R")
        objects += [
            f"<< /Type /Font /Subtype /Type0 /BaseFont /{name} /Encoding /Identity-H "
            f"/DescendantFonts [{len(objects) + 2} 0 R] /ToUnicode 3 0 R >>".encode(),
            f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /{name} /DW 500 /W [32 [280]] "
            "/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> "
            f"/FontDescriptor << /Type /FontDescriptor /FontName /{name} /Flags 4 "
            "/FontBBox [0 -200 1000 800] /ItalicAngle 0 /Ascent 800 /Descent -200 "
            "/CapHeight 700 /StemV 80 >> >>".encode(),
        ]
    kids = []
    for sheet in sheets:
        form = stream(
            sheet.form.encode("ascii"), b"/Type /XObject /Subtype /Form /BBox [0 0 600 600]"
        )
        objects += [stream(_all(sheet).encode("ascii")), form]
        kids.append(f"{len(objects) + 1} 0 R")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] "
            f"/Contents {len(objects) - 1} 0 R /Resources << /Font << {' '.join(fonts)} >> "
            f"/XObject << /F {len(objects)} 0 R >> >> >>".encode()
        )
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    return written(objects)


def _to_unicode(sheets: Sequence[Sheet]) -> str:
    """Return the map from codes to characters: codes are UTF-16."""
    shown = "".join(part for sheet in sheets for part in re.findall("<([0-9a-f]+)>", _all(sheet)))
    codes = sorted({shown[at : at + 4] for at in range(0, len(shown), 4)})
    lines = [f"<{code}> <{code}>" for code in codes]
    blocks = [lines[at : at + 100] for at in range(0, len(lines), 100)]
    body = "\n".join(f"{len(it)} beginbfchar\n" + "\n".join(it) + "\nendbfchar" for it in blocks)
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def "
        f"/CMapType 2 def 1 begincodespacerange <0000> <ffff> endcodespacerange\n{body}\n"
        "endcmap end end"
    )


def _all(sheet: Sheet) -> str:
    return "\n".join(sheet.content)


def read_sheets(folder: Path, *sheets: Sheet) -> Document:
    """Return the document that is read from pages, without a child process."""
    path = folder / "paper.pdf"
    path.write_bytes(set_pdf(sheets))
    return read_document(
        path, name=path.name, password=None, max_pages=50, on_page=lambda done, total: None
    )


def text_of(document: Document) -> str:
    """Return all of the text that is read."""
    return " ".join([document.title, document.abstract, *(block.text for block in document.blocks)])


def outline(document: Document) -> list[tuple[str | None, str]]:
    """Return the numbers and titles of the headings."""
    return [(block.number, block.text) for block in document.blocks if block.kind == "heading"]


def front(title: str = "Harbour Letters") -> Sheet:
    """Return a first page with title, author and abstract; its text can begin at 540."""
    sheet = Sheet().text(title, 200, 700, 17).text("Ada Quill", 270, 670, 11)
    sheet.text("Abstract", 286, 640, 10, "bold")
    sheet.prose(100, 620, 412, lines=4)
    return sheet
