"""Searching the text of documents."""

import pytest

from fumehood_tools.errors import BadRequest
from fumehood_tools.reading.document import Block, Document
from fumehood_tools.reading.text_search import TextIndex, search_text


def test_a_word_is_found_in_another_form_with_section_page_and_snippet(paper: Document) -> None:
    hits = search_text({"moss": paper}, "diverging trainings").hits
    assert (hits[0].paper, hits[0].section, hits[0].page) == ("moss", "s5", 2)
    assert hits[0].chunk == "s5/c1" and "**Training** **diverges** when λ" in hits[0].snippet


def test_a_phrase_is_found_only_as_consecutive_words(paper: Document) -> None:
    papers = {"moss": paper}
    assert [hit.section for hit in search_text(papers, '"full memory"').hits] == ["s6"]
    assert not search_text(papers, '"memory full"').hits


def test_all_asks_for_every_word_and_any_for_one(paper: Document) -> None:
    papers = {"moss": paper}
    every = search_text(papers, "memory sketch", match="all")
    assert [hit.section for hit in every.hits] == ["s6"]
    assert search_text(papers, "memory sketch").total > 1


def test_words_of_a_heading_count_for_the_text_below_it(paper: Document) -> None:
    assert search_text({"moss": paper}, "hyperparameter").hits[0].section == "sA.1"


def test_pages_follow_one_another_without_gap_or_repeat(paper: Document) -> None:
    papers = {"a": paper, "b": paper}
    whole = search_text(papers, "latents memory").hits
    parts, cursor = [], None
    while True:
        page = search_text(papers, "latents memory", limit=3, cursor=cursor)
        parts += page.hits
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
    assert parts == whole and {hit.paper for hit in whole} == {"a", "b"}


def test_a_rare_word_weighs_more_than_a_common_one() -> None:
    texts = [
        "latents latents latents of a kind",
        *["latents of this kind"] * 5,
        "a transcoder here",
    ]
    papers = {
        str(number): Document(source="html", blocks=[Block(kind="paragraph", text=text)])
        for number, text in enumerate(texts)
    }
    assert [hit.paper for hit in search_text(papers, "latents transcoders").hits[:2]] == ["6", "0"]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("the naïve café of Erdős", "naive"),
        ("the naïve café of Erdős", "Cafe"),
        ("the naïve café of Erdős", "erdos"),
        ("naive cafes", "naïve"),
        ("in Łódź by Ørsted", "lodz orsted"),
        ("die Größe", '"die grosse"'),
        ("Ελληνικά ά", "ελληνικα"),
        ("が字典", "が字典"),
    ],
)
def test_words_are_found_with_and_without_accents(text: str, query: str) -> None:
    document = Document(source="html", blocks=[Block(kind="paragraph", text=text)])
    assert search_text({"a": document}, query, match="all").total == 1


def test_letters_that_only_look_accented_stay_different() -> None:
    document = Document(source="html", blocks=[Block(kind="paragraph", text="が")])
    assert search_text({"a": document}, "か").total == 0


@pytest.mark.parametrize("query", ["", "  ", '""', "!?"])
def test_a_query_without_words_is_a_bad_request(paper: Document, query: str) -> None:
    with pytest.raises(BadRequest, match="contains no words"):
        search_text({"moss": paper}, query)


def test_a_query_of_stop_words_alone_is_still_answered(paper: Document) -> None:
    assert search_text({"moss": paper}, "which").hits


def test_nothing_is_found_in_no_documents() -> None:
    assert search_text({}, "latents").total == 0


def test_a_book_is_searched_to_its_last_page(paper: Document) -> None:
    prose = [block for block in paper.blocks if block.kind == "paragraph"]
    blocks = [
        Block(kind="paragraph", text=block.text, page=p + 1)
        for p in range(500)
        for block in prose[:8]
    ]
    index = TextIndex({"book": Document(source="pdftext", blocks=blocks)})
    assert index.search("co-activations of latents").total > 100
