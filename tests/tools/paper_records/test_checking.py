"""A record is checked against the text of its paper, item by item."""

import json
from typing import Any

import pytest

from fumehood_tools.errors import BadRequest
from fumehood_tools.paper_records.checking import check_record
from fumehood_tools.paper_records.record import FIELDS, CheckedItem, Item, items_of
from fumehood_tools.reading.document import Block, Document

EV = "Moss reaches an explained variance of 0.823, against 0.801 for the top-k baseline."
ADAM = "We use Adam with a learning rate of 3e-4, β1 = 0.9 and β2 = 0.999, a batch size of 4,096"


def item(field: str = "findings", text: str = "", quote: str = EV, **more: Any) -> Item:
    return items_of([{"field": field, "text": text, "quote": quote, **more}])[0]


def check(paper: Document, one: Item) -> CheckedItem:
    return check_record([one], {"latex": paper}).items[0]


def whole_record() -> list[Item]:
    """Return the items that an honest and attentive reader records about the paper."""
    return [
        item("methodology", "Pairs of latents that fire together are taxed.",
             "We tax co-activation with a running memory"),
        item("technical_parameters", name="learning rate", value="3e-4", quote=ADAM),
        item("technical_parameters", name="batch size", value="4096", unit="tokens", quote=ADAM),
        item("validation_methods", "Averages over seeds with a 95% confidence interval.",
             "Differences are averaged over seeds and reported with a 95% confidence interval"),
        item("compute_requirements", "One A100; 126 GPU hours for the whole study.",
             "All runs fit on a single NVIDIA A100 GPU … the whole study used 126 GPU hours"),
        item("metrics", name="explained variance", value="0.823", data_set="held-out set",
             model="Moss", setting="L0 of 64",
             quote="Model | Explained variance … Moss (ours) | 0.823 | 95.6 | 3.1%"),
        item("metrics", name="loss recovered", value="95.6", unit="%", model="Moss",
             quote="Moss (ours) | 0.823 | 95.6 | 3.1%"),
        item("findings", "The memory matters most for rare latents.",
             "We find that the memory matters most for rare latents"),
        item("limitations", "Only one model, of 70M parameters, was tried.",
             "We only evaluate one model of 70 million parameters"),
        item("failure_modes", "Training diverges for λ above 0.1.",
             "Training diverges when λ exceeds 0.1"),
        item("future_work", "A low-rank sketch in place of the memory.",
             "we plan to replace the full memory with a low-rank sketch"),
        item("code_links", value="https://github.com/quill-marrow/moss-sae",
             quote="Our code is available at https://github.com/quill-marrow/moss-sae"),
    ]  # fmt: skip


def test_an_honest_record_is_accepted_whole(paper: Document) -> None:
    record = check_record(whole_record(), {"latex": paper})
    assert [one.reason for one in record.items if one.status != "accepted"] == []
    assert {one.item.field for one in record.kept} == set(FIELDS)


def test_one_invented_number_and_one_misquoted_sentence_are_exactly_what_is_refused(
    paper: Document,
) -> None:
    items = whole_record()
    items[5] = items[5].model_copy(update={"value": "0.923"})
    items[8] = items[8].model_copy(
        update={"quote": "We evaluate many models of up to 70 million parameters"}
    )
    record = check_record(items, {"latex": paper})
    assert [one.item for one in record.having("refused")] == [items[5], items[8]]
    assert len(record.having("accepted")) == len(items) - 2
    assert "0.923" in record.text() and "We only evaluate one model" in record.text()


def test_an_accepted_item_says_where_it_stands(paper: Document) -> None:
    checked = check(paper, whole_record()[9])
    assert (checked.section, checked.page, checked.chunk) == ("s5", 2, "s5/c1")
    assert checked.place == "s5 Limitations, p. 2" and checked.document == "latex"


@pytest.mark.parametrize(
    ("name", "value", "unit", "quote"),
    [
        ("explained variance", ".823", None, EV),
        ("learning rate", "0.0003", None, ADAM),
        ("learning rate", "3 × 10^-4", None, ADAM),
        ("batch size", "4.096k", None, ADAM),
        ("tokens", "200M", None, "with activations of 200 million tokens from the Pile"),
        ("tokens", "200", "million", "with activations of 200 million tokens from the Pile"),
        ("seeds", "3", None, "Each configuration was trained with three seeds."),
        ("probe accuracy", "91", "%", "sparse probes, which stays at 0.91 for both"),
        ("parameters", "70M", None, "We only evaluate one model of 70 million parameters"),
    ],
)
def test_a_number_counts_in_any_usual_notation(
    paper: Document, name: str, value: str, unit: str | None, quote: str
) -> None:
    checked = check(paper, item("metrics", name=name, value=value, unit=unit, quote=quote))
    assert checked.status == "accepted", checked.reason


@pytest.mark.parametrize(
    ("value", "unit"), [("91", None), ("0.0091", "%"), ("-0.91", None), ("0.9", None), ("9.1", "%")]
)
def test_a_number_that_only_resembles_the_quoted_one_is_refused(
    paper: Document, value: str, unit: str | None
) -> None:
    quote = "sparse probes, which stays at 0.91 for both"
    checked = check(
        paper, item("metrics", name="accuracy of probes", value=value, unit=unit, quote=quote)
    )
    assert checked.status == "refused" and "not in the quote" in checked.reason


def test_a_third_is_shown_as_a_short_number() -> None:
    document = Document(source="latex", blocks=[Block(kind="paragraph", text=TELLS[1])])
    one = item("metrics", name="latents", value="0.5", quote=TELLS[1])
    assert "(the quote has 0.667, 12, 15)" in check(document, one).reason


TELLS = (
    "We train for 10 000 steps with a batch of 4 096 tokens.",
    "Two thirds of the latents are clear; a dozen raters agreed on fifteen items.",
    "The small model reaches 71.3 ± 0.4 on the news.",
)


def told(name: str, value: str, quote: str) -> str:
    """Return the status of an item about a paper that says the sentences of TELLS."""
    blocks = [Block(kind="paragraph", text=text) for text in TELLS]
    document = Document(source="latex", blocks=blocks)
    return check(document, item("metrics", name=name, value=value, quote=quote)).status


@pytest.mark.parametrize(
    ("name", "value", "quote", "status"),
    [
        ("batch", "4096", TELLS[0], "accepted"),
        ("batch", "4,096", TELLS[0], "accepted"),
        ("batch", "4", TELLS[0], "refused"),
        ("batch", "96", TELLS[0], "refused"),
        ("steps", "10000", "We train for 10000 steps with a batch", "accepted"),
        ("raters", "12", TELLS[1], "accepted"),
        ("items", "15", TELLS[1], "accepted"),
        ("raters", "twenty", TELLS[1], "refused"),
        ("raters", "thirteen", TELLS[1], "refused"),
        ("latents", "two thirds", TELLS[1], "accepted"),
        ("latents", "one third", TELLS[1], "refused"),
        ("small model", "71.3", TELLS[2], "accepted"),
        ("small model", "71.34", TELLS[2], "refused"),
    ],
)
def test_numbers_in_groups_and_in_words_are_held_to_the_quote(
    name: str, value: str, quote: str, status: str
) -> None:
    assert told(name, value, quote) == status


def test_a_number_cut_out_of_a_longer_one_is_refused(paper: Document) -> None:
    quote = "Moss reaches an explained variance of 0.8"
    checked = check(paper, item("metrics", name="explained variance", value="0.8", quote=quote))
    assert checked.status == "refused"


@pytest.mark.parametrize(
    "text",
    [
        "Moss beats top-k by 0.05 in explained variance.",
        "Explained variance over five seeds.",
        "Explained variance of GPT-3.",
    ],
)
def test_a_number_or_name_in_the_statement_must_be_borne_out(paper: Document, text: str) -> None:
    assert check(paper, item(text=text)).status == "refused"


@pytest.mark.parametrize(
    "text",
    [
        "Moss beats top-k in explained variance (Table 1), 0.823 against 0.801.",
        "Explained variance on Pythia-70M, one of its scores.",
    ],
)
def test_pointers_to_tables_and_names_of_the_paper_are_no_claims(
    paper: Document, text: str
) -> None:
    assert check(paper, item(text=text)).status == "accepted"


def test_a_quote_that_has_nothing_to_do_with_the_statement_is_refused(paper: Document) -> None:
    checked = check(paper, item("limitations", "Hyperparameters were hardly explored."))
    assert checked.status == "refused" and "shares no word" in checked.reason


def test_an_acronym_stands_for_its_words(paper: Document) -> None:
    assert check(paper, item(text="EV improves.")).status == "accepted"


def test_a_value_of_words_must_stand_in_the_quote(paper: Document) -> None:
    told = item("technical_parameters", name="optimiser", value="Adam", quote=ADAM)
    assert check(paper, told).status == "accepted"
    other = check(paper, told.model_copy(update={"name": "learning rate", "value": "cosine"}))
    assert other.status == "refused" and "“cosine” is not in the quote" in other.reason
    gpu = item(
        "compute_requirements",
        name="GPU",
        value="H100",
        quote="All runs fit on a single NVIDIA A100 GPU",
    )
    assert check(paper, gpu).status == "refused"


@pytest.mark.parametrize("field", ["metrics", "technical_parameters"])
def test_a_measured_item_needs_name_and_value(paper: Document, field: str) -> None:
    checked = check(paper, item(field, "Explained variance is high."))
    assert checked.status == "refused" and "needs a name and a value" in checked.reason


def test_a_data_set_that_the_paper_does_not_name_is_flagged(paper: Document) -> None:
    told = item("metrics", name="explained variance", value="0.823", data_set="OpenWebText")
    checked = check(paper, told)
    assert checked.status == "flagged" and "OpenWebText" in checked.reason


def test_a_setting_with_a_number_from_nowhere_is_refused(paper: Document) -> None:
    told = item("metrics", name="explained variance", value="0.823", setting="L0 of 640")
    checked = check(paper, told)
    assert checked.status == "refused" and "640" in checked.reason


ROW = "Model | Explained variance | Loss recovered (%) | Dead latents … Moss (ours) | 0.823 | 95.6"


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"name": "loss recovered", "value": "95.6", "model": "Moss"}, "accepted"),
        ({"name": "EV", "value": "0.823", "model": "Moss (ours)"}, "accepted"),
        ({"name": "explained variance", "value": "82.3", "unit": "%"}, "accepted"),
        ({"name": "loss recovered", "value": "0.823", "model": "Moss"}, "refused"),
        ({"name": "loss recovered", "value": "95.6", "model": "Top-k"}, "refused"),
        ({"name": "perplexity", "value": "95.6", "model": "Moss"}, "flagged"),
    ],
)
def test_a_number_of_a_table_belongs_to_its_row_and_column(
    paper: Document, more: dict[str, str], status: str
) -> None:
    checked = check(paper, item("metrics", quote=ROW, **more))
    assert checked.status == status, checked.reason


def test_cells_of_two_rows_in_one_quote_are_flagged(paper: Document) -> None:
    quote = "Top-k | 0.801 | 94.8 … (ours) | 0.823 | 95.6"
    checked = check(paper, item("metrics", name="EV", value="0.823", quote=quote))
    assert checked.status == "flagged" and "different rows" in checked.reason


def test_a_name_that_the_quote_does_not_speak_of_is_flagged(paper: Document) -> None:
    told = item("metrics", name="perplexity", value="0.823")
    assert check(paper, told).status == "flagged"
    assert check(paper, told.model_copy(update={"name": "EV"})).status == "accepted"


def test_a_code_link_must_be_an_address_of_the_paper(paper: Document) -> None:
    quote = "Our code is available at https://github.com/quill-marrow/moss-sae"
    good = item("code_links", value="github.com/quill-marrow/moss-sae/", quote=quote)
    bad = good.model_copy(update={"value": "https://github.com/quill-marrow/moss"})
    assert check(paper, good).status == "accepted"
    assert (
        check(paper, bad.model_copy(update={"value": "https://github.com/evil/moss"})).status
        == "refused"
    )
    assert check(paper, item("code_links", quote=EV)).status == "refused"


def test_a_wrong_hint_does_not_refuse_but_is_said(paper: Document) -> None:
    checked = check(paper, item(text="Explained variance rises.", section="s5", page=1))
    assert checked.status == "accepted" and checked.section == "s4" and "hint" in checked.reason


def test_the_best_of_several_readings_counts(paper: Document) -> None:
    poor = Document(source="pdftext", blocks=paper.blocks[:3])
    record = check_record([item(text="Explained variance rises.")], {"pdf": poor, "latex": paper})
    assert record.items[0].status == "accepted" and record.items[0].document == "latex"


def test_a_record_without_text_or_of_too_many_items_is_a_bad_request(paper: Document) -> None:
    with pytest.raises(BadRequest, match="Read the paper first"):
        check_record([item()], {})
    with pytest.raises(BadRequest, match="501 items"):
        check_record([item()] * 501, {"latex": paper})


def test_wrong_keys_and_fields_are_all_named_at_once() -> None:
    with pytest.raises(BadRequest) as refused:
        items_of([{"field": "metric", "quote": EV}, {"field": "metrics", "qoute": EV}])
    said = str(refused.value)
    assert "item 1, field" in said and "'metrics'" in said
    assert "item 2, qoute: unknown key (known: field, text" in said and "item 2, quote" in said


def test_the_schema_of_an_item_leaves_room_in_a_tool() -> None:
    assert len(json.dumps(Item.model_json_schema())) < 4000
