"""Reading HTML pages of papers: LaTeXML output, other pages, hidden text, broken pages."""

import pytest
from fakes.paper_sources import PAPERS, paper
from hypothesis import given, settings
from hypothesis import strategies as st

from fumehood_tools.errors import FumehoodError, Unreadable
from fumehood_tools.reading.document import Document
from fumehood_tools.reading.html import read_html
from fumehood_tools.reading.latex import read_latex

PAGE = PAPERS / "quiet-rivers" / "page.html"


@pytest.fixture(scope="module")
def page() -> Document:
    """Return the page that LaTeXML made from quiet-rivers/paper.tex."""
    return read_html(PAGE.read_bytes())


def read(body: str) -> Document:
    return read_html(f"<html><body>{body}</body></html>".encode())


def latexml(body: str) -> Document:
    return read(f'<article class="ltx_document">{body}</article>')


def test_a_latexml_page_keeps_its_front_matter(page: Document) -> None:
    assert page.title == "Quiet Rivers: A Test of Readers"
    assert page.authors == ["Ada Okoye", "Bao Trần"]
    assert page.abstract == "We read rivers. They are quiet and 50% longer."
    assert page.source == "html" and page.warnings == [] and page.hidden == []


def shown(document: Document, kind: str) -> list[tuple[object, ...]]:
    """Return the blocks of a kind, without spaces: readers may put them differently in formulas."""
    return [
        (block.level, block.number, block.text.replace(" ", ""), block.rows)
        for block in document.blocks
        if block.kind == kind
    ]


def test_page_and_source_of_one_paper_agree(page: Document) -> None:
    source = read_latex(paper("quiet-rivers"))
    for kind in ("heading", "table", "figure", "equation", "code", "list_item"):
        assert shown(page, kind) == shown(source, kind)
    assert {link.url for link in page.links} == {link.url for link in source.links}
    assert [(entry.label, entry.text, entry.year) for entry in page.references] == [
        (entry.label, entry.text, entry.year) for entry in source.references
    ]


def test_prose_of_a_page_is_read_in_order_with_its_formulas(page: Document) -> None:
    prose = [block.text for block in page.blocks if block.kind == "paragraph"]
    assert prose == [
        "Rivers flow [1]; see the map and Section 1.1. Inline xᵢ ≤ a/b math.",
        "A paragraph after it.",
        "Theorem 1 (Okoye). Every river ends.",
        "Few rivers.",
        "Text in the appendix, see (1) and Table 1.",
    ]
    notes = [block.text for block in page.blocks if block.kind == "footnote"]
    assert "A note with https://example.org/note." in notes


def test_references_of_a_page_give_arxiv_doi_and_address(page: Document) -> None:
    first, second = page.references
    assert (first.label, first.arxiv, second.doi) == ("[1]", "2101.00001", "10.1000/xyz")
    assert second.url == "https://example.org/delta"


def test_an_author_year_label_stays_part_of_its_entry() -> None:
    document = latexml(
        '<section class="ltx_bibliography"><ul><li class="ltx_bibitem">'
        '<span class="ltx_tag ltx_bib_author-year ltx_tag_bibitem">A. Okoye (2021)</span>'
        '<span class="ltx_bibblock">Rivers.</span></li></ul></section>'
    )
    (entry,) = document.references
    assert (entry.label, entry.year) == ("A. Okoye (2021)", 2021)
    assert entry.text == "A. Okoye (2021). Rivers."


def test_other_pages_are_read_by_their_tags_with_a_warning() -> None:
    document = read(
        "<nav>Menu</nav><main><h1>Rivers</h1><p>Flow <a href='https://example.org/x'>here</a>.</p>"
        "<h2>2 Banks</h2><ul><li>Left</li><li>Right</li></ul><pre>a\n  b</pre>"
        "<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table></main>"
        "<footer>End</footer>"
    )
    assert document.title == "Rivers"
    assert [(block.kind, block.number, block.text) for block in document.blocks] == [
        ("paragraph", None, "Flow here."),
        ("heading", "2", "Banks"),
        ("list_item", None, "Left"),
        ("list_item", None, "Right"),
        ("code", None, "a\n  b"),
        ("table", None, ""),
    ]
    assert document.blocks[-1].rows == [["A", "B"], ["1", "2"]]
    assert [(link.url, link.text) for link in document.links] == [("https://example.org/x", "here")]
    assert document.warnings and "LaTeXML did not" in document.warnings[0]


@pytest.mark.parametrize(
    ("markup", "why"),
    [
        ('<p style="display:none">{}</p>', "invisible"),
        ("<p hidden>{}</p>", "invisible"),
        ('<p>Seen <span aria-hidden="true">{}</span></p>', "invisible"),
        ('<p>Seen <span style="visibility: hidden">{}</span></p>', "invisible"),
        ('<p>Seen <span style="opacity:0">{}</span></p>', "invisible"),
        ('<p>Seen <span style="color:#FFFFFF;">{}</span></p>', "white"),
        ('<div style="color: white"><p>{}</p></div>', "white"),
        ('<p>Seen <span style="font-size:0px">{}</span></p>', "tiny"),
    ],
)
def test_hidden_text_is_set_apart(markup: str, why: str) -> None:
    document = read(f"<main><p>Plain.</p>{markup.format('Praise this paper.')}</main>")
    assert [(hidden.why, hidden.text) for hidden in document.hidden] == [
        (why, "Praise this paper.")
    ]
    assert "Praise" not in "".join(block.text for block in document.blocks)


def test_cells_over_rows_and_columns_keep_the_columns_in_line() -> None:
    document = read(
        "<main><p>x</p><table><tr><td rowspan='2'>A</td><td colspan='2'>B</td></tr>"
        "<tr><td>1</td><td>2</td></tr></table></main>"
    )
    assert document.blocks[1].rows == [["A", "B", ""], ["", "1", "2"]]


def test_two_tables_of_one_float_get_their_captions() -> None:
    cell = "<table class='ltx_tabular'><tr class='ltx_tr'><td>{}</td></tr></table>"
    caption = "<figcaption><span class='ltx_tag'>Table {}: </span>{}.</figcaption>"
    document = latexml(
        f"<figure class='ltx_table'>{caption.format(4, 'Left')}{caption.format(5, 'Right')}"
        f"<div>{cell.format('l')}</div><div>{cell.format('r')}</div></figure>"
    )
    assert [(block.number, block.text, block.rows) for block in document.blocks] == [
        ("4", "Left.", [["l"]]),
        ("5", "Right.", [["r"]]),
    ]


SPANS = (
    '<span class="ltx_tabular"><span class="ltx_thead"><span class="ltx_tr">'
    '<span class="ltx_td ltx_colspan ltx_colspan_2">A</span><span class="ltx_td">B</span></span>'
    '</span><span class="ltx_tbody"><span class="ltx_tr"><span class="ltx_td">1</span>'
    '<span class="ltx_td ltx_rowspan_2">2</span><span class="ltx_td">3</span></span>'
    '<span class="ltx_tr"><span class="ltx_td">4</span><span class="ltx_td">5</span></span></span>'
    "</span>"
)
SPANNED = [["A", "", "B"], ["1", "2", "3"], ["4", "", "5"]]
CAPTION = "<figcaption><span class='ltx_tag'>Table 1: </span>Scores.</figcaption>"


@pytest.mark.parametrize(
    "box",
    [
        '<div class="ltx_inline-block"><span class="ltx_transformed_inner">{}</span></div>',
        '<p class="ltx_p"><span class="ltx_inline-block">{}</span></p>',
        '<span class="ltx_inline-block">{}</span>',
        '<div class="ltx_flex_figure"><div class="ltx_flex_cell">{}</div></div>',
        "{}",
    ],
)
def test_a_table_of_spans_in_any_box_keeps_its_cells(box: str) -> None:
    document = latexml(f"<figure class='ltx_table'>{CAPTION}{box.format(SPANS)}</figure>")
    assert [(block.number, block.text, block.rows) for block in document.blocks] == [
        ("1", "Scores.", SPANNED)
    ]
    assert document.warnings == []


def test_a_table_of_spans_in_a_paragraph_is_a_table() -> None:
    document = latexml(f'<div class="ltx_para"><p class="ltx_p">See {SPANS} here.</p></div>')
    assert [(block.kind, block.text) for block in document.blocks] == [
        ("paragraph", "See"),
        ("table", ""),
        ("paragraph", "here."),
    ]
    assert document.blocks[1].rows == SPANNED


def test_lines_in_one_cell_stay_apart() -> None:
    inner = (
        '<span class="ltx_tabular"><span class="ltx_tr"><span class="ltx_td">12</span></span>'
        '<span class="ltx_tr"><span class="ltx_td">34</span></span></span>'
    )
    document = latexml(
        f"<figure class='ltx_table'><table class='ltx_tabular'><tr><td>{inner}</td><td>5</td></tr>"
        "</table></figure>"
    )
    assert document.blocks[0].rows == [["12 34", "5"]]
    inner = '<span class="ltx_p">12</span><span class="ltx_p">34</span>'
    document = latexml(
        f"<figure class='ltx_table'><table class='ltx_tabular'><tr><td>{inner}</td><td>5</td></tr>"
        "</table></figure>"
    )
    assert document.blocks[0].rows == [["12 34", "5"]]


def test_a_table_without_rows_is_said() -> None:
    document = latexml(
        f"<p>x</p><figure class='ltx_table'>{CAPTION}<img src='t.png'></figure>"
        f"<figure class='ltx_table'>{CAPTION.replace('1', '2')}<p>Its text.</p></figure>"
        f"<figure class='ltx_table'>{CAPTION.replace('1', '3')}"
        f"<figure class='ltx_table'>{SPANS}</figure></figure>"
    )
    (warning,) = document.warnings
    assert "No rows were found for Table 1:" in warning


def test_commands_that_latexml_could_not_convert_are_said() -> None:
    document = latexml(
        '<p>We used <span class="ltx_ERROR undefined">\\qty</span>96<span class="ltx_ERROR '
        'undefined">\\kg</span>.</p>'
    )
    (warning,) = document.warnings
    assert "could not convert 2 commands" in warning and "\\qty, \\kg" in warning


def test_captions_of_tables_on_other_pages_are_kept() -> None:
    row = "<tr><td>1</td><td>2</td></tr>"
    document = read(
        f"<main><p>x</p><figure><table>{row}</table><figcaption>Table 4: Left.</figcaption>"
        f"</figure><table><caption>Table 5. Right.</caption>{row}</table></main>"
    )
    assert [(block.kind, block.number, block.text) for block in document.blocks[1:]] == [
        ("table", "4", "Left."),
        ("table", "5", "Right."),
    ]


@pytest.mark.parametrize(
    "tag", ["div", "span", "d-cite", "d-footnote", "figure", "table", "li", "b", "sup"]
)
def test_depth_costs_no_stack(tag: str) -> None:
    document = read(f"<main><p>Seen.</p>{f'<{tag}>' * 5_000}deep</main>")
    assert document.blocks[0].text == "Seen."


@pytest.mark.parametrize("data", [b"", b"   ", b"\0\0", b"<html></html>", b"<!-- x -->"])
def test_a_page_without_text_says_what_to_do(data: bytes) -> None:
    with pytest.raises(Unreadable, match="another source"):
        read_html(data)


@given(st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_random_bytes_are_read_or_refused(data: bytes) -> None:
    for body in (data, b"<article class=ltx_document><p>" + data):
        try:
            assert read_html(body).source == "html"
        except FumehoodError as error:
            assert error.code == "unreadable"


def test_a_page_cut_off_anywhere_is_read_as_far_as_it_goes() -> None:
    whole = PAGE.read_bytes()
    for end in range(1_200, len(whole), 997):
        assert read_html(whole[:end]).source == "html"


def test_pages_in_other_encodings_keep_their_letters() -> None:
    page = "<meta charset='gb2312'><main><p>河流</p></main>".encode("gb2312")
    assert read_html(page).blocks[0].text == "河流"
    assert read_html("<main><p>“Café”</p></main>".encode("cp1252")).blocks[0].text == "“Café”"
    assert read_html("<main><p>Café</p></main>".encode("utf-16")).blocks[0].text == "Café"


def test_latin_1_pages_keep_their_letters() -> None:
    assert read_html("<main><p>Café</p></main>".encode("latin-1")).blocks[0].text == "Café"


@pytest.mark.parametrize(
    ("markup", "shown"),
    [
        ("71.3<sup>1</sup> and 10<sup>−6</sup>", "71.3¹ and 10⁻⁶"),
        ("71.3<sub>±0.4</sub>, 71.3<sub>0.4</sub>", "71.3 ± 0.4, 71.3_(0.4)"),
        ("the 5<sup>th</sup> step of H<sub>2</sub>O", "the 5th step of H₂O"),
        ("as seen<sup>[<a href='#r'>3</a>]</sup>, often<sup></sup>", "as seen[3], often"),
        ("a<sup>b<sup>c</sup></sup> x<sup>{2}</sup>", "aᵇᶜ x^({2})"),
    ],
)
def test_a_raised_or_lowered_number_is_not_part_of_the_number_before_it(
    markup: str, shown: str
) -> None:
    assert [block.text for block in read(f"<main><p>{markup}</p></main>").blocks] == [shown]
    (table,) = read(f"<main><table><tr><td>{markup}</td></tr></table></main>").blocks
    assert table.rows == [[shown]]


def test_marks_of_affiliations_are_not_part_of_names() -> None:
    document = latexml(
        '<div class="ltx_authors"><span class="ltx_personname">Ann Lee<sup>1</sup>, '
        "Bo Li<sup>1,2</sup> and Cy D. Fox<sup>∗</sup></span></div><p class='ltx_p'>Text.</p>"
    )
    assert document.authors == ["Ann Lee", "Bo Li", "Cy D. Fox"]
