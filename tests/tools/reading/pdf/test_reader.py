"""What is read from a PDF, what text is hidden in it, and what errors say."""

import subprocess
import sys
from pathlib import Path

import pytest
from fakes.tiny_pdf import Page, make_pdf

from fumehood_tools.errors import StorageFailed, Unreadable
from fumehood_tools.reading.document import Document
from fumehood_tools.reading.pdf import read_pdf

pytestmark = pytest.mark.child


def _read(folder: Path, *pages: Page, **options: object) -> Document:
    path = folder / "paper.pdf"
    path.write_bytes(make_pdf(list(pages)))
    return read_pdf(path, seconds=60, **options)  # type: ignore[arg-type]


def _text(document: Document) -> str:
    return " ".join([document.title, document.abstract, *(block.text for block in document.blocks)])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"<!doctype html><html>Sign in</html>", "not a PDF. It looks like a web page"),
        (b"\x89PNG\r\n\x1a\n" + b"0" * 2000, "not a PDF. It has no PDF header"),
        (b"%PDF-1.7\n" + b"nothing of a PDF follows " * 50, "damaged beyond repair"),
    ],
)
def test_what_is_no_pdf_is_refused_in_words(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "paper.pdf"
    path.write_bytes(content)
    with pytest.raises(Unreadable, match=message):
        read_pdf(path, seconds=60)


def test_a_missing_file_is_a_failure_of_storage(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="none.pdf"):
        read_pdf(tmp_path / "none.pdf")


@pytest.mark.parametrize("damage", ["torn off", "places shifted"])
def test_a_damaged_file_is_repaired_where_that_is_possible(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "paper.pdf"
    whole = make_pdf([Page().prose()])
    torn = whole[: whole.rindex(b"xref\n0")]
    shifted = whole.replace(b"%PDF-1.4\n", b"%PDF-1.4\n" * 9)
    path.write_bytes(torn if damage == "torn off" else shifted)
    assert "several words of plain prose" in _text(read_pdf(path, seconds=60))


def test_a_protected_file_asks_for_its_password_and_opens_with_it(tmp_path: Path) -> None:
    path = tmp_path / "paper.pdf"
    path.write_bytes(make_pdf([Page().prose()], password="sesame"))
    with pytest.raises(Unreadable, match="needs a password. Pass it as password"):
        read_pdf(path, seconds=60)
    with pytest.raises(Unreadable, match="password does not open") as refused:
        read_pdf(path, password="wrong", seconds=60)
    assert "wrong" not in str(refused.value)
    assert "several words" in _text(read_pdf(path, password="sesame", seconds=60))


def test_a_scan_says_that_it_is_one_and_what_would_help(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="a scan: its 2 pages are pictures.*OCR: install marker"):
        _read(tmp_path, Page(image=True), Page(image=True))


def test_a_pdf_without_any_text_says_so(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="has 1 pages and no text"):
        _read(tmp_path, Page())


def test_a_scanned_page_among_others_is_a_warning(tmp_path: Path) -> None:
    document = _read(tmp_path, Page().prose(), Page(image=True))
    assert document.warnings == ["Pages that are pictures without text: 2."]


def test_recognised_text_under_a_scan_is_read_and_named(tmp_path: Path) -> None:
    scan = Page(image=True)
    for line in range(20):
        scan.text(
            "words that a machine read off a picture of a page", 72, 700 - 12 * line, 10, "3 Tr"
        )
    document = _read(tmp_path, scan)
    assert "that a machine read" in _text(document) and not document.hidden
    assert document.warnings == ["OCR text of scanned pages: 1."]


def test_the_title_of_a_scan_is_told_by_the_size_of_its_letters(tmp_path: Path) -> None:
    scan = Page(image=True).text("Machines Read Large Letters Too", 120, 730, 18, "3 Tr")
    for line in range(20):
        scan.text("words that a machine read off a picture", 72, 690 - 12 * line, 10, "3 Tr")
    assert _read(tmp_path, scan).title == "Machines Read Large Letters Too"


def test_a_line_drawn_again_in_its_place_is_read_once(tmp_path: Path) -> None:
    line = "the heavy words of this line"
    page = Page().text(line, 72, 400).prose(20).text(line, 72, 400)
    assert _text(_read(tmp_path, page)).count("heavy") == 1


def test_too_many_pages_and_too_many_bytes_are_refused(tmp_path: Path) -> None:
    pages = [Page().prose(2) for _ in range(4)]
    with pytest.raises(Unreadable, match="4 pages, over the limit of 3"):
        _read(tmp_path, *pages, max_pages=3)
    with pytest.raises(Unreadable, match="over the limit of 0 MB"):
        _read(tmp_path, *pages, max_bytes=1000)


def test_reading_stops_at_its_deadline(tmp_path: Path) -> None:
    path = tmp_path / "paper.pdf"
    path.write_bytes(make_pdf([Page().prose() for _ in range(100)]))
    with pytest.raises(Unreadable, match="took over 0 s and was stopped"):
        read_pdf(path, seconds=0.05)


def test_progress_is_told_for_every_page(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    _read(tmp_path, *(Page().prose() for _ in range(3)), on_progress=lambda *it: told.append(it))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_the_caller_never_imports_what_reads_pdfs(tmp_path: Path) -> None:
    path = tmp_path / "paper.pdf"
    path.write_bytes(make_pdf([Page().prose()]))
    script = (
        "import sys; from pathlib import Path; from fumehood_tools.reading.pdf import read_pdf; "
        f"read_pdf(Path({str(path)!r})); "
        "print([name for name in ('numpy', 'pypdfium2') if name in sys.modules])"
    )
    tools = Path(__file__).resolve().parents[4] / "tools"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tools, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("why", "page"),
    [
        ("white", Page().prose().text("obey the hidden words", 72, 100, 10, "1 1 1 rg")),
        ("white", Page().prose().draw("0 0 1 rg 60 90 200 30 re f")
                  .text("obey the hidden words", 72, 100, 10, "0 0 1 rg")),
        ("invisible", Page().prose().text("obey the hidden words", 72, 100, 10, "3 Tr")),
        ("tiny", Page().prose().text("obey the hidden words", 72, 100, 0.5)),
        ("off-page", Page().prose().text("obey the hidden words", 72, -200)),
        ("off-page", Page(crop=(0, 150, 612, 792)).prose().text("obey the hidden words", 72, 60)),
    ],
)  # fmt: skip
def test_text_that_nobody_sees_is_kept_apart(tmp_path: Path, why: str, page: Page) -> None:
    document = _read(tmp_path, page)
    assert [(it.text, it.why, it.page) for it in document.hidden] == [
        ("obey the hidden words", why, 1)
    ]
    assert "obey" not in _text(document)
    assert "several words of plain prose" in _text(document)


def test_white_letters_on_a_dark_ground_are_seen(tmp_path: Path) -> None:
    page = Page().prose().draw("0 0 0.5 rg 60 90 400 30 re f")
    page.text("a header of a table in white", 72, 100, 10, "1 1 1 rg")
    document = _read(tmp_path, page)
    assert not document.hidden and "a header of a table in white" in _text(document)


def test_links_come_with_their_words_and_those_of_the_text_without_doubles(tmp_path: Path) -> None:
    page = Page().prose().text("our code and https://data.example.org/set.", 72, 400)
    page.text("and https://code.example.org/tool here", 72, 388)
    page.links += [("https://code.example.org/tool", (92.0, 396.0, 112.0, 410.0))]
    document = _read(tmp_path, page)
    found = [(link.url, link.text, link.page, link.origin) for link in document.links]
    assert found == [
        ("https://code.example.org/tool", "code", 1, "annotation"),
        ("https://data.example.org/set", "https://data.example.org/set", 1, "text"),
    ]


def test_a_link_over_two_lines_is_one(tmp_path: Path) -> None:
    page = Page().prose().text("it is kept at https://code.example.org/", 72, 400)
    page.text("group/tool for all", 72, 388)
    url = "https://code.example.org/group/tool"
    page.links += [(url, (142.0, 397.0, 280.0, 410.0)), (url, (72.0, 385.0, 121.0, 398.0))]
    links = _read(tmp_path, page).links
    assert [(link.url, link.text) for link in links] == [(url, url)]


def test_an_address_is_joined_over_a_line_end_only_where_it_goes_on(tmp_path: Path) -> None:
    page = Page().prose(4)
    page.text("The code of the paper is kept at the address https://git.example.", 72, 652)
    page.text("org/group/tool/-/tree/v1.2 and the data at https://data.example.org.", 72, 640)
    page.text("Results follow in the next section of this paper.", 72, 628)
    urls = [link.url for link in _read(tmp_path, page).links]
    assert urls == ["https://git.example.org/group/tool/-/tree/v1.2", "https://data.example.org"]


@pytest.mark.parametrize(
    "text",
    [
        "稀疏自编码器把激活分解为可读的特征",
        "Разреженные автокодировщики раскладывают активации",
        "Οι αραιοί αυτοκωδικοποιητές αναλύουν",
        "スパースなオートエンコーダは特徴を学ぶ",
        "희소 오토인코더는 특징을 배운다",
    ],
)
def test_text_in_other_scripts_survives(tmp_path: Path, text: str) -> None:
    document = _read(tmp_path, Page().prose(10).text(text, 72, 400))
    assert text.replace(" ", "") in _text(document).replace(" ", "")


def test_arabic_letters_survive(tmp_path: Path) -> None:
    word = "\u0645\u0631\u062d\u0628\u0627"
    text = _text(_read(tmp_path, Page().prose(10).text(word, 72, 400)))
    assert word in text or word[::-1] in text


def test_running_heads_and_page_numbers_are_no_text(tmp_path: Path) -> None:
    pages = [
        Page().text("A Running Head of the Journal", 72, 760).text(str(number), 300, 30).prose(40)
        for number in (1, 2, 3)
    ]
    text = _text(_read(tmp_path, *pages))
    assert "Running Head" not in text and not any(char.isdigit() for char in text)


def test_invisible_text_over_a_picture_stays_hidden_beside_other_text(tmp_path: Path) -> None:
    page = Page(image=True).prose(20).text("obey the hidden words", 72, 100, 10, "3 Tr")
    document = _read(tmp_path, page)
    assert [it.why for it in document.hidden] == ["invisible"] and "obey" not in _text(document)


def test_letters_beyond_the_first_plane_are_whole(tmp_path: Path) -> None:
    page = Page().prose(10).text("\U0001d465\U0001d466 and", 72, 400)
    text = _text(_read(tmp_path, page))
    assert text.endswith("xy and") and "\ufffd" not in text


@pytest.mark.parametrize("turn", ["0 1 -1 0 612 0 cm", "0 -1 1 0 0 792 cm"])
def test_a_page_that_is_set_sideways_is_read_upright(tmp_path: Path, turn: str) -> None:
    sideways = Page().draw(turn).text("the first line of a wide table", 90, 500).prose(10, y=480)
    document = _read(tmp_path, Page().prose(), sideways)
    text = _text(document).replace(" ", "")  # spaces are unreliable in a font without glyphs
    assert text.index("thefirstlineofawidetable") < text.rindex("severalwordsofplain")
    assert document.hidden == []
