"""How papers are identified, and when two records count as the same paper."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fumehood_tools.papers.identity import arxiv_id, doi, plain, surname, title_key
from fumehood_tools.papers.merging import merge_papers
from fumehood_tools.papers.paper import Judgement, Paper, make_paper


def paper(title: str, *, ids: list[str] | None = None, source: str = "x", **known: object) -> Paper:
    made = make_paper(source, title=title, identifiers=[*(ids or [])], **known)
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://arxiv.org/abs/2309.08600v3", "2309.08600"),
        ("https://arxiv.org/pdf/2309.08600.pdf", "2309.08600"),
        ("arXiv:2309.08600v12", "2309.08600"),
        ("2309.08600", "2309.08600"),
        ("https://huggingface.co/papers/2309.08600", "2309.08600"),
        ("10.48550/arXiv.2309.08600", "2309.08600"),
        ("https://doi.org/10.48550/arxiv.2309.08600", "2309.08600"),
        ("https://arxiv.org/abs/cond-mat/0207270v1", "cond-mat/0207270"),
        ("arXiv:math.GT/0309136", "math/0309136"),
        ("cond-mat.str-el/0011221", "cond-mat/0011221"),
        ("https://arxiv.org/abs/physics.comp-ph/0101010v2", "physics/0101010"),
        ("arXiv-2309.08600", "2309.08600"),
        ("arxiv_2309.08600v2.pdf", "2309.08600"),
        ("hep-th_9711200.pdf", "hep-th/9711200"),
        ("q-alg9702001", "q-alg/9702001"),
        ("paper_1234567.pdf", None),
        ("rivers/1234567", None),
        ("arXiv preprint arXiv:1706.03762", "1706.03762"),
        ("10.1145/3442188.3445922", None),
        ("https://example.org/2309.08600123456", None),
        ("", None),
    ],
)
def test_an_arxiv_id_is_found_in_every_form_it_comes_in(text: str, expected: str | None) -> None:
    assert arxiv_id(text) == expected


def test_a_doi_is_one_whatever_its_case_and_dressing() -> None:
    assert doi("https://doi.org/10.1145/ABC.123).") == "10.1145/abc.123"
    assert doi("no doi") is None


@pytest.mark.parametrize(
    ("title", "other"),
    [
        ("Sparse {A}utoencoders", "sparse autoencoders"),
        (r"$k$-Sparse \textbf{Autoencoders}", "k-sparse autoencoders"),
        ("Schr{\\\"o}dinger's <i>Cat</i>", "Schrödinger's cat"),
        ("Q\\&A on GPT\u20112", "Q&A on GPT-2"),
        ("Ｆull width", "full width"),
        ("The \ufb01rst look", "The first look"),
    ],
)
def test_titles_are_alike_without_case_accents_and_markup(title: str, other: str) -> None:
    assert title_key(title) == title_key(other)


@given(st.text(max_size=200))
def test_no_title_breaks_the_cleaning(title: str) -> None:
    assert "\n" not in plain(title)
    assert title_key(title) == title_key(title_key(title))


def test_surnames_are_found_in_both_orders() -> None:
    assert surname("Hoagy Cunningham") == surname("Cunningham, Hoagy") == "cunningham"
    assert surname("José Ñuñez") == "nunez"
    assert surname("Jan van der Berg, Jr.") == surname("Jan van der Berg Jr.") == "berg"
    assert surname("Henry Ford III") == "ford" and surname("Ngoc Vi") == "vi"


def test_versions_and_venues_of_a_paper_are_one() -> None:
    preprint = paper("Toy models of superposition", ids=["arxiv:2209.10652v1"], year=2022)
    venue = paper("Toy Models of Superposition", ids=["10.1000/tms"], year=2023)
    merged = merge_papers([venue, preprint])
    assert len(merged) == 1
    assert merged[0].id == "arxiv:2209.10652"
    assert merged[0].doi == "10.1000/tms"
    assert merged[0].aliases == ["doi:10.1000/tms"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # two papers with the same title, both on arXiv
        (
            ("Sparse coding", {"ids": ["arxiv:2401.00001"]}),
            ("Sparse coding", {"ids": ["arxiv:2401.00002"]}),
        ),
        # years too far apart
        (("Sparse coding today", {"year": 1997}), ("Sparse coding today", {"year": 2023})),
        # no author in common
        (
            ("Sparse coding today", {"authors": ["A One"]}),
            ("Sparse coding today", {"authors": ["B Two"]}),
        ),
        # two parts of the same series
        (
            ("Towards monosemanticity now: part one", {"authors": ["A One"], "year": 2023}),
            ("Towards monosemanticity now: part two", {"authors": ["A One"], "year": 2023}),
        ),
        # a title of one word does not identify a paper
        (("Introduction", {}), ("Introduction", {"year": 2020})),
    ],
)
def test_what_contradicts_itself_stays_apart(one, other) -> None:
    records = [paper(title, **known) for title, known in (one, other)]
    assert len(merge_papers(records)) == 2


def test_a_left_out_subtitle_does_not_make_a_second_paper() -> None:
    whole = paper("Gated sparse autoencoders: better dictionaries", authors=["S R"], year=2024)
    short = paper("Gated Sparse Autoencoders", authors=["Someone R"], year=2024)
    assert len(merge_papers([whole, short])) == 1


def test_the_survivor_keeps_the_most_confident_judgement_and_the_union() -> None:
    sure = Judgement(confidence=0.9, reasoning="It is it.", judged_by="perplexity")
    unsure = Judgement(confidence=0.2, reasoning="Perhaps.", judged_by="lexical")
    one = paper("Dead latents", ids=["arxiv:2401.00001"], code=["https://a"], source="arxiv")
    other = paper("Dead latents", abstract="Long text.", code=["https://b"], source="exa")
    merged = merge_papers(
        [
            one.model_copy(update={"judgement": unsure}),
            other.model_copy(update={"judgement": sure}),
        ]
    )
    assert len(merged) == 1
    assert merged[0].judgement == sure
    assert merged[0].code == ["https://a", "https://b"]
    assert merged[0].abstract == "Long text."
    assert merged[0].found_by == ["arxiv", "exa"]


_IDS = st.lists(
    st.sampled_from(["arxiv:2401.00001", "arxiv:2401.00002", "10.1000/a", "10.1000/b"]), max_size=2
)
_RECORDS = st.lists(
    st.builds(
        lambda title, ids, year, author: paper(
            title, ids=ids, year=year, authors=[author] if author else []
        ),
        st.sampled_from(["Sparse codes", "Sparse Codes!", "Sparse codes: a study", "Dense codes"]),
        _IDS,
        st.sampled_from([None, 2020, 2021, 2024]),
        st.sampled_from(["", "Ada One", "One, A.", "Bo Two"]),
    ),
    max_size=8,
)


@settings(max_examples=300)
@given(_RECORDS, st.randoms())
def test_merging_depends_on_no_order_and_loses_no_id(
    records: list[Paper], chance: random.Random
) -> None:
    merged = merge_papers(records)
    shuffled = list(records)
    chance.shuffle(shuffled)
    assert merge_papers(shuffled) == merged
    known = {key for it in merged for key in (*it.own_ids(), *it.aliases)}
    assert {key for it in records for key in it.own_ids()} <= known
    arxiv = [it.arxiv for it in merged if it.arxiv]
    assert len(arxiv) == len(set(arxiv))
