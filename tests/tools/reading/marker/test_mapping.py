"""marker's JSON becomes a document that keeps its meaning, not the way marker writes it."""

import itertools
from typing import Any

from fumehood_tools.reading.document import Document
from fumehood_tools.reading.marker.mapping import document_of

_IDS = itertools.count()


def block(kind: str, html: str = "", *children: dict[str, Any]) -> dict[str, Any]:
    name = f"/page/0/{kind}/{next(_IDS)}"
    refs = "".join(f"<content-ref src='{child['id']}'></content-ref>" for child in children)
    return {
        "id": name,
        "block_type": kind,
        "html": html + refs,
        "bbox": [72.0, 100.0, 540.0, 120.0],
        "children": list(children) or None,
    }


def text(words: str, goes_on: bool = False) -> dict[str, Any]:
    mark = " class='has-continuation'" if goes_on else ""
    return block("Text", f"<p block-type='Text'{mark}>{words}</p>")


def head(words: str, level: int = 2) -> dict[str, Any]:
    return block("SectionHeader", f"<h{level}>{words}</h{level}>")


def read(*pages: list[dict[str, Any]]) -> Document:
    return document_of({"children": [block("Page", "", *page) for page in pages]}, "marker")


def test_title_abstract_and_references_leave_the_blocks() -> None:
    document = read(
        [
            head("<b>Moss Autoencoders</b>", 1),
            text("A. Quill, B. Marrow"),
            text("<b>Abstract.</b> We keep a memory."),
            head("1 Introduction"),
            text("Sparse autoencoders decompose."),
            head("References"),
            text("[1] D. Fern. Latents. 2023."),
            head("A Further details"),
            text("Weight decay changed nothing."),
        ]
    )
    assert document.title == "Moss Autoencoders" and document.abstract == "We keep a memory."
    assert [it.text for it in document.references] == ["D. Fern. Latents. 2023."]
    assert [(it.kind, it.number, it.text) for it in document.blocks] == [
        ("paragraph", None, "A. Quill, B. Marrow"),
        ("heading", "1", "Introduction"),
        ("paragraph", None, "Sparse autoencoders decompose."),
        ("heading", "A", "Further details"),
        ("paragraph", None, "Weight decay changed nothing."),
    ]
    assert document.pages == 1 and document.blocks[0].page == 1
    assert document.blocks[0].box == (72, 100, 540, 120)


def test_an_abstract_under_its_own_heading_ends_at_the_next_one() -> None:
    document = read(
        [head("A Study of Moss"), head("Abstract"), text("One."), text("Two."), head("1 Intro")]
    )
    assert document.title == "A Study of Moss" and document.abstract == "One.\nTwo."


def test_a_paper_that_opens_with_a_section_has_no_title() -> None:
    document = read([head("1 Introduction"), text("Words.")])
    assert document.title == "" and document.blocks[0].number == "1"


def test_levels_come_from_printed_numbers_and_marker_s_own_are_learnt_from_them() -> None:
    document = read(
        [
            head("Title", 1),
            head("1 Method", 3),
            head("1.1 Training", 4),
            head("Ablations", 4),
            head("Acknowledgements", 3),
            head("A Study in Moss", 3),
            head("References", 3),
            head("A Proofs", 3),
            head("A.1 Search", 4),
        ]
    )
    assert [(it.number, it.text, it.level) for it in document.blocks] == [
        ("1", "Method", 1),
        ("1.1", "Training", 2),
        (None, "Ablations", 2),
        (None, "Acknowledgements", 1),
        (None, "A Study in Moss", 1),
        ("A", "Proofs", 1),
        ("A.1", "Search", 2),
    ]


def test_an_appendix_before_the_references_is_known_by_its_first_part() -> None:
    heads = ["1 Method", "A Study in Moss", "A Proofs", "A.1 Search", "References"]
    document = read([head("Title", 1), *(head(it, 3) for it in heads)])
    assert [(it.number, it.text) for it in document.blocks] == [
        ("1", "Method"),
        (None, "A Study in Moss"),
        ("A", "Proofs"),
        ("A.1", "Search"),
    ]


def test_levels_and_title_that_the_layout_knows_are_taken() -> None:
    page = [head("Moss"), text("We keep a memory."), head("First"), head("Second")]
    page[0]["level"], page[2]["level"], page[3]["level"] = 0, 1, 2
    page[1]["abstract"] = True
    output = {"children": [block("Page", "", *page)]}
    document = document_of(output, "marker-layout", levels_known=True)
    assert document.title == "Moss" and document.abstract == "We keep a memory."
    assert [(it.text, it.level) for it in document.blocks] == [("First", 1), ("Second", 2)]


def test_without_printed_numbers_marker_s_levels_count_from_the_title_s() -> None:
    document = read([head("Moss", 1), head("First", 2), head("Deeper", 3)])
    assert [(it.text, it.level) for it in document.blocks] == [("First", 1), ("Deeper", 2)]


def test_a_paragraph_broken_by_a_page_or_column_is_one() -> None:
    document = read(
        [head("1 Intro"), text("It keeps a mem-"), block("Footnote", "<p>1 A note.</p>")],
        [
            block("PageHeader", "<p>Moss</p>"),
            text("ory of latents.", goes_on=True),
            text("Always."),
        ],
        [text("Another one.")],
    )
    assert [(it.kind, it.text) for it in document.blocks[1:]] == [
        ("paragraph", "It keeps a memory of latents. Always."),
        ("footnote", "1 A note."),
        ("paragraph", "Another one."),
    ]


def test_a_table_keeps_its_rows_spans_and_caption() -> None:
    table = (
        "<table><thead><tr><th rowspan='2'>Model</th><th colspan='2'>Score</th></tr>"
        "<tr><th>A</th><th>B</th></tr></thead>"
        "<tbody><tr><td>Moss</td><td>1<sup>*</sup></td></tr><tr><td></td></tr></tbody></table>"
    )
    caption = block("Caption", "<p>Table 2: Scores of <i>two</i>.</p>")
    document = read(
        [head("1 R"), block("TableGroup", "", caption, block("Table", table)), text("Prose.")]
    )
    assert [it.kind for it in document.blocks] == ["heading", "table", "paragraph"]
    shown = document.blocks[1]
    assert (shown.number, shown.text) == ("2", "Scores of two.")
    assert shown.rows == [["Model", "Score", "Score"], ["Model", "A", "B"], ["Moss", "1*", ""]]


def test_a_table_in_which_marker_saw_no_columns_keeps_its_lines() -> None:
    lines = [block("Line", f"{words}\n") for words in ("Model Score", "Moss 0.8")]
    document = read([head("1 R"), block("Table", "", *lines)])
    assert document.blocks[1].rows == [["Model Score"], ["Moss 0.8"]]


def test_captions_find_what_they_name_and_no_other() -> None:
    picture = block("Picture", "")
    document = read(
        [
            head("1 R"),
            block("Caption", "<p>Figure 1: Left alone.</p>"),
            block("Table", "<table><tr><td>1</td><td>2</td></tr></table>"),
            text("Table 1. Below it."),
            picture,
            text("Fig. 2 | After it."),
            block("Caption", "<p>No label at all.</p>"),
        ]
    )
    assert [(it.kind, it.number, it.text) for it in document.blocks[1:]] == [
        ("figure", "1", "Left alone."),
        ("table", "1", "Below it."),
        ("figure", "2", "After it."),
        ("paragraph", None, "No label at all."),
    ]


def test_an_equation_has_its_latex_and_number_and_lists_and_code_are_kept() -> None:
    document = read(
        [
            head("1 M"),
            block("Equation", '<p><math display="block">L = x^2 (3)</math></p>'),
            block("Equation", "<p>y = 2</p>"),
            block(
                "ListGroup",
                "",
                block("ListItem", "<li>First</li>"),
                block("ListItem", "<li>Second</li>"),
            ),
            block("Code", "<pre>for x in y:\n    print(x)</pre>"),
        ]
    )
    equation, plain, first, second, code = document.blocks[1:]
    assert (equation.text, equation.number, equation.latex) == ("L = x^2", "3", "L = x^2")
    assert (plain.kind, plain.text, plain.latex) == ("equation", "y = 2", None)
    assert [first.kind, second.text] == ["list_item", "Second"]
    assert code.text == "for x in y:\n    print(x)"


def test_links_are_those_to_the_web_and_one_broken_over_lines_is_whole() -> None:
    url = "https://a.org/a-long/path"
    document = read(
        [
            text(
                "See <a href='#page-6-0'>[1]</a>, <a href='javascript:alert(1)'>this</a>, "
                f"<a href='{url}'>https://a.org/a-</a> <a href='{url}'>long/path</a> and "
                "<a href='https://b.org'>our</a> <a href='https://b.org'>code</a>."
            )
        ]
    )
    assert [(it.url, it.text, it.page, it.origin) for it in document.links] == [
        (url, url, 1, "annotation"),
        ("https://b.org", "our code", 1, "annotation"),
    ]
    assert document.blocks[0].text == f"See [1], this, {url} and our code."


def test_markup_in_a_paper_s_text_stays_text() -> None:
    document = read(
        [text("&lt;script&gt;x&lt;/script&gt; &amp; <b>a</b> <table"), block("Text", "")]
    )
    assert [it.text for it in document.blocks] == ["<script>x</script> & a"]


def test_characters_that_are_no_text_are_left_out() -> None:
    words = "".join(map(chr, (0, 7, 27, 0xFFFE, 0xFFFF, 0xD800)))
    document = read([text(f"a{words}b \U0001f9ea")], [text(words), text("")])
    assert [it.text for it in document.blocks] == ["ab \U0001f9ea"]


def test_a_raised_number_is_not_part_of_the_number_before_it() -> None:
    said = "71.3<sup>1</sup>, 10<sup>-6</sup> and 5<sub>0.4</sub><sup><a href='#p1'>2</a></sup>"
    document = read([text(said), block("Table", f"<table><tr><td>{said}</td></tr></table>")])
    shown = "71.3¹, 10⁻⁶ and 5_(0.4)²"
    assert document.blocks[0].text == shown and document.blocks[1].rows == [[shown]]
