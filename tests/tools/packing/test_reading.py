"""Reading packs: pages that are whole together, ranges of lines, and searches."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.odd_repository import ODD_TEXTS, write_odd_repository

from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.packing.pack import Pack
from fumehood_tools.packing.reading import ReadPack, page_of
from fumehood_tools.packing.searching import search_texts
from fumehood_tools.packing.shelf import PackShelf
from fumehood_tools.packing.view import PackPage

Packed = tuple[Pack, PackShelf]


def pages(shelf: PackShelf, **asked: Any) -> Iterator[PackPage]:
    """Yield all pages of a reading."""
    cursor = None
    while True:
        page = page_of(shelf, ReadPack(cursor=cursor, **asked))
        yield page
        assert len(page.text()) <= 20_000 and len(page.model_dump_json(by_alias=True)) <= 20_000
        cursor = page.next_cursor
        if cursor is None:
            return


@pytest.mark.parametrize("format", ["xml", "markdown"])
def test_the_pages_of_a_file_are_together_its_exact_text(
    format: str, repository: Path, pack_it: Callable[..., Packed]
) -> None:
    write_odd_repository(repository)
    (repository / "many.py").write_text("x\n" * 9_000, "utf-8")
    (repository / "controls.txt").write_text("\x01" * 9_000 + "\n", "utf-8")
    pack, shelf = pack_it(format=format)
    for packed in shelf.files(pack):
        read = list(pages(shelf, pack=pack.pack, file=packed.path))
        assert all(page.exact for page in read)
        text = "".join(page.text_ for page in read)
        assert text.encode(read[0].encoding) == shelf.content(pack, packed), packed.path
    assert ODD_TEXTS.keys() < {it.path for it in shelf.files(pack)}


def test_the_whole_pack_can_be_read_page_by_page(
    repository: Path, pack_it: Callable[..., Packed], tmp_path: Path
) -> None:
    write_odd_repository(repository)
    pack, shelf = pack_it()
    read = [page.text_ for page in pages(shelf, pack=pack.pack, part="text")]
    assert len(read) > 1 and "".join(read) == (tmp_path / pack.path).read_bytes().decode()


def test_lines_are_numbered_as_in_the_file_on_every_page(
    repository: Path, pack_it: Callable[..., Packed]
) -> None:
    lines = [f"line {number}\n" for number in range(1, 5_001)]
    (repository / "a.txt").write_text("".join(lines), "utf-8")
    pack, shelf = pack_it()
    (page,) = pages(shelf, pack=pack.pack, file="a.txt", lines="40-42")
    assert page.text_ == "".join(lines[39:42]) and page.first_line == 40
    assert ">   40 line 40\n>   41 line 41\n" in page.text()
    for page in pages(shelf, pack=pack.pack, file="a.txt", lines="100-4000"):
        assert page.text_.startswith(f"line {page.first_line}\n")
    assert page.text_.endswith("line 4000\n")
    (last,) = pages(shelf, pack=pack.pack, file="a.txt", lines="5000-9999")
    assert last.text_ == "line 5000\n"
    for bad in ("0", "9-3", "x", "6000", "-5"):
        with pytest.raises(BadRequest, match="which has 5,000 lines. Write '10-40'"):
            page_of(shelf, ReadPack(pack=pack.pack, file="a.txt", lines=bad))


def test_files_are_listed_by_folder_or_pattern_and_an_unknown_one_is_an_error(
    repository: Path, pack_it: Callable[..., Packed]
) -> None:
    for path in ("src/a.py", "src/b.txt", "c.py"):
        (repository / path).parent.mkdir(exist_ok=True)
        (repository / path).write_text("x\n", "utf-8")
    pack, shelf = pack_it()

    def listed(file: str | None) -> list[str]:
        asked = ReadPack(pack=pack.pack, file=file, limit=1)
        first = page_of(shelf, asked)
        found = [
            row.path
            for page in pages(shelf, pack=pack.pack, file=file, limit=1)
            for row in page.files
        ]
        assert first.total == len(found)
        return found

    assert listed(None) == ["c.py", "src/a.py", "src/b.txt"]
    assert listed("src/") == ["src/a.py", "src/b.txt"] and listed("*.py") == ["c.py", "src/a.py"]
    with pytest.raises(UnknownName, match=r"No file 'src/a.pi'. Did you mean 'src/a.py'"):
        page_of(shelf, ReadPack(pack=pack.pack, file="src/a.pi"))
    with pytest.raises(UnknownName, match="Call pack_repository first"):
        page_of(shelf, ReadPack(pack="../../etc"))


def test_a_cursor_of_another_reading_is_refused(
    repository: Path, pack_it: Callable[..., Packed]
) -> None:
    for name in "abc":
        (repository / name).write_text("x\n", "utf-8")
    pack, shelf = pack_it()
    cursor = page_of(shelf, ReadPack(pack=pack.pack, limit=1)).next_cursor
    with pytest.raises(BadRequest, match="belongs to another call"):
        page_of(shelf, ReadPack(pack=pack.pack, file="a", cursor=cursor))


def test_a_search_finds_each_matching_line_once_with_file_and_line(
    repository: Path, pack_it: Callable[..., Packed]
) -> None:
    (repository / "a.py").write_text("k = 32\nx = k + k\n\nK = 1.5\n", "utf-8")
    (repository / "b.py").write_text("y" * 500 + "k" + "y" * 500 + "\r\n", "utf-8")
    pack, shelf = pack_it()

    def found(grep: str, **asked: Any) -> list[tuple[str, int]]:
        request = {"pack": pack.pack, "grep": grep, "limit": 1, **asked}
        return [(hit.file, hit.line) for page in pages(shelf, **request) for hit in page.hits]

    assert found("k") == [("a.py", 1), ("a.py", 2), ("b.py", 1)]
    assert found("k", ignore_case=True, file="a.py") == [("a.py", 1), ("a.py", 2), ("a.py", 4)]
    assert found("1.5") == [("a.py", 4)] and found("3.2") == []
    assert found(r"^\w = \d", regex=True) == [("a.py", 1), ("a.py", 4)]
    assert found("K = 1.5$", regex=True) == [("a.py", 4)]
    page = page_of(shelf, ReadPack(pack=pack.pack, grep="yk"))
    assert page.hits[0].text.startswith("…y") and len(page.hits[0].text) < 250


def test_no_regular_expression_makes_a_search_slow() -> None:
    texts = [("a", "x" * 50_000 + "\n" + "x" * 50_000)]
    options: Any = {"regex": True, "ignore_case": False, "skip": 0, "limit": 5}
    assert search_texts(texts, "(x+x+)+y", **options).total == 0
    assert search_texts(texts, "(x*)*$", **options).total == 2
    for bad in (r"(a)\1", "[", "(a{1000}){1000}", "(?=a)"):
        with pytest.raises(BadRequest, match="Invalid regular expression: .+ RE2"):
            search_texts(texts, bad, **options)
    for bad in ("", "a\nb", "x" * 501):
        with pytest.raises(BadRequest, match="1 to 500 characters"):
            search_texts(texts, bad, **options)


def test_a_search_stops_at_its_time_limit() -> None:
    times = iter(range(0, 1000, 15))
    with pytest.raises(BadRequest, match="took more than 20 s"):
        search_texts(
            [("a", "x"), ("b", "x"), ("c", "x")],
            "x",
            regex=False,
            ignore_case=False,
            skip=0,
            limit=1,
            clock=lambda: next(times),
        )
