"""Ranking by words: the field's terms and synonyms count, and the reasoning names the matches."""

from fumehood_tools.papers.paper import Paper, make_paper
from fumehood_tools.papers.ranking import TOP, Ranker, lexical_judgements

TITLES = [
    "Sparse autoencoders find interpretable features in language models",
    "Steering a truck: vehicle dynamics at low speed",
    "Activation steering of large language models",
    "Dictionary learning of monosemantic features",
    "Image autoencoders for compression",
    "Causal tracing of factual recall",
]


def _papers(titles: list[str] = TITLES) -> list[Paper]:
    made = [make_paper("x", title=title, identifiers=[]) for title in titles]
    return [it for it in made if it]


def _best(query: str) -> str:
    return TITLES[Ranker(_papers()).order(query)[0]]


def test_an_acronym_finds_what_it_stands_for() -> None:
    assert _best("SAE") == TITLES[0]
    assert _best("LLM steering") == TITLES[2]


def test_a_synonym_of_the_field_finds_the_paper_that_uses_the_other_word() -> None:
    assert _best("activation patching") == TITLES[5]


def test_a_typing_error_finds_what_was_meant() -> None:
    assert _best("autoencodr for compresion") == TITLES[4]


def test_hyphens_and_plurals_make_no_difference() -> None:
    assert _best("auto-encoder images") == _best("autoencoders image") == TITLES[4]


def test_the_confidence_grows_with_the_score_and_stays_below_certainty() -> None:
    matches = Ranker(_papers()).match("sparse autoencoders language models")
    ordered = sorted(matches, key=lambda it: it.score)
    assert [it.confidence for it in ordered] == sorted(it.confidence for it in matches)
    assert max(it.confidence for it in matches) <= TOP < 1
    assert min(it.confidence for it in matches) == 0


def test_the_reasoning_names_the_words_that_were_found_and_those_that_were_not() -> None:
    judged = lexical_judgements("causal tracing of bananas", "", _papers())[5]
    assert judged.judged_by == "lexical"
    assert "causal, tracing" in judged.reasoning
    assert "not found: bananas" in judged.reasoning


def test_the_purpose_decides_between_papers_that_match_alike() -> None:
    papers = _papers(["Features study: vision", "Features study: language"])
    first, second = lexical_judgements("features study", "for language models", papers)
    assert second.confidence > first.confidence


def test_odd_queries_rank_without_complaint() -> None:
    ranker = Ranker(_papers())
    for query in ("", "the of and", "???", "😀", "a" * 400, "Автоэнкодер"):
        assert len(ranker.order(query)) == len(TITLES)
    assert Ranker([]).order("SAE") == []
