"""Candidate items that rules extract from a paper."""

import pytest

from fumehood_tools.errors import BadRequest
from fumehood_tools.paper_records.candidates import Candidate, candidates_of
from fumehood_tools.paper_records.checking import check_record
from fumehood_tools.paper_records.record import FIELDS, FieldName
from fumehood_tools.reading.document import Block, Document, Link
from fumehood_tools.reading.outline import row_text


def of(paper: Document, field: FieldName) -> list[Candidate]:
    return candidates_of(paper, [field]).candidates


def test_every_field_of_the_paper_has_a_candidate(paper: Document) -> None:
    counts = candidates_of(paper).counts
    assert list(counts) == list(FIELDS) and all(counts.values())


def test_every_candidate_passes_the_checker_as_it_is(paper: Document) -> None:
    items = [one.item() for one in candidates_of(paper).candidates]
    assert {one.status for one in check_record(items, {"": paper}).items} == {"accepted"}


def test_every_quote_is_words_of_one_block_as_they_stand_there(paper: Document) -> None:
    texts = [paper.abstract, *(block.text for block in paper.blocks)]
    texts += [row_text(row) for block in paper.blocks for row in block.rows]
    for one in candidates_of(paper).candidates:
        for part in one.quote.removeprefix("Table 1: ").split(" … "):
            assert any(part in text for text in texts), part


def test_settings_are_read_with_name_and_value(paper: Document) -> None:
    found = {(one.name, one.value) for one in of(paper, "technical_parameters")}
    assert found >= {
        ("learning rate", "3e-4"),
        ("batch size", "4,096"),
        ("β1", "0.9"),
        ("β2", "0.999"),
        ("warm-up steps", "1,000"),
        ("dictionary size", "16,384"),
        ("expansion factor", "32"),
        ("k", "64"),
        ("λ", "0.02"),
        ("layer", "6"),
        ("tokens", "200 million"),
        ("seeds", "three"),
    }


def test_cells_of_a_table_are_metrics_with_row_and_column(paper: Document) -> None:
    found = [one for one in of(paper, "metrics") if one.rule == "table"]
    assert len(found) == 9
    best = found[0]
    assert (best.name, best.value, best.model) == ("Explained variance", "0.823", "Moss (ours)")
    assert ("Loss recovered", "%") in {(one.name, one.unit) for one in found}


def test_the_papers_own_work_ranks_above_what_it_tells_of_others(paper: Document) -> None:
    limits = of(paper, "limitations")
    assert limits[0].section == "s5" and limits[-1].section == "s2"
    compute = of(paper, "compute_requirements")
    assert {one.section for one in compute[:2]} == {"s3.2"} and compute[-1].section == "s2"
    values = [one.value for one in of(paper, "metrics")]
    assert values.index("0.823") < values.index("0.74")


def test_sections_and_sentences_about_others_weaken_a_candidate() -> None:
    told = "Training is limited to {} models in this line of research{}."
    blocks = [
        Block(kind="heading", text="Related Work", level=1),
        Block(kind="paragraph", text=told.format("small", "")),
        Block(kind="heading", text="Remarks", level=1),
        Block(kind="paragraph", text=told.format("large", " [3]")),
        Block(kind="paragraph", text=told.format("tiny", "")),
    ]
    found = of(Document(source="html", blocks=blocks), "limitations")
    assert [one.strength for one in found] == [0.7, 0.55, 0.4]
    assert ["tiny" in found[0].quote, "[3]" in found[1].quote] == [True, True]


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("failure_modes", "Training diverges when λ exceeds 0.1"),
        ("future_work", "low-rank sketch"),
        ("findings", "matters most for rare latents"),
        ("validation_methods", "95% confidence interval"),
        ("code_links", "Our code is available"),
        ("methodology", "We introduce the Moss autoencoder"),
    ],
)
def test_the_sentence_that_answers_a_field_is_found(
    paper: Document, field: FieldName, words: str
) -> None:
    assert any(words in one.quote for one in of(paper, field))


def test_a_code_link_behind_words_is_found_with_its_sentence() -> None:
    told = "We release the code on our project page for everyone."
    paper = Document(
        source="latex",
        blocks=[Block(kind="paragraph", text=told)],
        links=[Link(url="https://github.com/a/b", text="project page", origin="markup")],
    )
    [link] = of(paper, "code_links")
    assert (link.value, link.quote, link.rule) == ("https://github.com/a/b", told, "link")


def test_a_table_of_settings_gives_settings() -> None:
    rows = [["Hyperparameter", "Value"], ["Learning rate", "1e-4"], ["Sparsity target", "50"]]
    table = Block(kind="table", text="Hyperparameters of all runs.", rows=rows)
    found = of(Document(source="html", blocks=[table]), "technical_parameters")
    assert {(one.name, one.value) for one in found} == {
        ("Learning rate", "1e-4"),
        ("Sparsity target", "50"),
    }


@pytest.mark.parametrize(
    ("rows", "read"),
    [
        (
            [["Model", "Corpus", "Fast"], ["Wren", "Code", "0.91 ± 0.02"], ["", "Law", ".84"]],
            [("Fast", "0.91 ± 0.02", "Wren Code"), ("Fast", ".84", "Wren Law")],
        ),
        ([["d", "Greedy"], ["8", "3,100"]], [("Greedy", "3,100", "d 8")]),
        ([["Width", "4096", "8192"], ["Top-k", "0.5", "0.6"]],
         [("Width 4096", "0.5", "Top-k"), ("Width 8192", "0.6", "Top-k")]),
        ([["Loss of all"], ["Model", "before", "after"], ["Wren-1B", "2.5", "2.4"]],
         [("before", "2.5", "Wren-1B"), ("after", "2.4", "Wren-1B")]),
        ([["Field", "Meaning"], ["magic", "identifies 3 formats"]], []),
    ],
)  # fmt: skip
def test_heads_and_labels_of_uneven_tables_are_told_apart(
    rows: list[list[str]], read: list[tuple[str, str, str]]
) -> None:
    table = Block(kind="table", text="Scores of the models.", rows=rows)
    paper = Document(source="html", blocks=[table])
    assert [(one.name, one.value, one.model) for one in of(paper, "metrics")] == read


def test_counts_are_bounded_and_pages_follow_one_another(paper: Document) -> None:
    whole = candidates_of(paper, per_field=4)
    assert max(whole.counts.values()) == 4 and whole.next_offset is None
    first = candidates_of(paper, per_field=4, limit=10)
    rest = candidates_of(paper, per_field=4, limit=100, offset=first.next_offset or 0)
    assert [*first.candidates, *rest.candidates] == whole.candidates
    with pytest.raises(BadRequest, match="per_field"):
        candidates_of(paper, per_field=0)


def test_references_hidden_text_and_an_empty_document_give_nothing(paper: Document) -> None:
    assert not candidates_of(Document(source="html")).candidates
    bare = paper.model_copy(update={"blocks": [], "abstract": "", "title": "", "links": []})
    assert not candidates_of(bare).candidates
