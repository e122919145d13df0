"""Mutated PDFs: each one gives a document or a typed error in time, and the parent survives."""

import random
import re
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest
from fakes.tiny_pdf import Page, make_pdf

from fumehood_tools.errors import FumehoodError
from fumehood_tools.reading.document import Document
from fumehood_tools.reading.pdf import read_pdf

SECONDS = 20.0
PAPERS = Path(__file__).with_name("papers")


@cache
def _seeds() -> list[bytes]:
    pages = [Page().prose(40), Page(image=True), Page().text("1 Introduction", 72, 700, 14)]
    return [make_pdf(pages), *(path.read_bytes() for path in sorted(PAPERS.glob("*.pdf")))]


def _flip(data: bytes, dice: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(dice.choice((1, 10, 100, 1000))):
        out[dice.randrange(len(out))] ^= 1 << dice.randrange(8)
    return bytes(out)


def _truncate(data: bytes, dice: random.Random) -> bytes:
    return data[: dice.randrange(10, len(data))]


def _splice(data: bytes, dice: random.Random) -> bytes:
    """Replace a piece of the file by a piece of another one."""
    other = dice.choice(_seeds())
    start, at = dice.randrange(len(other)), dice.randrange(len(data))
    piece = other[start : start + dice.randrange(1, 4000)]
    return data[:at] + piece + data[at + dice.randrange(0, 2000) :]


def _break_xref(data: bytes, dice: random.Random) -> bytes:
    return re.sub(rb"\b\d{10} 00000 n", lambda _: b"%010d 00000 n" % dice.randrange(10**9), data)


def _huge_numbers(data: bytes, dice: random.Random) -> bytes:
    huge = (b"2147483647", b"-2147483648", b"99999999999999999999", b"1e308", b"0.0000001")
    return re.sub(
        rb"(?<=[ \[])\d{1,4}(?=[ \]/])",
        lambda match: dice.choice(huge) if dice.random() < 0.02 else match[0],
        data,
    )


def _deep(data: bytes, dice: random.Random) -> bytes:
    depth = dice.choice((100, 5000, 200_000))
    nest = b"[" * depth if dice.random() < 0.5 else b"<< /A " * depth
    return data.replace(b"/Annots [", b"/Nest " + nest + b" /Annots [", 1)


def _cycle(data: bytes, dice: random.Random) -> bytes:
    kids = dice.choice((b"/Kids [2 0 R ", b"/Kids [2 0 R 2 0 R 1 0 R "))
    return data.replace(b"/Kids [", kids).replace(b"/Count 3", b"/Count 1999")


def _bomb(data: bytes, dice: random.Random) -> bytes:
    """Give a page a content stream that decompresses to a very large size."""
    unit = dice.choice((b"\0", b"q ", b"BT /U 9 Tf 1 1 Td <00410042> Tj ET ", b"1 1 m 2 2 l S "))
    packed = zlib.compress(unit * (dice.choice((10, 60)) * 1_000_000 // len(unit)))
    body = b"<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(packed), packed)
    return re.sub(
        rb"7 0 obj\n.*?endobj", lambda _: b"7 0 obj\n" + body + b"\nendobj", data, flags=re.S
    )


def _odd_places(data: bytes, dice: random.Random) -> bytes:
    """Put text at positions and in sizes that no real page has."""
    page = Page()
    for _ in range(200):
        x, y = (dice.choice((0, 1e9, -1e9, 1e30, 0.0001, 300)) for _ in range(2))
        letters = chr(dice.randrange(32, 0xD7FF)) * dice.randrange(1, 30)
        page.text(letters, x, y, dice.choice((0, -9, 9, 1e9)))
        page.draw(f"{x} {y} {dice.choice((1, 1e9))} {dice.choice((0.1, 1e9))} re f")
    return make_pdf([page, Page().prose()])


MUTATIONS: list[Callable[[bytes, random.Random], bytes]] = [
    *(_flip, _truncate, _splice, _break_xref, _huge_numbers),
    *(_deep, _cycle, _bomb, _odd_places, _flip),
]


def _mutant(number: int) -> bytes:
    dice = random.Random(number)
    mutate = MUTATIONS[number % len(MUTATIONS)]
    whole = mutate in (_deep, _cycle, _bomb)
    return mutate(_seeds()[0] if whole else dice.choice(_seeds()), dice)


def _outcome(folder: Path, number: int) -> str:
    """Return the outcome for one mutant: 'document', 'error', or something that must not happen."""
    path = folder / f"{number}.pdf"
    path.write_bytes(_mutant(number))
    start = time.monotonic()
    try:
        read = read_pdf(path, seconds=SECONDS, memory=1_500_000_000)
    except FumehoodError as error:
        outcome = "error" if str(error) else "an error without words"
    else:
        outcome = "document" if isinstance(read, Document) else "something else"
    late = time.monotonic() - start > SECONDS + 10
    return f"late {outcome}" if late else outcome


def _outcomes(folder: Path, numbers: range) -> set[str]:
    with ThreadPoolExecutor(2) as pool:
        return set(pool.map(lambda number: _outcome(folder, number), numbers))


def test_mutated_files_give_a_document_or_a_typed_error(tmp_path: Path) -> None:
    assert _outcomes(tmp_path, range(20)) == {"document", "error"}


@pytest.mark.slow
def test_many_mutated_files_give_a_document_or_a_typed_error(tmp_path: Path) -> None:
    assert _outcomes(tmp_path, range(20, 200)) == {"document", "error"}
