"""The list of real papers, their fetching, and the truth that is made from their source."""

import subprocess
from pathlib import Path

import pytest
from benchmarks.pdf_scripts import load

from fumehood_tools.reading.document import Block, Document, Link, Reference

real, source_truth = load("real", "source_truth")


def test_every_listed_paper_has_its_own_name_and_paths_inside_its_repository() -> None:
    papers = real.listed()
    assert len({paper.name for paper in papers}) == len(papers) >= 20
    for paper in papers:
        assert paper.tex.endswith(".tex") and paper.pdf.endswith(".pdf") and paper.license
        assert not any(path.startswith("/") or ".." in path for path in (paper.tex, paper.pdf))


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A repository with a paper, its PDF, and a picture."""
    folder = tmp_path / "wren" / "paper"
    (folder / "text").mkdir(parents=True)
    for name in ("text/main.tex", "text/part.tex", "text/plot.png", "out.pdf", "notes.tex"):
        (folder / name).write_text(name, encoding="utf-8")
    git(folder, "init", "--quiet")
    # As GitHub does, so that only the files that are checked out are fetched.
    git(folder, "config", "uploadpack.allowFilter", "true")
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    git(folder, "add", "-A")
    git(folder, "commit", "--quiet", "-m", "A paper.")
    return folder


def listed(commit: str) -> object:
    return real.Listed(
        name="wren",
        repository="wren/paper",
        commit=commit,
        tex="text/main.tex",
        pdf="out.pdf",
        license="not stated",
    )


@pytest.mark.child
def test_a_paper_is_fetched_with_its_pdf_and_the_text_of_its_folder_only(
    published: Path, tmp_path: Path
) -> None:
    paper = listed(git(published, "rev-parse", "HEAD"))
    source, cache = f"file://{tmp_path}/{{owner}}/{{name}}", tmp_path / "cache"
    folder = real.fetch(paper, source, cache)
    files = [path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts]
    names = sorted(path.relative_to(folder).as_posix() for path in files)
    assert names == ["paper.pdf", "source/text/main.tex", "source/text/part.tex"]
    # It is not fetched again.
    assert real.fetch(paper, "file:///nowhere/{owner}/{name}", cache) == folder


@pytest.mark.child
@pytest.mark.parametrize("source", ["{published}", "/nowhere"])
def test_a_paper_that_cannot_be_fetched_is_refused_with_the_reason_and_leaves_nothing(
    published: Path, tmp_path: Path, source: str
) -> None:
    address = source.format(published=published.parents[1]) + "/{owner}/{name}"
    with pytest.raises(real.NotFetched, match="fatal|error|remote"):
        real.fetch(listed("0" * 40), address, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


PROSE = (
    "Small sets are easy to check by hand. We trained 12 models on them with care. "
    "Larger sets were tried by others before us [kaur2020]. Small sets are easy to check by hand."
)


def read() -> Document:
    """A paper as the LaTeX reader returns it."""
    return Document(
        source="latex",
        title="Small Sets",
        blocks=[
            Block(kind="heading", text="Sets", level=1, number="1"),
            Block(kind="heading", text="Data.", level=4),
            Block(kind="paragraph", text=PROSE),
            Block(kind="table", text="Errors.", number="1", rows=[["Wren", "A"], ["Wren", "B"]]),
            Block(kind="table", text="As [kaur2020].", number="2", rows=[["[kaur2020]", "B"]]),
        ],
        references=[
            Reference(
                label="1", text="A. Penn. Counting the birds of one garden. 2020.", year=2020
            ),
            Reference(label="2", text="B. Fir. Counting the birds of one garden. 2021.", year=2021),
            Reference(label="3", text="B. Fir. Gardens without any birds. 2022.", year=2022),
            Reference(label="4", text="B. Fir. Gardens without any trees."),
        ],
        links=[Link(url="https://example.org/a", origin="markup")] * 2
        + [Link(url="mailto:a@example.org", origin="markup")],
    )


def test_only_what_the_pdf_must_show_in_the_same_words_is_truth() -> None:
    truth = source_truth.truth_of(read(), pages=3)
    assert [sentence.text for sentence in truth.sentences] == [PROSE.split(". ")[0] + "."]
    assert [(entry.year, entry.text) for entry in truth.references] == [
        (2022, "Gardens without any birds")
    ]
    assert [len(table) for table in truth.tables] == [2, 0]
    assert [row.spanning for row in truth.tables[0]] == [[], [0]]
    assert [caption.text for caption in truth.captions] == ["Errors."]
    assert [link.url for link in truth.links] == ["https://example.org/a"]
    assert [heading.run_in for heading in truth.headings] == [False, True]


def test_a_pdf_with_line_numbers_is_of_the_same_source_and_another_text_is_not() -> None:
    truth = source_truth.truth_of(read(), pages=3)
    assert source_truth.overlap(truth, "Small sets are easy\n1\nto check\nby hand.\n2") >= 0.5
    assert source_truth.overlap(truth, "Other sets are hard to count by eye.") == 0.0
