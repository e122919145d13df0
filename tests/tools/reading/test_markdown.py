"""Writing a document as Markdown and JSON."""

from fumehood_tools.reading.document import Block, Document
from fumehood_tools.reading.markdown import to_json, to_markdown


def test_markdown_shows_headings_tables_equations_references_and_links(paper: Document) -> None:
    text = to_markdown(paper)
    assert text.startswith("# Moss: Taxing Co-activation in Sparse Autoencoders\n")
    assert "\n### 3.2 Compute\n" in text
    assert "| Moss (ours) | 0.823 | 95.6 | 3.1% |\n" in text and "| --- | --- | --- | --- |" in text
    assert "\\sum_{ij} M_{ij} f_i f_j \\tag{1}\n$$" in text
    assert "*Table 1: Scores on the held-out set at an L0 of 64, mean of three seeds.*" in text
    assert "- [3] G. Alder." in text and "- <https://github.com/quill-marrow/moss-sae>" in text
    assert "best ever published" not in text


def test_text_of_a_paper_does_not_become_markup() -> None:
    blocks = [
        Block(kind="paragraph", text="# not a heading"),
        Block(kind="table", text="", rows=[["a|b"], ["c", "d"]]),
        Block(kind="code", text="```\nprint()"),
    ]
    text = to_markdown(Document(source="html", blocks=blocks))
    assert text.startswith("\\# not a heading\n")
    assert "| a\\|b |  |\n| --- | --- |\n| c | d |" in text
    assert "````\n```\nprint()\n````" in text


def test_json_gives_the_document_back(paper: Document) -> None:
    assert Document.model_validate_json(to_json(paper)) == paper
