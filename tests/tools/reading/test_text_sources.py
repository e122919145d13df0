"""A paper is read from the next source where one fails, and every file that people have is read."""

import io
import json
import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.paper_sources import packed

from fumehood_tools.errors import BadRequest, FumehoodError, Unreadable
from fumehood_tools.files import digest_of
from fumehood_tools.papers.library import Library
from fumehood_tools.papers.services import Services
from fumehood_tools.reading.reader import read_now
from fumehood_tools.reading.reading import Reading, ReadRequest
from fumehood_tools.reading.shelf import ReadingShelf
from fumehood_tools.reading.view import view_of
from fumehood_tools.settings import Settings, load_settings
from fumehood_tools.web.service import Keys

WORDS = "Rivers of ink were spilled over the banks of one small creek. " * 20
MAIN = (
    "\\documentclass{article}\\title{Creeks}\\begin{document}\\maketitle\\input{parts/intro}"
    "\\input{parts/method}\\cite{moss}\\bibliography{refs}\\end{document}"
)
INTRO = f"\\section{{Introduction}} {WORDS}"
METHOD = f"\\section{{Method}} {WORDS} With 64 latents."
BIB = "@article{moss, author={Ida Moss}, title={Ropes}, year={2030}}"
SOURCE = {"main.tex": MAIN, "parts/intro.tex": INTRO, "parts/method.tex": METHOD, "refs.bib": BIB}


def page(text: str) -> bytes:
    return f"<html><body><article><h1>Creeks</h1><p>{text}</p></article></body></html>".encode()


class Desk:
    """A workspace in which papers are read in this process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.library = Library(settings.state)
        self.services = Services(settings, Keys({}))

    def read(self, paper: str) -> Reading:
        return read_now(self.settings, self.library, self.services, ReadRequest(paper=paper))

    def said(self, paper: str) -> str:
        """Return the outline of a paper as an agent gets it."""
        reading = self.read(paper)
        document = ReadingShelf(self.settings, self.library).get(reading.paper)[1]
        return view_of(reading, document, "outline", None, None, lambda _: []).text()

    def fetched(self, paper: str, *, source: dict[str, str], page: bytes = b"") -> None:
        """Store files as if they had been fetched from arXiv. Nothing else can be fetched."""
        folder = self.settings.cache / "papers" / digest_of(paper)
        folder.mkdir(parents=True)
        (folder / "source").write_bytes(packed(source))
        if page:
            (folder / "page.html").write_bytes(page)

    def put(self, name: str, content: str | bytes) -> Path:
        path = self.settings.workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    settings = load_settings(tmp_path / "workspace", {"FUMEHOOD_CACHE": str(tmp_path / "cache")})
    desk = Desk(settings.model_copy(update={"offline": True}))
    yield desk
    desk.library.close()
    desk.services.close()


def outcomes(reading: Reading) -> list[str]:
    return [f"{it.source}: {it.status}" for it in reading.attempts]


# -- the next source -----------------------------------------------------------------------------


def test_a_source_that_lacks_files_gives_way_to_one_with_more_text(desk: Desk) -> None:
    lacking = {name: text for name, text in SOURCE.items() if "method" not in name}
    desk.fetched("arxiv:2401.00001", source=lacking, page=page(3 * WORDS))
    reading = desk.read("2401.00001")
    assert reading.source == "html"
    assert outcomes(reading) == ["latex: partial", "html: ok"]
    assert "'parts/method'" in reading.attempts[0].detail


def test_without_a_better_source_what_is_missing_stands_at_the_top(desk: Desk) -> None:
    lacking = {name: text for name, text in SOURCE.items() if "method" not in name}
    desk.fetched("arxiv:2401.00001", source=lacking, page=page("Short. " * 170))
    text = desk.said("2401.00001")
    assert desk.read("2401.00001").source == "latex"
    assert text.splitlines()[1].startswith("WARNING: only a part of the paper was read.")
    assert "'parts/method'" in text.splitlines()[1]
    assert "The source lacks 1 of the 3 files" in text


def test_a_bug_in_one_reader_is_the_failure_of_its_source(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(archive: bytes, part: str | None = None) -> None:
        raise KeyError("theorem")

    monkeypatch.setattr("fumehood_tools.reading.latex.read_latex", broken)
    desk.fetched("arxiv:2401.00001", source=SOURCE, page=page(WORDS))
    reading = desk.read("2401.00001")
    assert outcomes(reading) == ["latex: failed", "html: ok"]
    assert "KeyError at test_text_sources.py:" in reading.attempts[0].detail
    assert "please report it" in reading.attempts[0].detail
    desk.fetched("arxiv:2401.00002", source=SOURCE)
    with pytest.raises(Unreadable, match="latex: failed, The reader failed with KeyError"):
        desk.read("2401.00002")


def test_a_version_is_read_if_it_is_asked_for(desk: Desk) -> None:
    for version, title in (("", "Newest"), ("v1", "First")):
        text = SOURCE | {"main.tex": MAIN.replace("Creeks", title)}
        desk.fetched(f"arxiv:2401.00001{version}", source=text)
    assert desk.read("arXiv:2401.00001v1").title == "First"
    assert desk.read("https://arxiv.org/abs/2401.00001").title == "Newest"
    shelf = ReadingShelf(desk.settings, desk.library)
    assert shelf.get("arxiv:2401.00001v1")[1].title == "First"
    assert shelf.get("arxiv:2401.00001")[1].title == "Newest"
    with pytest.raises(Unreadable, match=r"arxiv:2401\.00001v9\..*omit 'v9' to read the newest"):
        desk.read("2401.00001v9")


def test_another_document_of_a_source_is_read_if_it_is_asked_for(desk: Desk) -> None:
    extra = MAIN.replace("Creeks", "Supplement").replace("\\input{parts/method}", "")
    desk.fetched("arxiv:2401.00001", source=SOURCE | {"supplement.tex": extra})
    assert "append '#' and its name" in desk.said("2401.00001")
    reading = desk.read("2401.00001#supplement.tex")
    assert (reading.paper, reading.title) == ("arxiv:2401.00001#supplement.tex", "Supplement")
    assert desk.read("2401.00001").title == "Creeks"
    assert desk.library.find("arxiv:2401.00001").title == "Creeks"
    with pytest.raises(Unreadable, match=r"no file 'none\.tex'"):
        desk.read("arxiv:2401.00001#none.tex")


# -- files of one's own --------------------------------------------------------------------------


def as_zip(files: dict[str, str], folder: str = "") -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in files.items():
            archive.writestr(folder + name, text)
    return data.getvalue()


@pytest.mark.parametrize("asked", ["proj", "./proj", "proj/", "proj/main.tex", "proj.zip", "p.tgz"])
def test_a_source_of_ones_own_is_read_whole(desk: Desk, asked: str) -> None:
    for name, text in SOURCE.items():
        desk.put(f"proj/{name}", text)
    desk.put("proj/figures/map.png", b"\x89PNG\0")
    desk.put("proj.zip", as_zip(SOURCE, "proj/"))
    desk.put("p.tgz", packed(SOURCE))
    reading = desk.read(asked)
    shelf = ReadingShelf(desk.settings, desk.library)
    document = shelf.get(reading.paper)[1]
    assert document.title == "Creeks" and document.missing == []
    assert [it.text for it in document.blocks if it.kind == "heading"] == ["Introduction", "Method"]
    assert [it.text for it in document.references] == ["Ida Moss. Ropes. 2030"]
    assert desk.read(reading.paper).digest == reading.digest, "the id leads to it too"


def test_a_file_address_and_an_absolute_path_are_read(desk: Desk) -> None:
    path = desk.put("my notes/Größe.md", f"# Notes\n\n{WORDS}")
    for asked in (path.as_uri(), f"file://localhost{path}", str(path), "my notes/Größe.md"):
        assert desk.read(asked).title == "Notes"
    with pytest.raises(BadRequest, match="another machine"):
        desk.read("file://server/notes.md")


def test_a_name_may_be_composed_otherwise_than_on_the_disk(desk: Desk) -> None:
    desk.put(unicodedata.normalize("NFD", "Größe.md"), f"# Notes\n\n{WORDS}")
    assert desk.read(unicodedata.normalize("NFC", "Größe.md")).title == "Notes"


def test_a_part_reads_the_files_above_its_folder(desk: Desk) -> None:
    desk.put("thesis/common/macros.tex", "\\newcommand{\\tool}{Quay}")
    desk.put("thesis/refs.bib", BIB)
    chapter = f"\\input{{../common/macros}}\\section{{One}} \\tool. {WORDS}"
    desk.put("thesis/chapters/one.tex", chapter)
    document = ReadingShelf(desk.settings, desk.library).get(
        desk.read("thesis/chapters/one.tex").paper
    )[1]
    assert document.blocks[1].text.startswith("Quay. Rivers")
    assert document.missing == []


def test_the_bbl_of_another_paper_in_the_folder_is_not_taken(desk: Desk) -> None:
    bbl = "\\begin{thebibliography}{1}\\bibitem{a} Other. 1999.\\end{thebibliography}"
    text = (
        f"\\documentclass{{article}}\\begin{{document}}{WORDS}\\bibliography{{x}}\\end{{document}}"
    )
    for name in ("one.tex", "two.tex"):
        desk.put(name, text)
    desk.put("two.bbl", bbl)
    shelf = ReadingShelf(desk.settings, desk.library)
    assert shelf.get(desk.read("one.tex").paper)[1].references == []
    assert len(shelf.get(desk.read("two.tex").paper)[1].references) == 1


def test_a_changed_part_of_a_source_makes_it_another_text(desk: Desk) -> None:
    for name, text in SOURCE.items():
        desk.put(name, text)
    before = desk.read("main.tex").paper
    assert desk.read("main.tex").paper == before
    desk.put("parts/method.tex", METHOD.replace("64", "128"))
    assert desk.read("main.tex").paper != before


def test_missing_neighbours_of_a_file_are_named(desk: Desk) -> None:
    desk.put("main.tex", MAIN.replace("\\cite{moss}", ""))
    desk.put("parts/intro.tex", INTRO)
    assert "WARNING: only a part of the paper was read." in desk.said("main.tex")
    (desk.settings.workspace / "parts" / "intro.tex").unlink()
    with pytest.raises(Unreadable) as refused:
        desk.read("main.tex")
    said = str(refused.value)
    assert "'parts/intro', 'parts/method'" in said
    assert "Next: put the missing files beside it" in said


@pytest.mark.parametrize(
    ("name", "content", "advice"),
    [
        pytest.param(
            "papers/torn.pdf",
            b"%PDF-1.7\nnothing",
            "check that it opens in a PDF viewer",
            marks=pytest.mark.child,
        ),
        ("papers/torn.zip", as_zip(SOURCE)[:100], "check that the file is whole"),
        ("papers/empty.tex.gz", b"\x1f\x8b", "check that the file is whole"),
        ("papers/empty.html", b"<html></html>", "check that the file is whole"),
        ("papers/notes/a.pdf", b"", "pass the path of one file in it"),
    ],
    ids=["pdf", "zip", "gz", "html", "folder"],
)
def test_the_error_of_a_file_says_what_its_owner_can_do(
    desk: Desk, name: str, content: bytes, advice: str
) -> None:
    desk.put(name, content)
    asked = "papers/notes" if "notes" in name else name
    with pytest.raises(FumehoodError) as refused:
        desk.read(asked)
    said = str(refused.value)
    assert f"Next: {advice}" in said
    for unfit in ("papers/ in the workspace", "etch it again", "another source", "not_installed"):
        assert unfit not in said


def test_a_file_of_another_kind_is_told_apart_from_one_that_is_not_there(desk: Desk) -> None:
    desk.put("papers/talk.docx", b"PK")
    with pytest.raises(BadRequest, match=r"talk\.docx cannot be read.*\.pdf.*Save it as a PDF"):
        desk.read("papers/talk.docx")
    for asked in ("papers/none.md", "./none", "file:///none.txt"):
        with pytest.raises(BadRequest, match="There is no file"):
            desk.read(asked)


def test_a_folder_with_the_name_of_an_id_does_not_hide_the_paper(desk: Desk) -> None:
    desk.put("2401.00001/main.tex", MAIN.replace("Creeks", "Mine"))
    desk.fetched("arxiv:2401.00001", source=SOURCE)
    assert desk.read("2401.00001").title == "Creeks"


def test_a_reading_of_an_older_release_is_still_found(desk: Desk) -> None:
    reading = desk.read(str(desk.put("a.md", WORDS)))
    path = desk.settings.state / "documents" / f"{reading.digest}.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    del stored["missing"]
    path.write_text(json.dumps(stored), encoding="utf-8")
    assert ReadingShelf(desk.settings, desk.library).get(reading.paper)[1].missing == []
