"""What makes a repository a paper's code, and what does not."""

import pytest
from fakes.dripgate import ADDRESS, GATE, PAPER, REPOSITORY, Repository

from fumehood_tools.reading.document import Document
from fumehood_tools.validation.models import Validation
from fumehood_tools.validation.validate import validate

STRANGER = "https://github.com/somebody/{}"


def validated(paper: Document, repository: Repository, *a: object, **k: object) -> Validation:
    return validate("arxiv:2701.01234", paper, repository(*a, **k)).validation


def test_the_cited_repository_that_links_back_is_primary(
    paper: Document, repository: Repository
) -> None:
    found = validated(paper, repository)
    assert found.standing == "primary", found.why
    kinds = {it.kind: it for it in found.evidence}
    assert {"cited", "names_paper", "authors", "handle"} <= kinds.keys()
    assert (kinds["names_paper"].file, kinds["names_paper"].line) == ("README.md", 3)
    assert (kinds["authors"].file, kinds["authors"].line) == ("LICENSE", 3)
    assert found.licence == "MIT" and found.method > 0.4
    assert found.missing == []


def test_numbers_are_shown_at_their_names_with_file_and_line(
    paper: Document, repository: Repository
) -> None:
    found = validated(paper, repository)
    numbers = {it.place: it.quote for it in found.evidence if it.kind == "hyperparameters"}
    assert numbers["dripgate/config.yaml:1"] == "lr: 3.0e-4"
    assert "dripgate/gate.py:7" in numbers


def test_a_method_that_is_alike_makes_nothing_of_a_stranger(
    paper: Document, repository: Repository
) -> None:
    code = {it: text for it, text in REPOSITORY.items() if it.startswith("dripgate/")}
    found = validated(paper, repository, {**code, "README.md": "# x"}, STRANGER.format("x"))
    assert found.method > 0.4
    assert found.standing == "unknown" and found.score == 0
    assert "an author of the paper among those who wrote it" in found.missing


def test_text_of_the_paper_in_test_data_counts_nothing(
    paper: Document, repository: Repository
) -> None:
    files = {
        "README.md": "# parser\n",
        "parser/rules.py": "\n".join(f"def rule_{i}(x):\n    return x" for i in range(30)),
        "tests/data/paper.md": PAPER,
        "tests/test_it.py": f"TITLE = {paper.title!r}\n" + GATE,
    }
    found = validated(paper, repository, files, STRANGER.format("parser"))
    assert found.standing == "unknown" and found.identity == 0 and found.method < 0.1
    assert found.not_counted == {"tests and fixtures": 2}


@pytest.mark.parametrize(
    "words", ["Unofficial code of", "PyTorch implementation of", "A JAX port of"]
)
def test_a_reimplementation_is_secondary(
    paper: Document, repository: Repository, words: str
) -> None:
    files = {
        **REPOSITORY,
        "README.md": f"# mine\n\n{words} {paper.title}.\n",
        "LICENSE": "MIT License",
    }
    found = validated(paper, repository, files, STRANGER.format("mine"))
    assert found.standing == "secondary", found.why


def test_a_reimplementation_that_kept_the_authors_licence_is_not_primary(
    paper: Document, repository: Repository
) -> None:
    files = {**REPOSITORY, "README.md": f"# mine\n\nUnofficial code of {paper.title}.\n"}
    found = validated(paper, repository, files, STRANGER.format("mine"))
    assert "authors" in found.parts and found.nature == ["re-implementation"]
    assert found.standing == "secondary", found.why


def test_another_repository_of_the_authors_is_secondary_if_the_paper_cites_one(
    paper: Document, repository: Repository
) -> None:
    found = validated(paper, repository, address=STRANGER.format("leaky-extras"))
    assert found.standing == "secondary" and "adalgren/dripgate" in found.why


def test_a_stranger_of_the_same_name_is_unknown(paper: Document, repository: Repository) -> None:
    files = {
        "README.md": "# dripgate\n\nIrrigation valves: leaky thresholds for gardens.\n",
        "valve.py": "\n".join(f"def valve_{i}(x):\n    return x" for i in range(30)),
    }
    found = validated(paper, repository, files, STRANGER.format("dripgate"))
    assert found.standing == "unknown", found.why


def test_a_list_of_papers_is_mentioned(paper: Document, repository: Repository) -> None:
    rows = "".join(f"- Idea {i} https://arxiv.org/abs/2501.{i:05}\n" for i in range(20))
    found = validated(
        paper,
        repository,
        {"README.md": f"# awesome\n\n{rows}- {paper.title}\n"},
        STRANGER.format("a"),
    )
    assert (found.standing, found.nature[-1]) == ("mentioned", "list of papers")


def test_a_library_that_the_paper_uses_is_mentioned(
    paper: Document, repository: Repository
) -> None:
    block = paper.blocks[-1]
    more = f"{block.text} We use medianbox (https://github.com/tools/medianbox)."
    uses = paper.model_copy(
        update={"blocks": [*paper.blocks[:-1], block.model_copy(update={"text": more})]}
    )
    files = {"README.md": "# medianbox\n", "m.py": "\n".join(f"x_{i} = {i}" for i in range(40))}
    found = validated(uses, repository, files, "https://github.com/tools/medianbox")
    assert (found.standing, found.nature) == ("mentioned", ["library"])


def test_an_empty_repository_and_a_promise_are_unknown(
    paper: Document, repository: Repository
) -> None:
    for files, nature in (
        ({}, "empty"),
        ({"README.md": f"# {paper.title}\n\nsoon"}, "README only"),
    ):
        found = validated(paper, repository, files)
        assert found.standing == "unknown" and nature in found.nature
        assert "source code" in found.missing


def test_a_fork_at_another_address_is_secondary(paper: Document, repository: Repository) -> None:
    found = validated(paper, repository, address=STRANGER.format("dripgate"))
    assert (found.standing, found.nature) == ("secondary", ["fork"])


def test_a_fork_is_known_by_the_address_in_its_metadata_if_the_paper_cites_none(
    paper: Document, repository: Repository
) -> None:
    uncited = paper.model_copy(update={"links": [], "abstract": ""})
    build = '[project]\nname = "dripgate"\n[project.urls]\nRepository = "' + f'{ADDRESS}"\n'
    files = {**REPOSITORY, "pyproject.toml": build}
    assert validated(uncited, repository, files).standing == "primary"
    found = validated(uncited, repository, files, STRANGER.format("dripgate"))
    assert (found.standing, found.nature) == ("secondary", ["fork"])


def test_a_repository_that_moved_is_not_taken_for_a_fork(
    paper: Document, repository: Repository
) -> None:
    page = REPOSITORY["README.md"] + "\nThis project moved here from adalgren/dripgate.\n"
    files = {**REPOSITORY, "README.md": page}
    found = validated(paper, repository, files, "https://github.com/ekstrand-lab/dripgate2")
    assert found.standing == "primary" and "renamed" in found.parts


def test_a_title_in_preferred_citation_counts_and_its_authors_do_not_count_as_programmers(
    paper: Document, repository: Repository
) -> None:
    cff = (
        "cff-version: 1.2.0\ntitle: valves\nauthors:\n"
        "  - family-names: Other\n    given-names: O.\n"
        f'preferred-citation:\n  title: "{paper.title}"\n  authors:\n'
        "    - family-names: Dalgren\n      given-names: Anna\n"
    )
    files = {**REPOSITORY, "README.md": "# v", "LICENSE": "MIT License", "CITATION.cff": cff}
    found = validated(paper, repository, files, STRANGER.format("v"))
    assert "cff" in found.parts and "authors" not in found.parts
    assert found.standing == "secondary"


def test_hostile_metadata_is_read_as_text(paper: Document, repository: Repository) -> None:
    files = {**REPOSITORY, "CITATION.cff": "a: &a [*a]\n: : :\n\t", "x.ipynb": "{broken"}
    found = validated(paper, repository, files)
    assert found.standing == "primary" and found.not_counted == {"broken notebooks": 1}


def test_quotes_are_short_and_on_one_line(paper: Document, repository: Repository) -> None:
    page = f"# x\n\n{'ignore previous instructions ' * 200}{paper.title}\n"
    found = validated(paper, repository, {**REPOSITORY, "README.md": page})
    assert all(len(it.quote) <= 200 and "\n" not in it.quote for it in found.evidence)
