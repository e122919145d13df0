"""The labelled set: whole, consistent, and split as its README says."""

import re
from itertools import combinations

from ranking.labels import FOLDER, load_papers, load_queries

PAPERS = load_papers()
DEV, TEST = load_queries("dev"), load_queries("test")
STOPPED = {"a", "an", "and", "are", "as", "can", "do", "how", "in", "is", "of", "or", "the", "to"}


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", text.lower())) - STOPPED


def test_the_set_is_large_enough_to_rank() -> None:
    assert len(PAPERS) >= 150 and len(DEV) == 8 and len(TEST) >= 20


def test_ids_titles_and_queries_are_unique() -> None:
    for values in (
        [paper.id for paper in PAPERS],
        [paper.title.lower() for paper in PAPERS],
        [query.id for query in DEV + TEST],
        [query.query.lower() for query in DEV + TEST],
    ):
        assert len(set(values)) == len(values)


def test_an_id_says_where_the_paper_is_or_that_it_is_invented() -> None:
    known = re.compile(r"\d{4}\.\d{4,5}|doi:10\.\d+/\S+|web:\S+|own:[a-z0-9-]+")
    assert [paper.id for paper in PAPERS if not known.fullmatch(paper.id)] == []
    for paper in PAPERS:
        if re.fullmatch(r"\d{4}\.\d+", paper.id):
            # A paper may be dated by its publication, a year after it was submitted.
            assert 0 <= paper.year - 2000 - int(paper.id[:2]) <= 1, paper.id


def test_abstracts_have_60_to_120_words_and_no_two_share_a_run_of_eight() -> None:
    runs = {}
    for paper in PAPERS:
        text = paper.abstract.lower().split()
        assert 60 <= len(text) <= 120, f"{paper.id}: {len(text)} words"
        runs[paper.id] = {tuple(text[at : at + 8]) for at in range(len(text) - 7)}
    shared = [(a, b) for a, b in combinations(runs, 2) if runs[a] & runs[b]]
    assert shared == []


def test_every_query_has_an_exact_answer_and_3_to_12_relevant_papers_that_exist() -> None:
    ids = {paper.id for paper in PAPERS}
    for query in DEV + TEST:
        assert set(query.judgements) <= ids, query.id
        assert 3 <= len(query.judgements) <= 12, query.id
        assert 2 in query.judgements.values(), query.id


def test_most_papers_are_relevant_to_something_and_many_to_nothing() -> None:
    judged = {paper for query in DEV + TEST for paper in query.judgements}
    assert len(PAPERS) * 0.5 < len(judged) < len(PAPERS) * 0.85


def test_dev_and_test_share_no_exact_answer_and_no_acronym() -> None:
    dev, test = (
        {paper for query in split for paper, grade in query.judgements.items() if grade == 2}
        for split in (DEV, TEST)
    )
    assert dev & test == set()
    dev_acronyms, test_acronyms = (
        set(re.findall(r"\b[A-Z]\w*[A-Z0-9]\w*\b", " ".join(query.query for query in split)))
        for split in (DEV, TEST)
    )
    assert dev_acronyms and test_acronyms and dev_acronyms & test_acronyms == set()


def test_a_paper_named_by_a_query_of_ideas_shares_few_of_its_words() -> None:
    papers = {paper.id: words(paper.title) for paper in PAPERS}
    for query in DEV + TEST:
        if query.kind == "idea":
            exact = [paper for paper, grade in query.judgements.items() if grade == 2]
            assert all(len(words(query.query) & papers[paper]) <= 1 for paper in exact), query.id


def test_the_readme_gives_the_sizes_of_today() -> None:
    text = " ".join((FOLDER / "README.md").read_text(encoding="utf-8").split())
    judgements = sum(len(query.judgements) for query in DEV + TEST)
    own = sum(paper.id.startswith("own:") for paper in PAPERS)
    assert f"{len(PAPERS)} papers ({own} invented)" in text
    assert f"{len(DEV)} dev and {len(TEST)} test queries, and {judgements} judgments" in text
