"""Three papers written for these tests: a report, a two-column paper and lecture notes.

The PDFs were made from the .tex files next to them: `latex NAME` twice, then `dvipdfmx -z 9
NAME.dvi`.
"""

from functools import cache
from pathlib import Path

import pytest

from fumehood_tools.reading.document import Block, Document
from fumehood_tools.reading.outline import outline_of
from fumehood_tools.reading.pdf import read_pdf

PAPERS = Path(__file__).with_name("papers")
NAMES = ("report", "columns", "notes")

TITLES = [
    "Introduction",
    "Background and Related Work",
    "Dictionaries",
    "Penalties of the First Kind and Why They Shrink the Code",
    "Experiments",
    "Setup",
    "Results",
    "Limitations",
    "Conclusion",
    "Acknowledgements",
]
NUMBERS = {
    "report": ["1", "2", "2.1", "2.2", "3", "3.1", "3.2", "4", "5", None],
    "columns": ["I", "II", "A", "B", "III", "A", "B", "IV", "V", None],
    "notes": ["1", "2", "2.1", "2.2", "3", "3.1", "3.2", "4", "5", None],
}
LEVELS = [1, 1, 2, 2, 1, 2, 2, 1, 1, 1]
ROWS = [
    ["Penalty", "Variance", "Dead (%)", "Hours"],
    ["None", "0.981", "0.0", "5.1"],
    ["L1", "0.742", "12.4", "5.9"],
    ["Threshold", "0.803", "3.1", "6.2"],
    ["Group of four", "0.749", "11.8", "7.7"],
]
SENTENCES = [
    "We study how the choice of the penalty changes the dictionary in three language models of "
    "different sizes.",
    "Our contributions are the following.",
    "A protocol that compares dictionaries at equal sparsity, with a paired test over seeds and a "
    "correction for the number of comparisons that were made.",
    "Most entries of the code are zero.",
    "The gradient of the second term does not depend on the size of the code, which is why large "
    "codes are shrunk as much as small ones.",
    "Neither is convex.",
    "A threshold can replace the penalty altogether.",
    "We repeat every run with five seeds and report the mean together with its standard error.",
    "We checked this with a paired test over seeds, and none of the differences remained after "
    "the correction for the number of comparisons.",
    "The second model has twelve layers and was trained by others, who published the weights but "
    "not the data on which it was trained.",
    "The automatic interpretation of features was not used, because its scores depend on the "
    "model that gives them.",
    "Comparisons at equal sparsity are necessary.",
]
each = pytest.mark.parametrize("name", NAMES)


@cache
def _paper(name: str) -> Document:
    return read_pdf(PAPERS / f"{name}.pdf", seconds=120)


def _blocks(name: str, kind: str) -> list[Block]:
    return [block for block in _paper(name).blocks if block.kind == kind]


@each
def test_the_front_is_title_authors_and_abstract(name: str) -> None:
    paper = _paper(name)
    assert paper.title == "Which Penalty Finds Which Feature? A Comparison at Equal Sparsity"
    assert paper.authors == ["Greta Ahlers", "Ivo Jonker"]
    assert paper.abstract.startswith("Penalties decide what a sparse autoencoder finds. We compare")
    assert paper.abstract.endswith("groups make no difference. All runs are published.")


@each
def test_headings_have_their_numbers_and_levels(name: str) -> None:
    heads = {block.text: block for block in _blocks(name, "heading")}
    found = [heads[title] for title in TITLES]
    assert [block.number for block in found] == NUMBERS[name]
    assert [block.level for block in found] == LEVELS
    extra = {"Thresholds", "Groups", "Ablations", "References", "Bibliography"}
    appendix = {"Group Penalties", "Choice of the Blocks"}
    assert set(heads) - set(TITLES) <= extra | appendix


@each
def test_run_in_headings_are_told_from_their_text(name: str) -> None:
    levels = {block.text: block.level for block in _blocks(name, "heading")}
    assert levels["Thresholds"] == levels["Groups"] == 4
    assert any(
        block.text.startswith("A threshold can replace") for block in _blocks(name, "paragraph")
    )


@each
def test_every_sentence_is_whole_and_in_order(name: str) -> None:
    text = " ".join(block.text for block in _paper(name).blocks)
    places = [text.find(sentence) for sentence in SENTENCES]
    assert min(places) >= 0, SENTENCES[places.index(-1)]
    assert places == sorted(places)


@each
def test_the_table_is_data_with_its_caption(name: str) -> None:
    (table,) = _blocks(name, "table")
    assert table.rows == ROWS
    assert table.number == ("I" if name == "columns" else "1")
    assert table.text.startswith("Explained variance and dead latents at a sparsity of 32.")


@each
def test_the_text_of_a_drawing_is_none_of_the_paper(name: str) -> None:
    (figure,) = _blocks(name, "figure")
    assert figure.text == "Explained variance during training. The upper line is the threshold."
    assert "training steps" not in " ".join(block.text for block in _paper(name).blocks)


@each
def test_equations_have_their_numbers(name: str) -> None:
    assert [block.number for block in _blocks(name, "equation")] == ["1", "2", "3"]


@each
def test_lists_are_items(name: str) -> None:
    items = [block.text for block in _blocks(name, "list_item")]
    assert len(items) == 6 and items[1] == "Measurements of nine penalties on three models."


@each
def test_the_footnote_is_no_part_of_the_sentence_that_it_belongs_to(name: str) -> None:
    (note,) = _blocks(name, "footnote")
    assert note.text == "Code is at https://code.example.org/penalties/study."


@each
def test_references_are_entries_with_year_and_ids(name: str) -> None:
    entries = _paper(name).references
    assert [entry.year for entry in entries] == [2023, 2024, 2019]
    assert entries[0].doi == "10.1234/jrm.2023.001" and entries[1].arxiv == "2401.01234"
    assert entries[2].text == "F. Falk. Optimisers That Forget. Harbour Press, 2019."


@each
def test_links_are_exact(name: str) -> None:
    assert {link.url: link.text for link in _paper(name).links} == {
        "https://archive.example.org/penalties": "of the study",
        "https://code.example.org/penalties/study": "https://code.example.org/penalties/study",
        "https://doi.org/10.1234/jrm.2023.001": "https://doi.org/10.1234/jrm.2023.001",
    }


def test_an_appendix_after_the_references_is_read() -> None:
    sections = [(it.number, it.title) for it in outline_of(_paper("notes")).sections][-2:]
    assert sections == [("A", "Group Penalties"), ("A.1", "Choice of the Blocks")]
