"""The library finds every paper that it has seen, by words and by every id it ever had."""

import threading
from pathlib import Path

import pytest

from fumehood_tools.errors import StorageFailed, UnknownName
from fumehood_tools.papers.bibtex import read_bibtex, write_bibtex
from fumehood_tools.papers.library import Library
from fumehood_tools.papers.local_files import take_in
from fumehood_tools.papers.paper import Judgement, make_paper

BIB = r"""
@string{nips = "Advances in Neural Information Processing Systems"}
@article{cunningham2023, title = {Sparse {A}utoencoders Find Highly Interpretable Features},
  author = {Cunningham, Hoagy and Ewart, Aidan}, year = 2023,
  journal = {arXiv preprint arXiv:2309.08600}}
@inproceedings{olah, title = "Zoom In: {\'E}tudes of Circuits", author = "Chris Olah",
  year = "2020",
  booktitle = nips, doi = {10.23915/distill.00024.001}}
@misc{broken, title = {Never closed
"""


@pytest.fixture
def library(tmp_path: Path):
    library = Library(tmp_path / "state")
    yield library
    library.close()


def _paper(title: str, *ids: str, **known: object):
    made = make_paper("x", title=title, identifiers=list(ids), **known)
    assert made is not None
    return made


def test_a_paper_is_found_by_every_id_that_ever_led_to_it(library: Library) -> None:
    nameless = library.remember([_paper("Toy models of superposition", year=2022)])[0]
    library.remember([_paper("Toy Models of Superposition", "10.1000/tms", year=2022)])
    library.remember([_paper("Toy Models of Superposition", "arxiv:2209.10652", year=2023)])
    for name in (nameless.id, "doi:10.1000/tms", "arxiv:2209.10652"):
        assert library.find(name).id == "arxiv:2209.10652"
    assert len(library.candidates("superposition")) == 1
    with pytest.raises(UnknownName, match="search_papers"):
        library.find("arxiv:0000.00000")


def test_a_judgement_survives_the_paper_getting_a_better_id(library: Library) -> None:
    known = library.remember([_paper("Dead latents in dictionaries", "10.1000/x", year=2024)])[0]
    mine = Judgement(confidence=0.8, reasoning="About dead latents.", judged_by="agent")
    library.judge("q", [(known.id, mine)])
    better = library.remember(
        [_paper("Dead Latents in Dictionaries", "arxiv:2401.00009", year=2024)]
    )[0]
    assert better.id == "arxiv:2401.00009"
    assert library.judgements("q")[next(it for it in better.aliases if it.startswith("doi"))] == [
        mine
    ]


def test_words_and_what_they_stand_for_find_a_paper(library: Library) -> None:
    library.remember([_paper("Sparse autoencoders on residual streams")])
    library.remember([_paper("A cookbook")])
    for query in ("SAE", "autoencoder", "sparse auto-encoders", 'quoted "residual" (stream)*'):
        assert [it.title for it in library.candidates(query)][:1] == [
            "Sparse autoencoders on residual streams"
        ], query
    assert library.candidates("???") == []


def test_many_threads_and_two_handles_lose_nothing(tmp_path: Path) -> None:
    handles = [Library(tmp_path / "state") for _ in range(2)]

    def fill(number: int) -> None:
        for n in range(10):
            handles[number % 2].remember(
                [_paper(f"Study {n}", f"arxiv:2401.{n:05d}", venue=f"Venue {number}")]
            )

    threads = [threading.Thread(target=fill, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(handles[0].candidates("study")) == 10
    for handle in handles:
        handle.close()


def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "papers.sqlite").write_bytes(b"no database" * 999)
    with pytest.raises(StorageFailed, match=r"papers\.sqlite.*move it away"):
        Library(tmp_path)


def test_bibtex_is_read_with_what_is_broken_left_out() -> None:
    papers = read_bibtex(BIB)
    assert [it.id for it in papers] == ["arxiv:2309.08600", "doi:10.23915/distill.00024.001"]
    assert papers[0].authors == ["Hoagy Cunningham", "Aidan Ewart"]
    assert papers[1].title == "Zoom In: Études of Circuits"
    assert papers[1].venue == "Advances in Neural Information Processing Systems"


def test_bibtex_that_was_written_is_read_back() -> None:
    papers = [
        _paper(
            "Étude & 50 % of $k$-sparse #1_b", "arxiv:2401.00001", year=2024, authors=["José Ñu"]
        ),
        _paper("Étude again", "10.1000/x", year=2024, authors=["José Ñu"], venue="A & B"),
    ]
    text = write_bibtex([*papers, papers[1]])
    again = read_bibtex(text)
    assert [(it.id, it.title, it.authors, it.year) for it in again[:2]] == [
        (it.id, it.title, it.authors, it.year) for it in papers
    ]
    keys = [line for line in text.splitlines() if line.startswith("@")]
    assert len(keys) == len(set(keys)) == 3


@pytest.mark.child
def test_bibtex_files_and_pdfs_of_a_folder_are_taken_in_once(
    library: Library, tmp_path: Path
) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "mine.bib").write_text(BIB, encoding="utf-8")
    _write_pdf(folder / "2401.00001v2.pdf", "On the Unread Latents of Dictionaries")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 nothing here")
    notes = take_in(library, [folder, tmp_path / "absent"], tmp_path)
    assert [note[:28] for note in notes] == [
        "mine.bib: Could not be read ",
        "broken.pdf could not be open",
    ]
    assert "@misc{broken" in notes[0]
    assert library.find("arxiv:2309.08600").found_by == ["library"]
    read = library.find("arxiv:2401.00001")
    assert read.title == "On the Unread Latents of Dictionaries"
    assert read.pdf == "papers/2401.00001v2.pdf"
    assert "we looked at latents" in read.abstract.lower()
    assert take_in(library, [folder], tmp_path) == []


def _write_pdf(path: Path, title: str) -> None:
    """Write a one-page PDF with its title in the largest type."""
    content = (
        f"BT /F1 18 Tf 72 700 Td ({title}) Tj /F1 10 Tf 0 -40 Td (Abstract) Tj "
        "0 -20 Td (We looked at latents that nobody reads.) Tj ET"
    )
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        "/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 "
        "/BaseFont /Helvetica >> >> >> >>",
        f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
    ]
    body = "%PDF-1.4\n" + "".join(f"{n} 0 obj\n{it}\nendobj\n" for n, it in enumerate(objects, 1))
    path.write_text(f"{body}trailer << /Root 1 0 R /Size 5 >>\n%%EOF\n", encoding="latin-1")
