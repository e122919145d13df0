"""Reading Distill articles, in both versions of its elements, and pages that use them."""

import json

import pytest

from fumehood_tools.reading.document import Document
from fumehood_tools.reading.html import read_html

WORKS = [
    [
        "king2013",
        {
            "title": "Encoding {R}ivers",
            "author": "King, Ada P and Well, Max",
            "journal": "arXiv preprint arXiv:1312.00001",
            "year": "2013",
            "url": "https://arxiv.org/abs/1312.00001",
        },
    ],
    ["good2014", {"title": "Adversarial lakes", "author": "Good, Ian and others", "year": "2014"}],
    ["uncited", {"title": "Nobody cites it"}],
]
BIBTEX = "@article{king2013, title={Encoding {R}ivers}, author={King, Ada P}, year={2013}}"


def article(body: str, *, front: object = None, bibliography: str | None = None) -> Document:
    said = {"title": "Rivers", "authors": [{"author": "Ada Okoye"}, {"author": "Bo Trần"}]}
    works = f'<script type="text/json">{json.dumps(WORKS)}</script>'
    return read_html(
        "<!doctype html><html><head><title>Rivers</title>"
        '<script type="text/json">{"authors":[{"author":"Someone Else"}]}</script></head><body>'
        "<distill-header>Distill About</distill-header>"
        f'<d-front-matter><script type="text/json">{json.dumps(front or said)}</script>'
        "</d-front-matter><d-title><h1>Rivers</h1><p>On rivers.</p></d-title><d-byline></d-byline>"
        '<d-article><d-contents><nav><a href="#a">Flow</a></nav></d-contents>'
        f"{body}</d-article><d-appendix><h3>Thanks</h3><p>To nobody.</p>"
        "<d-footnote-list></d-footnote-list><d-citation-list></d-citation-list>"
        "<distill-appendix><p>Licensed.</p></distill-appendix></d-appendix>"
        f"<d-bibliography>{works if bibliography is None else bibliography}</d-bibliography>"
        "<distill-footer>Distill is dedicated</distill-footer></body></html>".encode()
    )


def prose(document: Document, kind: str = "paragraph") -> list[str]:
    return [block.text for block in document.blocks if block.kind == kind]


def test_an_article_keeps_its_front_matter_and_leaves_out_the_furniture() -> None:
    document = article('<h2 id="a">Flow</h2><p>It flows.</p>')
    assert (document.title, document.authors) == ("Rivers", ["Ada Okoye", "Bo Trần"])
    assert prose(document) == ["On rivers.", "It flows.", "To nobody."]
    assert prose(document, "heading") == ["Flow", "Thanks"]
    assert document.warnings == []


def test_citations_have_the_numbers_that_the_page_displays() -> None:
    document = article(
        '<p>Kings<d-cite key="king2013"></d-cite> and both <d-cite key="good2014, king2013">'
        '</d-cite>. See <d-cite bibtex-key="good2014">the lakes</d-cite>.</p>'
    )
    assert prose(document)[1] == "Kings [1] and both [2, 1]. See the lakes [2]."
    assert [(entry.label, entry.year, entry.arxiv) for entry in document.references] == [
        ("[1]", 2013, "1312.00001"),
        ("[2]", 2014, None),
    ]
    assert document.references[0].text == (
        "Ada P King, Max Well. Encoding Rivers. arXiv preprint arXiv:1312.00001. 2013"
    )
    assert document.references[1].text == "Ian Good. Adversarial lakes. 2014"


@pytest.mark.parametrize(
    "bibliography",
    [
        f'<script type="text/bibtex">{BIBTEX}</script>',
        f"<script>{BIBTEX}</script>",
        f'</d-bibliography><script type="text/bibliography">{BIBTEX}</script>',
        '<script type="text/json">{"king2013": {"title": "Encoding Rivers", "year": "2013",'
        ' "author": "King, Ada P"}}</script>',
    ],
)
def test_a_bibliography_is_read_in_every_form(bibliography: str) -> None:
    document = article('<p>X <d-cite key="king2013"></d-cite></p>', bibliography=bibliography)
    assert [entry.text for entry in document.references] == ["Ada P King. Encoding Rivers. 2013"]


def test_references_that_are_written_out_are_read() -> None:
    document = read_html(
        b'<body><d-title><h1>Rivers</h1></d-title><p>We follow <d-cite key="king2013"></d-cite>.'
        b'</p><d-citation-list><ol><li id="king2013"><span class="title">Encoding rivers</span> '
        b'<a href="https://arxiv.org/abs/1312.00001">[PDF]</a> King, A., 2013.</li></ol>'
        b"</d-citation-list></body>"
    )
    (entry,) = document.references
    assert (entry.label, entry.arxiv, entry.year) == ("[1]", "1312.00001", 2013)
    assert document.blocks[-1].text == "We follow [1]."


def test_a_work_that_the_page_does_not_hold_keeps_its_key_and_is_said() -> None:
    document = article(
        '<p>X <d-cite key="king2013,far2020"></d-cite></p>'
        '<d-bibliography src="all.bib"></d-bibliography>'
    )
    assert prose(document)[1] == "X [1, far2020]"
    assert len(document.warnings) == 1
    assert "far2020" in document.warnings[0] and "all.bib" in document.warnings[0]


def test_footnotes_and_margin_notes_are_apart_from_the_sentence() -> None:
    document = article(
        '<p>There are 34<d-footnote>With 512 and <d-cite key="king2013"></d-cite>.</d-footnote> '
        "million.</p><aside>A margin note.</aside>"
    )
    assert prose(document)[1:3] == ["There are 34 million.", "A margin note."]
    assert prose(document, "footnote") == ["With 512 and [1]."]


def test_formulas_code_and_figures_have_their_kinds() -> None:
    document = article(
        "<p>Inline <d-math>f_i \\ge 0</d-math> holds.</p><d-math block>y = \\frac{a}{b}</d-math>"
        "<p>Run <d-code>x = 1</d-code>.</p><d-code block>\nfor x:\n    y\n</d-code>"
        "<d-figure><img src='a.png'><figcaption>Figure 2: A river.</figcaption></d-figure>"
        "<d-figure><figure><figcaption>Figure 3: A lake.</figcaption></figure></d-figure>"
    )
    assert "Inline fᵢ ≥ 0 holds." in prose(document) and "Run x = 1." in prose(document)
    (equation,) = [block for block in document.blocks if block.kind == "equation"]
    assert (equation.text, equation.latex) == ("y = a/b", "y = \\frac{a}{b}")
    assert prose(document, "code") == ["for x:\n    y"]
    figures = [(block.number, block.text) for block in document.blocks if block.kind == "figure"]
    assert figures == [("2", "A river."), ("3", "A lake.")]


def test_formulas_between_the_delimiters_of_the_page_are_read() -> None:
    katex = {
        "delimiters": [
            {"left": "$", "right": "$", "display": False},
            {"left": "$$", "right": "$$", "display": True},
            {"left": "", "right": 3},
            None,
        ]
    }
    body = (
        "<p>Where $x_i \\le 3$ and <b>so</b> $$y$$ hold, at \\$5.</p><pre>$HOME</pre><p>At $5.</p>"
    )
    document = article(body, front={"title": "Rivers", "authors": [], "katex": katex})
    assert prose(document)[1:3] == ["Where xᵢ ≤ 3 and so y hold, at \\$5.", "At $5."]
    assert prose(document, "code") == ["$HOME"]
    plain = article(body, front={"title": "Rivers", "authors": [], "katex": {"delimiters": 1}})
    assert "$x_i \\le 3$" in prose(plain)[1]


def test_names_in_a_byline_of_its_own_are_the_authors() -> None:
    byline = (
        '<div class="d-byline-container"><div class="byline"><h3>Authors</h3>'
        '<span class="author">Ada Okoye<sup>*</sup>,</span> <span class="author">Bo Trần‡,</span>'
        "<h3>Affiliation</h3><p>A laboratory</p></div></div>"
    )
    document = article(f"{byline}<p>It flows.</p>", front={"title": "Rivers", "authors": [None]})
    assert document.authors == ["Ada Okoye", "Bo Trần"]
    assert "Affiliation" not in prose(document, "heading") and "It flows." in prose(document)


def test_names_in_the_head_of_the_page_are_the_last_resort() -> None:
    document = read_html(
        b'<head><meta name="citation_author" content="Okoye, Ada"></head><body><d-article>'
        b"<p>It flows.</p></d-article></body>"
    )
    assert document.authors == ["Ada Okoye"]


def test_sections_of_the_highest_rank_are_above_the_others() -> None:
    document = article("<h1>Flow</h1><p>x</p><h2>Slow</h2><p>y</p><h3>Slower</h3><p>z</p>")
    levels = [(block.text, block.level) for block in document.blocks if block.kind == "heading"]
    assert levels[:3] == [("Flow", 1), ("Slow", 2), ("Slower", 3)]


def test_the_first_version_of_the_elements_is_read() -> None:
    document = read_html(
        b'<script type="text/front-matter">\n  title: "Rivers"\n  authors:\n  - Ada Okoye: http://a'
        b"\n  - Bo Sample: http://b\n  affiliations:\n  - Lab: http://c\n</script>"
        b"<dt-article><h1>Rivers</h1><dt-byline></dt-byline><p>We cite "
        b'<dt-cite key="king2013"></dt-cite>.<dt-fn>A note.</dt-fn></p></dt-article>'
        b'<script type="text/bibliography">' + BIBTEX.encode() + b"</script>"
    )
    assert (document.title, document.authors) == ("Rivers", ["Ada Okoye", "Bo Sample"])
    assert [block.text for block in document.blocks] == ["We cite [1].", "A note."]
    assert [entry.label for entry in document.references] == ["[1]"]


@pytest.mark.parametrize("broken", ["[", '[["a"]]', '{"a": 1}', "null", "7", '[["a", {"x": []}]]'])
def test_broken_data_in_the_page_cost_only_themselves(broken: str) -> None:
    document = article(
        '<p>X <d-cite key="a"></d-cite><d-cite></d-cite></p>',
        bibliography=f'<script type="text/json">{broken}</script>',
        front={"authors": {"author": 3}},
    )
    assert prose(document)[1].startswith("X [") and document.title == "Rivers"


def test_formulas_that_are_displayed_already_are_read_once() -> None:
    katex = (
        '<span class="katex"><span class="katex-mathml"><math><semantics><mrow><mi>x</mi></mrow>'
        '<annotation encoding="application/x-tex">\\alpha_1</annotation></semantics></math></span>'
        '<span class="katex-html" aria-hidden="true">α1</span></span>'
    )
    document = read_html(
        f"<main><p>With {katex} and <script type='math/tex'>\\beta</script>.</p></main>".encode()
    )
    assert document.blocks[0].text == "With α₁ and β." and document.hidden == []
