"""The benchmark of validation: its invented papers are whole, and their code is found."""

from pathlib import Path

import pytest
from codebases import invented
from codebases.run import judge_invented

PAPERS = invented.load()


def test_there_are_8_papers_with_20_candidates_each_and_3_are_held_out() -> None:
    assert len(PAPERS) >= 8 and sum(it.held_out for it in PAPERS) == 3
    for paper in PAPERS:
        made = invented.candidates(paper, PAPERS)
        assert len(made) == 20 and made[0].kind == "real"
        assert len({it.address for it in made}) == 20


def test_no_candidate_but_the_papers_own_has_its_text_outside_of_tests() -> None:
    for paper in PAPERS:
        opening = paper.paper.partition("Abstract.** ")[2][:80]
        for it in invented.candidates(paper, PAPERS):
            having = [name for name, text in it.files.items() if opening in text]
            assert all(name.startswith("tests/") for name in having), (paper.key, it.kind)


@pytest.mark.child
def test_the_right_repository_of_one_held_out_paper_comes_first(tmp_path: Path) -> None:
    [judged] = judge_invented(tmp_path, only=("sotto",))
    assert judged.rank == 1 and judged.primary == ["real"]


@pytest.mark.slow
@pytest.mark.child
def test_the_right_repository_comes_first_8_of_8_and_no_stranger_is_primary(tmp_path: Path) -> None:
    judged = list(judge_invented(tmp_path))
    assert len(judged) == 8
    for it in judged:
        assert it.rank == 1 and it.primary == ["real"], it.paper
        classes = {name: one.standing for name, one in it.rows}
        assert classes["re-implementation"] == classes["fork"] == "secondary", it.paper
        assert {classes[kind] for kind in ("stranger", "empty", "test data", "same authors")} == {
            "unknown"
        }, it.paper
