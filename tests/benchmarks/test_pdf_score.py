"""The scorer of the paper benchmark, and the truth that it compares with."""

import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from benchmarks.pdf_scripts import FOLDER, load
from pypdfium2 import raw

from fumehood_tools.reading.document import Block, Document, Link, Reference

PAPERS = sorted(path for path in (FOLDER / "papers").iterdir() if path.is_dir())
each_paper = pytest.mark.parametrize("folder", PAPERS, ids=lambda path: path.name)


scorer, make_truth = load("score", "make_truth")


def truth_of(folder: Path) -> Any:
    return scorer.Truth.model_validate_json((folder / "truth.json").read_bytes())


def perfect(truth: Any) -> Document:
    """What a reader would give that misses nothing."""
    abstract = [s.text for s in truth.sentences if s.abstract]
    captions = iter([caption for caption in truth.captions if caption.kind == "table"])
    figures = [caption for caption in truth.captions if caption.kind == "figure"]
    blocks = [
        Block(kind="heading", text=h.text, level=h.level, number=h.number) for h in truth.headings
    ]
    blocks += [Block(kind="paragraph", text=s.text) for s in truth.sentences if not s.abstract]
    for table in truth.tables:
        caption = next(captions, None)
        rows = [row.cells for row in table]
        label = {"text": caption.text, "number": caption.number} if caption else {"text": ""}
        blocks.append(Block(kind="table", rows=rows, **label))
    blocks += [Block(kind="figure", text=c.text, number=c.number) for c in figures]
    blocks += [Block(kind="equation", text="x", number=number) for number in truth.equations]
    return Document(
        source="pdftext",
        title=truth.title,
        authors=truth.authors,
        abstract=" ".join(abstract),
        blocks=blocks,
        references=[
            Reference(label=str(place), text=f"{r.text}, {r.year}")
            for place, r in enumerate(truth.references)
        ],
        links=[Link(url=link.url, origin="annotation") for link in truth.links],
    )


@pytest.fixture
def truth() -> Any:
    """A small paper with one of everything."""
    sentences = ["Small sets are easy to check by hand.", "A second sentence follows the first."]
    return scorer.Truth(
        title="A Small Paper",
        authors=["Ada Penn"],
        headings=[
            scorer.Heading(level=1, number="1", text="Introduction"),
            scorer.Heading(level=2, number="1.1", text="A re-used name"),
            scorer.Heading(level=4, text="Data.", run_in=True),
            scorer.Heading(level=1, text="References"),
        ],
        sentences=[
            scorer.Sentence(text="We summarise the paper in few words.", abstract=True),
            *(scorer.Sentence(text=text) for text in sentences),
        ],
        tables=[
            [
                scorer.Row(cells=["Model", "Error"], spanning=[0]),
                scorer.Row(cells=["Wren", "-0.12"]),
                scorer.Row(cells=["Finch", "3.45"]),
            ]
        ],
        references=[scorer.Entry(year=2020, text="First"), scorer.Entry(year=2021, text="Second")],
        links=[scorer.Address(url="https://example.org/code/long", kind="annotation")],
        captions=[scorer.Caption(kind="table", number="1", text="Errors of two models.")],
        equations=["1"],
        absent=["This was never printed."],
        pages=1,
    )


def changed(document: Document, old: str, new: Block | None) -> Document:
    """The document with the block of that text replaced, or without it."""
    blocks = [new if b.text == old else b for b in document.blocks]
    return document.model_copy(update={"blocks": [b for b in blocks if b is not None]})


def lost(document: Document, truth: Any) -> dict[str, tuple[int, int]]:
    """The metrics that are not perfect."""
    shares = scorer.score(document, truth).shares
    return {name: tuple(share) for name, share in shares.items() if share.hits != share.of}


@each_paper
def test_a_document_that_holds_the_truth_of_a_paper_scores_full_marks(folder: Path) -> None:
    truth = truth_of(folder)
    assert lost(perfect(truth), truth) == {}
    assert len(truth.sentences) >= 40 and truth.references and truth.captions


def test_every_metric_of_a_full_paper_has_something_to_count(truth: Any) -> None:
    shares = scorer.score(perfect(truth), truth).shares
    assert [name for name, share in shares.items() if not share.of] == []


def test_a_lost_heading_lowers_recall_and_an_invented_one_precision(truth: Any) -> None:
    whole = perfect(truth)
    assert lost(changed(whole, "Introduction", None), truth) == {"heads": (1, 2)}
    more = whole.blocks + [Block(kind="heading", text="Fig. 3")]
    assert lost(whole.model_copy(update={"blocks": more}), truth) == {"heads=": (2, 3)}
    neutral = whole.blocks + [Block(kind="heading", text="ABSTRACT")]
    assert lost(whole.model_copy(update={"blocks": neutral}), truth) == {}
    assert lost(changed(whole, "References", None), truth) == {}
    assert lost(changed(whole, "Data.", None), truth) == {"runin": (0, 1)}


def test_number_and_level_of_a_heading_count_on_their_own(truth: Any) -> None:
    wrong = Block(kind="heading", text="Introduction", level=2, number="I")
    found = lost(changed(perfect(truth), "Introduction", wrong), truth)
    assert found == {"numbers": (2, 3), "levels": (1, 2)}


def test_a_lost_sentence_a_broken_word_and_a_swapped_order_are_told_apart(truth: Any) -> None:
    whole = perfect(truth)
    first, second = (s.text for s in truth.sentences if not s.abstract)
    assert lost(changed(whole, second, None), truth) == {"prose": (2, 3), "words": (2, 3)}
    broken = Block(kind="paragraph", text=second.replace("sentence", "sen- tence"))
    assert lost(changed(whole, second, broken), truth) == {"words": (2, 3)}
    swapped = sorted(whole.blocks, key=lambda b: (b.text != second, b.text != first))
    assert lost(whole.model_copy(update={"blocks": swapped}), truth) == {"order": (1, 3)}


def test_a_number_in_a_table_must_be_exact(truth: Any) -> None:
    whole = perfect(truth)
    caption = truth.captions[0].text

    def with_rows(rows: list[list[str]]) -> dict[str, tuple[int, int]]:
        table = Block(kind="table", text=caption, number="1", rows=rows)
        return lost(changed(whole, caption, table), truth)

    right = [["Model", "", "Error"], ["Wren", "\u2212 0.12"], ["Finch", "3.45"]]
    assert with_rows(right) == {}
    assert with_rows([["", "Error", "Error"], *right[1:]]) == {}
    assert with_rows([*right, right[0]]) == {}
    assert with_rows([*right[:2], ["Finch", "345"]]) == {"rows": (2, 3), "rows=": (2, 3)}
    assert with_rows([*right[:2], ["3.45", "Finch"]]) == {"rows": (2, 3), "rows=": (2, 3)}
    assert with_rows(right[:2]) == {"rows": (2, 3)}


def test_equal_rows_and_equal_numbers_in_a_row_are_each_counted(truth: Any) -> None:
    row = scorer.Row(cells=["Wren", "2.0", "2.0"])
    twice = truth.model_copy(update={"tables": [[row, row]]})

    def with_rows(*rows: list[str]) -> dict[str, tuple[int, int]]:
        caption = truth.captions[0].text
        table = Block(kind="table", text=caption, number="1", rows=list(rows))
        return lost(changed(perfect(truth), caption, table), twice)

    assert with_rows(row.cells, row.cells) == {}
    assert with_rows(row.cells) == {"rows": (1, 2)}
    assert with_rows(row.cells, ["Wren", "2.0"]) == {"rows": (1, 2), "rows=": (1, 2)}


def test_only_an_equation_has_the_number_of_an_equation(truth: Any) -> None:
    code = Block(kind="code", text="x", number="1")
    assert lost(changed(perfect(truth), "x", code), truth) == {"equations": (0, 1)}


def test_references_must_be_split_and_dated(truth: Any) -> None:
    whole = perfect(truth)

    def with_entries(*texts: str) -> dict[str, tuple[int, int]]:
        entries = [Reference(label="", text=text) for text in texts]
        return lost(whole.model_copy(update={"references": entries}), truth)

    assert with_entries("First, 2020", "Second, 2021") == {}
    assert with_entries("First, 2020. Second, 2021") == {"refs": (0, 2), "refs=": (0, 1)}
    assert with_entries("First, 2019", "Second, 2021") == {"refs": (1, 2), "refs=": (1, 2)}
    swallowed = f"Second, 2021. {truth.sentences[1].text}"
    assert with_entries("First, 2020", swallowed) == {"refs": (1, 2), "refs=": (1, 2)}


def test_a_truncated_link_is_neither_found_nor_right(truth: Any) -> None:
    links = [Link(url="https://example.org/code/", origin="text")]
    whole = perfect(truth).model_copy(update={"links": links})
    assert lost(whole, truth) == {"links": (0, 1), "links=": (0, 1)}


def test_what_is_not_printed_must_not_be_read(truth: Any) -> None:
    whole = perfect(truth)
    more = whole.blocks + [Block(kind="paragraph", text=truth.absent[0])]
    assert lost(whole.model_copy(update={"blocks": more}), truth) == {"absent": (0, 1)}


def test_plain_text_is_credited_line_by_line(truth: Any) -> None:
    text = (
        "1 Introduction\nWren  \u22120.12\nFinch 3.45 and more\nsee https://example.org/code/long."
    )
    shares = scorer.score_text(text, truth).shares
    assert shares["heads"] == (1, 2) and shares["rows"] == (1, 3) and shares["refs"] == (0, 2)
    assert shares["links"] == (1, 1) and shares["prose"] == (0, 3) and shares["title"] == (0, 0)


@each_paper
def test_the_truth_is_what_labels_and_source_say(folder: Path) -> None:
    assert make_truth.read_truth(folder) == truth_of(folder)


@each_paper
def test_every_item_of_the_truth_is_printed_in_the_pdf(folder: Path) -> None:
    truth, text, urls = truth_of(folder), "", set()
    pdf = pypdfium2.PdfDocument(folder / "paper.pdf")
    for page in pdf:
        text += page.get_textpage().get_text_bounded() + "\n"
        urls |= set(annotated(page))
    pdf.close()
    printed = scorer.squeeze(text)
    source = scorer.squeeze(" ".join(p.read_text("utf-8") for p in folder.rglob("*.[tb]*")))
    items = [truth.title, *truth.authors, *(h.text for h in truth.headings)]
    items += [c.text for c in truth.captions] + [r.text for r in truth.references]
    items += [cell for table in truth.tables for row in table for cell in row.cells]
    # Line numbers and page breaks may cut a sentence or a title in two, but not in the source.
    items += [s.text for s in truth.sentences]
    lines = [scorer.squeeze(item) for item in items]
    assert [line for line in lines if line not in printed and line not in source] == []
    labels = [f"{c.kind}{c.number}{c.text}" for c in truth.captions]
    labels += [f"{h.number}{h.text}" for h in truth.headings if h.number and not h.run_in]
    short = printed.replace("fig", "figure").replace("figureure", "figure")
    assert [label for label in labels if scorer.squeeze(label) not in short] == []
    assert {scorer.unquote(url) for url in urls} == {
        scorer.unquote(link.url) for link in truth.links if link.kind == "annotation"
    }
    for link in truth.links:
        assert link.kind == "annotation" or link.url in "".join(text.split())
    assert not [lie for lie in truth.absent if scorer.squeeze(lie) in printed]


def annotated(page: pypdfium2.PdfPage) -> Iterator[str]:
    """The addresses of the page's link annotations, as the PDF states them."""
    place, link = ctypes.c_int(0), raw.FPDF_LINK()
    while raw.FPDFLink_Enumerate(page, place, link):
        action = raw.FPDFLink_GetAction(link)
        size = raw.FPDFAction_GetURIPath(page.pdf, action, None, 0)
        address = ctypes.create_string_buffer(size)
        raw.FPDFAction_GetURIPath(page.pdf, action, address, size)
        if url := address.value.decode():
            yield url
