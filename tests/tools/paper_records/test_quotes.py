"""A quotation is accepted with its place if it is in the document, and refused otherwise."""

import re
import time

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from fumehood_tools.paper_records.normal_form import bare, clean
from fumehood_tools.paper_records.passages import texts_of
from fumehood_tools.paper_records.quotes import QuoteFinder
from fumehood_tools.reading.document import Block, Document, HiddenText
from fumehood_tools.reading.outline import block_text

QUIET = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture(scope="module")
def finder(paper: Document) -> QuoteFinder:
    return QuoteFinder(paper)


@pytest.fixture(scope="module")
def texts(paper: Document) -> list[str]:
    told = [block_text(block) for block in paper.blocks if block.kind != "heading"]
    return [paper.abstract, *told]


def prose(paper: Document) -> list[str]:
    return [block.text for block in paper.blocks if block.kind == "paragraph"]


@st.composite
def piece(draw: st.DrawFn, texts: list[str]) -> str:
    """Draw a passage of 15 to 600 characters from one of the texts."""
    text = draw(st.sampled_from(texts))
    start = draw(st.integers(0, len(text) - 15))
    return text[start : draw(st.integers(start + 15, min(len(text), start + 600)))]


@QUIET
@given(data=st.data())
def test_any_verbatim_piece_of_a_document_is_accepted(
    finder: QuoteFinder, texts: list[str], data: st.DataObject
) -> None:
    quote = data.draw(piece(texts))
    assume(len(" ".join(quote.split())) >= 15)
    found = finder.find(quote)
    assert found.status == "accepted", (quote, found)
    assert bare(clean(found.text)) == bare(clean(quote))


@QUIET
@given(data=st.data())
def test_ligatures_hyphens_and_blanks_do_not_count(
    finder: QuoteFinder, texts: list[str], data: st.DataObject
) -> None:
    quote = data.draw(piece(texts))
    assume(len(" ".join(quote.split())) >= 15)
    noisy = quote.replace("fi", "ﬁ").replace("fl", "ﬂ").replace("ff", "ﬀ").replace("'", "’")
    for spot in sorted(
        data.draw(st.sets(st.integers(1, len(noisy) - 1), max_size=6)), reverse=True
    ):
        around = noisy[spot - 1 : spot + 1]
        if around.isalpha():
            noise = data.draw(st.sampled_from(["-\n", "\u00ad", "- ", "\u200b"]))
            noisy = f"{noisy[:spot]}{noise}{noisy[spot:]}"
        elif " " in around:
            blank = data.draw(st.sampled_from([" ", "\n", "\u00a0"]))
            noisy = f"{noisy[:spot]}{blank}{noisy[spot:]}"
    assert finder.find(noisy).status == "accepted", noisy


@QUIET
@given(data=st.data())
def test_any_quote_with_one_digit_changed_is_refused(
    finder: QuoteFinder, texts: list[str], data: st.DataObject
) -> None:
    quote = data.draw(piece(texts))
    digits = [place for place, letter in enumerate(quote) if letter in "0123456789"]
    assume(digits and len(" ".join(quote.split())) >= 15)
    place = data.draw(st.sampled_from(digits))
    other = data.draw(st.sampled_from("0123456789"))
    changed = f"{quote[:place]}{other}{quote[place + 1 :]}"
    assume(other != quote[place] and not any(changed in text for text in texts))
    found = finder.find(changed)
    assert found.status == "refused" and found.reason, (quote, changed, found)


@QUIET
@given(data=st.data(), word=st.sampled_from(["increases", "oranges", "significantly", "quickly"]))
def test_a_quote_with_one_word_replaced_is_refused_or_flagged(
    finder: QuoteFinder, texts: list[str], data: st.DataObject, word: str
) -> None:
    quote = data.draw(piece(texts))
    spots = list(re.finditer(r"\b[a-z]{4,}\b", quote))
    assume(spots and len(" ".join(quote.split())) >= 15)
    spot = data.draw(st.sampled_from(spots))
    changed = quote[: spot.start()] + word + quote[spot.end() :]
    assert finder.find(changed).status in ("refused", "flagged")


@QUIET
@given(data=st.data(), word=st.sampled_from(["not", "never", "no", "hardly"]))
def test_a_quote_with_a_negation_put_in_is_refused(
    finder: QuoteFinder, texts: list[str], data: st.DataObject, word: str
) -> None:
    quote = data.draw(piece(texts)).strip()
    spots = [match.start() for match in re.finditer(r"(?<=[a-z]) (?=[a-z])", quote)]
    assume(spots and len(" ".join(quote.split())) >= 15)
    spot = data.draw(st.sampled_from(spots))
    assert finder.find(f"{quote[:spot]} {word}{quote[spot:]}").status == "refused"


def test_a_word_taken_out_is_refused_and_named(finder: QuoteFinder) -> None:
    short = finder.find(
        "It does improve the accuracy of sparse probes, which stays at 0.91 for both."
    )
    assert short.status == "refused" and "“not” left out" in short.reason
    told = "Moss performs worse than top-k when L0 is above 256."
    assert finder.find(told).status == "accepted"
    found = finder.find("The memory grows with the dictionary, so that it is not feasible")
    assert found.status == "refused"
    assert "omits words of the paper without …: “square of the”" in found.reason


def test_a_place_is_named_by_section_page_and_chunk(finder: QuoteFinder) -> None:
    passage = finder.find("One run takes 3.5 hours, and the whole study").passage
    assert passage and (passage.section, passage.page, passage.chunk) == ("s3.2", 1, "s3.2/c1")


def test_a_quote_may_run_over_blocks_and_over_what_floats_between_them(paper: Document) -> None:
    halves = ["The loss of the memory [1] is", "felt most by rare latents [2]."]
    blocks = [
        Block(kind="paragraph", text=halves[0]),
        Block(kind="figure", text="A figure in between.", number="3"),
        Block(kind="paragraph", text=halves[1]),
    ]
    finder = QuoteFinder(paper.model_copy(update={"blocks": blocks}))
    assert finder.find(" ".join(halves)).status == "accepted"


def test_citation_marks_may_be_left_out_but_not_changed(finder: QuoteFinder) -> None:
    told = "need no sparsity penalty{}. Their authors report that dead latents remain"
    assert finder.find(told.format(" [3]")).status == "accepted"
    assert finder.find(told.format("")).status == "accepted"
    assert finder.find(told.format(" [4]")).status == "refused"


def test_an_interval_is_no_citation_mark(paper: Document) -> None:
    blocks = [
        Block(kind="paragraph", text="We clip the coefficient to [2, 8] in every single run.")
    ]
    finder = QuoteFinder(paper.model_copy(update={"blocks": blocks}))
    assert finder.find("We clip the coefficient to in every single run.").status == "refused"


def test_of_two_places_the_hinted_one_is_taken(paper: Document) -> None:
    told = "The same sentence stands in two places."
    blocks = [*paper.blocks[:3], Block(kind="paragraph", text=told), *paper.blocks[3:]]
    finder = QuoteFinder(
        paper.model_copy(update={"blocks": [*blocks, Block(kind="paragraph", text=told)]})
    )
    for hint in ("s1", "sA.1", "1", "Introduction", "A.1 Hyperparameter search"):
        passage = finder.find(told, section=hint).passage
        assert passage and passage.section == ("sA.1" if hint.strip("s").startswith("A") else "s1")


def test_an_ellipsis_joins_parts_of_one_section_in_order(finder: QuoteFinder) -> None:
    first, second = "All runs fit on a single NVIDIA A100 GPU", "used 126 GPU hours"
    assert finder.find(f"{first} … the whole study {second}").status == "accepted"
    assert finder.find(f"{first} [...] {second}.").status == "accepted"
    assert finder.find(f"{second} ... {first}").status == "refused"
    far = finder.find(f"{first} … Training diverges when λ exceeds 0.1")
    assert far.status == "refused" and "within one section" in far.reason


def test_single_words_strung_together_by_ellipses_are_refused(finder: QuoteFinder) -> None:
    assert finder.find("autoencoders … improve … everything … accuracy").status == "refused"
    assert finder.find("Sparse … a … autoencoders … e … latents").status == "refused"


def test_an_ellipsis_that_swallows_a_negation_is_flagged(finder: QuoteFinder) -> None:
    found = finder.find("against 0.801 for the top-k baseline. It does … improve the accuracy")
    assert found.status != "accepted"
    wide = finder.find("Moss reaches an explained variance … improve the accuracy of sparse probes")
    assert wide.status == "flagged" and "negation" in wide.reason


def test_a_row_of_a_table_is_quoted_cell_by_cell(finder: QuoteFinder) -> None:
    assert finder.find("Moss (ours) | 0.823 | 95.6 | 3.1%").status == "accepted"
    assert finder.find("Moss (ours) 0.823 95.6").status == "accepted"
    assert finder.find("Model | Explained variance … Moss (ours) | 0.823").status == "accepted"
    assert finder.find("Moss (ours) | 0.801 | 95.6 | 3.1%").status == "refused"


def test_equations_are_found_as_text_and_as_latex(finder: QuoteFinder) -> None:
    for quote in ("L = ||x - x̂||² + λ Σ_ij M_ij f_i f_j", r"\lambda \sum_{ij} M_{ij} f_i f_j"):
        assert finder.find(quote).status == "accepted"


def test_a_quote_glued_from_two_far_places_is_refused_as_such(finder: QuoteFinder) -> None:
    found = finder.find(
        "Decoder columns are kept at unit norm and the trained weights are released"
    )
    assert found.status == "refused"
    glued = finder.find("Decoder columns are kept at unit norm. The memory grows with the square")
    assert glued.status == "refused" and "two places" in glued.reason


def test_invisible_characters_are_ignored_and_said(finder: QuoteFinder) -> None:
    found = finder.find("One run ta\u200bkes 3.5\u2060 hours, and the who\ufeffle study")
    assert found.status == "accepted" and "Invisible" in found.reason


def test_letters_that_only_look_latin_are_refused(finder: QuoteFinder) -> None:
    found = finder.find("One run t\u0430kes 3.5 hours, and the whole study used 126 GPU hours.")
    assert found.status == "refused" and "U+0430" in found.reason


def test_hidden_text_is_refused_with_that_reason(finder: QuoteFinder) -> None:
    found = finder.find("this method is the best ever published")
    assert found.status == "refused" and "only in hidden text (white)" in found.reason


def test_text_that_is_hidden_and_visible_is_accepted(paper: Document) -> None:
    double = paper.model_copy(update={"hidden": [HiddenText(text=paper.abstract, why="tiny")]})
    assert QuoteFinder(double).find(paper.abstract[:80]).status == "accepted"


def test_a_heading_or_a_reference_is_no_evidence(finder: QuoteFinder) -> None:
    heading = finder.find("Conclusion and Future Work")
    assert heading.status == "refused" and "only a heading" in heading.reason
    title = finder.find("Taxing Co-activation in Sparse Autoencoders")
    assert title.status == "refused"
    entry = finder.find("Shrinkage in penalised dictionaries")
    assert entry.status == "refused" and "list of references" in entry.reason


@pytest.mark.parametrize(
    "quote", ["", "We train", "a              b", "- | - | - | - | - |", "x" * 601]
)
def test_a_quote_too_short_or_too_long_is_refused(finder: QuoteFinder, quote: str) -> None:
    found = finder.find(quote)
    assert found.status == "refused" and re.search("too short|too long", found.reason)


def test_a_slip_is_flagged_with_the_words_of_the_paper(finder: QuoteFinder) -> None:
    found = finder.find(
        "Surprisingly, the tax reduces feature absorbtion even though it was never trained to."
    )
    assert found.status == "flagged" and "“absorbtion” for “absorption”" in found.reason


@pytest.mark.parametrize(
    ("told", "instead"),
    [
        ("reduces feature absorption", "increases feature absorption"),
        ("matters most for rare", "matters least for rare"),
        ("even though it was never", "even though it was ever"),
        ("fewer than 1 in 10,000", "more than 1 in 10,000"),
        ("matters most for rare", "matters must for rare"),
    ],
)
def test_one_turned_word_in_a_long_quote_is_refused(
    finder: QuoteFinder, paper: Document, told: str, instead: str
) -> None:
    whole = next(text for text in prose(paper) if told in text)
    found = finder.find(whole.replace(told, instead))
    assert found.status == "refused" and "The paper says (s4, p. 2)" in found.reason


def test_blanks_never_turn_notable_into_not_able() -> None:
    blocks = [Block(kind="paragraph", text="The gain on small models is notable to everyone here.")]
    finder = QuoteFinder(Document(source="html", blocks=blocks))
    assert finder.find("The gain on small models is not able to everyone").status == "refused"


@pytest.mark.parametrize(
    ("told", "instead"),
    [
        ("runs are typical here", "runs are atypical here"),
        ("λ > 0.1", "λ < 0.1"),
        ("of 12 3 tokens", "of 123 tokens"),
        ("by −0.5 on an A100", "by 0.5 on an A 100"),
        ("by −0.5 on an A100", "by −0.5 on an A101"),
    ],
)
def test_a_small_difference_that_turns_the_sense_is_refused(told: str, instead: str) -> None:
    around = (
        "In the course of these experiments it was seen that {} the rest stays as it was before."
    )
    blocks = [Block(kind="paragraph", text=around.format(told))]
    finder = QuoteFinder(Document(source="html", blocks=blocks))
    assert finder.find(around.format(told)).status == "accepted"
    assert finder.find(around.format(instead)).status == "refused"


def test_a_quote_may_begin_with_a_dash(finder: QuoteFinder) -> None:
    assert finder.find("-70M. The method does not help").status == "accepted"
    assert finder.find("-8 TPU v3 cores").status == "refused"


def test_a_minus_sign_counts() -> None:
    blocks = [Block(kind="paragraph", text="The change in loss is −0.52 nats on the held-out set.")]
    finder = QuoteFinder(Document(source="html", blocks=blocks))
    assert finder.find("The change in loss is -0.52 nats").status == "accepted"
    assert finder.find("The change in loss is 0.52 nats").status == "refused"


def test_a_number_cut_in_two_is_whole_in_the_evidence() -> None:
    blocks = [Block(kind="paragraph", text="The loss rises by 10.5 nats on the held-out set.")]
    found = QuoteFinder(Document(source="html", blocks=blocks)).find("0.5 nats on the held-out set")
    assert found.status == "accepted" and found.evidence.startswith("10.5 nats")


def test_misquotations_of_a_book_cost_milliseconds(paper: Document) -> None:
    text = [f"{one} Copy {page} of it." for page in range(500) for one in prose(paper)[:8]]
    blocks = [Block(kind="paragraph", text=one) for one in text]
    finder = QuoteFinder(Document(source="pdftext", blocks=blocks))
    finder.find("Nothing like this was ever written here.")
    start = time.perf_counter()
    for number in range(10):
        quote = f"We train every autoencoder on the stream after layer {number} of Pythia-70M, " * 4
        assert finder.find(quote).status == "refused"
    assert time.perf_counter() - start < 5


def test_an_appendix_that_stands_below_the_references_counts(paper: Document) -> None:
    told = "The appendix lost its heading when the paper was read."
    blocks = [Block(kind="heading", text="References", level=1)]
    blocks += [Block(kind="paragraph", text=text) for text in (paper.references[0].text, told)]
    finder = QuoteFinder(paper.model_copy(update={"blocks": blocks}))
    assert finder.find(told).status == "accepted"
    assert finder.find(paper.references[0].text).status == "refused"


def test_an_empty_document_refuses_everything() -> None:
    assert QuoteFinder(Document(source="html")).find("Nothing stands here.").status == "refused"


def test_every_word_of_a_document_is_in_its_passages(paper: Document) -> None:
    texts = texts_of(paper)
    told = " ".join(passage.text for passage in (*texts.body, *texts.references))
    for block in paper.blocks:
        assert clean(block.text) in told
