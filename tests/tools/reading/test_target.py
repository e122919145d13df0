"""find_target understands every form in which a paper can be named."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.papers.library import Library
from fumehood_tools.papers.paper import make_paper
from fumehood_tools.reading.target import find_target


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    library = Library(tmp_path / ".fumehood")
    known = [
        make_paper("x", title="On arXiv and elsewhere", identifiers=["2309.08600", "10.1000/xyz"]),
        make_paper("x", title="Only a page of its own", identifiers=[], url="https://a.org/p"),
        make_paper("x", title="Nowhere to be had at all", identifiers=[], year=1999),
        make_paper("library", title="In a folder of mine", identifiers=[], pdf="papers/mine.pdf"),
    ]
    library.remember(it for it in known if it)
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "mine.pdf").write_bytes(b"%PDF-1.4")
    yield library
    library.close()


@pytest.mark.parametrize(
    "asked",
    [
        "arxiv:2309.08600",
        "2309.08600.pdf",
        "arXiv-2309.08600",
        " arXiv:2309.08600 ",
        "https://arxiv.org/abs/2309.08600",
        "https://arxiv.org/pdf/2309.08600",
        "https://huggingface.co/papers/2309.08600",
        "https://doi.org/10.48550/arXiv.2309.08600",
        "10.48550/arXiv.2309.08600",
        "doi:10.1000/xyz",
        "https://doi.org/10.1000/XYZ",
    ],
)
def test_an_arxiv_paper_is_known_in_every_form(
    asked: str, tmp_path: Path, library: Library
) -> None:
    target = find_target(asked, tmp_path, library)
    assert (target.id, target.arxiv) == ("arxiv:2309.08600", "2309.08600")


@pytest.mark.parametrize(
    ("asked", "arxiv"),
    [
        ("2309.08600v2", "2309.08600v2"),
        ("arXiv:2309.08600V1", "2309.08600v1"),
        ("https://arxiv.org/abs/2309.08600v12", "2309.08600v12"),
        ("https://arxiv.org/pdf/2309.08600v1.pdf", "2309.08600v1"),
        ("hep-th/9711200v3", "hep-th/9711200v3"),
        ("math.GT/0309136", "math/0309136"),
        ("hep-th_9711200.pdf", "hep-th/9711200"),
    ],
)
def test_a_version_is_a_paper_of_its_own(
    asked: str, arxiv: str, tmp_path: Path, library: Library
) -> None:
    target = find_target(asked, tmp_path, library)
    assert (target.id, target.arxiv) == (f"arxiv:{arxiv}", arxiv)


@pytest.mark.parametrize(
    ("asked", "paper", "part"),
    [
        ("2309.08600#extra.tex", "arxiv:2309.08600", "extra.tex"),
        ("https://arxiv.org/abs/2309.08600v1#a/b.tex", "arxiv:2309.08600v1", "a/b.tex"),
        ("doi:10.1000/xyz#extra.tex", "arxiv:2309.08600", "extra.tex"),
        ("https://a.org/source.zip#b.tex", "url:https://a.org/source.zip", "b.tex"),
    ],
)
def test_one_file_of_a_source_can_be_asked_for(
    asked: str, paper: str, part: str, tmp_path: Path, library: Library
) -> None:
    target = find_target(asked, tmp_path, library)
    assert (target.id, target.part) == (f"{paper}#{part}", part)


def test_other_papers_lead_to_their_file_page_or_doi(tmp_path: Path, library: Library) -> None:
    mine, page, nowhere = (
        next(it for it in library.candidates(word) if word in it.title.lower()).id
        for word in ("folder", "page", "nowhere")
    )
    assert find_target(mine, tmp_path, library).file == tmp_path / "papers" / "mine.pdf"
    assert find_target(page, tmp_path, library).url == "https://a.org/p"
    assert find_target("10.1000/other", tmp_path, library).url == "https://doi.org/10.1000/other"
    with pytest.raises(BadRequest, match="Put its PDF into papers/"):
        find_target(nowhere, tmp_path, library)


def test_files_are_found_by_their_path_and_known_by_their_content(
    tmp_path: Path, library: Library
) -> None:
    one = find_target("papers/mine.pdf", tmp_path, library)
    (tmp_path / "copy.pdf").write_bytes(b"%PDF-1.4")
    other = find_target(str(tmp_path / "copy.pdf"), tmp_path, library)
    assert one.id == other.id
    assert one.id.startswith("file:")
    with pytest.raises(BadRequest, match=r"no file 'papers/none\.pdf'"):
        find_target("papers/none.pdf", tmp_path, library)


def test_what_is_nothing_of_these_is_refused_with_what_to_do(
    tmp_path: Path, library: Library
) -> None:
    with pytest.raises(UnknownName, match="search_papers"):
        find_target("that paper about SAEs", tmp_path, library)
