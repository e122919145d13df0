"""The section tree and the chunks of a document."""

from hypothesis import given
from hypothesis import strategies as st

from fumehood_tools.reading.document import Block, Document
from fumehood_tools.reading.outline import CHUNK_CHARACTERS, block_text, outline_of
from fumehood_tools.reading.sentences import sentences


def heading(text: str, number: str | None = None, level: int = 1) -> Block:
    return Block(kind="heading", text=text, number=number, level=level)


def test_section_ids_come_from_the_printed_numbers(paper: Document) -> None:
    sections = {section.id: section for section in outline_of(paper).sections}
    assert list(sections)[:6] == ["s0", "s1", "s2", "s3", "s3.1", "s3.2"]
    assert sections["s3.2"].path == ["Method", "Compute"] and sections["s3.2"].parent == "s3"
    assert sections["sA.1"].title == "Hyperparameter search" and sections["sA.1"].parent == "sA"


def test_sections_without_numbers_are_counted() -> None:
    blocks = [heading("Idea"), heading("Part", level=2), heading("Part", level=2), heading("End")]
    ids = [section.id for section in outline_of(Document(source="html", blocks=blocks)).sections]
    assert ids == ["s0", "s1", "s1.1", "s1.2", "s2"]


def test_a_heading_without_number_never_takes_the_id_of_a_numbered_one() -> None:
    blocks = [
        heading("Thanks"),
        heading("Idea", "1"),
        heading("Note", level=2),
        heading("Two", "1"),
    ]
    ids = [section.id for section in outline_of(Document(source="html", blocks=blocks)).sections]
    assert ids == ["s0", "su1", "s1", "s1.u1", "s1-2"]


def test_chunks_hold_every_block_once_and_name_where_it_stands(paper: Document) -> None:
    outline = outline_of(paper)
    told = [number for chunk in outline.chunks for number in chunk.blocks]
    silent = [i for i, block in enumerate(paper.blocks) if block.kind == "heading"]
    assert sorted([*told, *silent]) == list(range(-1, len(paper.blocks)))
    compute = next(chunk for chunk in outline.chunks if chunk.id == "s3.2/c1")
    assert compute.pages == [1] and compute.path == ["Method", "Compute"]
    for chunk in outline.chunks:
        for number, start in zip(chunk.blocks, chunk.starts, strict=True):
            text = paper.abstract if number < 0 else block_text(paper.blocks[number])
            assert chunk.text[start:].startswith(text)


def test_reading_the_same_content_again_gives_the_same_outline(paper: Document) -> None:
    again = Document.model_validate_json(paper.model_dump_json())
    assert outline_of(again) == outline_of(paper)


def test_tables_figures_and_equations_are_listed(paper: Document) -> None:
    outline = outline_of(paper)
    assert [(table.id, table.number, table.section) for table in outline.tables] == [
        ("t1", "1", "s4")
    ]
    assert [one.id for one in (*outline.figures, *outline.equations)] == ["f1", "e1"]
    assert len(outline.references) == 4


def test_a_long_block_is_split_at_the_ends_of_sentences() -> None:
    text = " ".join(f"Sentence {i} about e.g. the latents of Fig. 3 ends here." for i in range(200))
    chunks = outline_of(Document(source="html", blocks=[Block(kind="paragraph", text=text)])).chunks
    assert len(chunks) > 3 and [chunk.id for chunk in chunks[:2]] == ["s0/c1", "s0/c2"]
    assert all(chunk.text.endswith("ends here.") for chunk in chunks)
    assert " ".join(chunk.text for chunk in chunks) == text


@given(st.lists(st.text(alphabet="ab .\n", max_size=9000), max_size=4))
def test_no_chunk_is_too_long_and_none_loses_a_letter(texts: list[str]) -> None:
    blocks = [Block(kind="paragraph", text=text) for text in texts]
    chunks = outline_of(Document(source="html", blocks=blocks)).chunks
    assert all(len(chunk.text) <= CHUNK_CHARACTERS for chunk in chunks)
    assert "".join("".join(chunk.text for chunk in chunks).split()) == "".join(
        "".join(texts).split()
    )


def test_abbreviations_and_decimals_do_not_end_a_sentence() -> None:
    text = "As in Smith et al. We see 0.5 nats, i.e. little. J. Doe agrees (Fig. 2). Next? Yes."
    assert sentences(text) == [
        "As in Smith et al. We see 0.5 nats, i.e. little.",
        "J. Doe agrees (Fig. 2).",
        "Next?",
        "Yes.",
    ]
