"""The parts of a validation: which files count, numbers, titles, names, copies, ranking."""

import json

import pytest
from fakes.dripgate import GATE, REPOSITORY, Repository

from fumehood_tools.reading.document import Document
from fumehood_tools.validation.constants import IDENTITY, METHOD
from fumehood_tools.validation.hyperparameters import assigned_numbers, matches, named_numbers
from fumehood_tools.validation.people import authors_in, is_handle
from fumehood_tools.validation.ranking import method_ranking
from fumehood_tools.validation.sources import SourceFile, read_sources, role_of
from fumehood_tools.validation.terms import method_terms, term_evidence, vocabulary_of
from fumehood_tools.validation.titles import find_title
from fumehood_tools.validation.twins import Print, is_copy_of, likeness
from fumehood_tools.validation.validate import validate
from fumehood_tools.validation.words import spelled

TITLE = "Message Passing along Ridges"


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("src/model.py", "source"),
        ("src/data/loader.py", "source"),
        ("configs/base.yaml", "configuration"),
        ("README.md", "documentation"),
        ("CITATION.cff", "metadata"),
        ("tests/test_model.py", "not:tests and fixtures"),
        ("src/test_model.py", "not:tests and fixtures"),
        ("data/papers.json", "not:data"),
        ("third_party/lib/x.c", "not:vendored"),
        ("proto/x_pb2.py", "not:generated"),
        ("paper/main.tex", "paper"),
        ("figures/a.png", "not:other kinds of files"),
    ],
)
def test_a_path_tells_whether_a_file_counts(path: str, role: str) -> None:
    assert role_of(path) == role


def test_a_notebook_counts_by_its_code_with_the_lines_of_the_file(repository: Repository) -> None:
    book = {
        "cells": [
            {"cell_type": "markdown", "source": ["# words"]},
            {
                "cell_type": "code",
                "source": ["lr = 3e-4\n", "k = 32"],
                "outputs": [{"text": "k = 9"}],
            },
        ],
        "nbformat": 4,
    }
    raw = json.dumps(book, indent=1)
    [file] = read_sources(repository({"a.ipynb": raw})).files
    assert file.text == "lr = 3e-4\nk = 32"
    line = file.line(file.text.find("k = 32"))
    assert '"k = 32"' in raw.splitlines()[line - 1]


def code(text: str) -> list[SourceFile]:
    return [SourceFile("a.py", "source", text)]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("a learning rate of 0.0003", "lr = 3e-4"),
        ("a learning rate of $3 \\times 10^{-4}$", "optimizer = Adam(p, lr=0.0003)"),
        ("a batch size of 4,096 tokens", "batch_size: int = 4096"),
        ("an expansion factor of 16", 'parser.add_argument("--expansion-factor", default=16)'),
        ("a dropout of 10%", "dropout: 0.1"),
        ("runs of 2^22 entries", "const RUN_ENTRIES: usize = 1 << 22;"),
        ("a decay of 0.9995", "#define EMA_DECAY 0.9995"),
    ],
)
def test_numbers_agree_by_name_and_value(words: str, line: str) -> None:
    [found] = matches(named_numbers(f"We train with {words}."), assigned_numbers(code(line)))
    assert found.found is not None, (found.named, assigned_numbers(code(line)))


def test_another_value_or_another_name_is_no_match() -> None:
    named = named_numbers("We train with a learning rate of 0.0003.")
    for line in ("lr = 3e-5", "ratio = 3e-4", "# learning rate 0.0003"):
        [found] = matches(named, assigned_numbers(code(line)))
        assert found.found is None, line


def test_in_a_repository_with_every_number_a_match_is_expected_by_chance() -> None:
    named = named_numbers("We train with a dropout of 0.1.")
    small = "dropout = 0.1\nwidth = 512\ndepth = 12\nseed = 7\n"
    many = "".join(f"value_{i} = 0.1\ndropout = {i / 100}\n" for i in range(40))
    [rare] = matches(named, assigned_numbers(code(small)))
    [common] = matches(named, assigned_numbers(code(many)))
    assert rare.found and common.found
    assert rare.chance < 0.2 and common.chance > 0.95


def test_a_title_must_be_there_whole() -> None:
    long = "Curvature-Gated Graph Networks for Long-Range Tasks"
    assert find_title(long, f"x\n# {long.upper()}\n") >= 0
    assert find_title(long, "curvature gated graph networks for long range tasks") == 0
    assert find_title(long, "Curvature-Gated Graph Netwroks for Long-Range Tasks") == 0
    assert find_title(long, "Curvature-Gated Graph Networks for Short-Range Molecules") == -1
    assert find_title(long, "Curvature-Gatde Graph Netwroks for Long-Range Tasks") == -1
    assert find_title(long, "Curvature-Bound Graph Kernels for Long-Range Tasks") == -1
    assert find_title(TITLE, "Message passing along rivers") == -1


def test_a_short_title_counts_only_where_it_stands_alone() -> None:
    assert find_title("Mistral 7B", "runs mistral 7b and llama") == -1
    assert find_title("Mistral 7B", 'the paper "Mistral 7B" says') >= 0
    assert find_title("Mistral 7B", "intro\n# Mistral 7B\n") >= 0


def test_one_surname_is_not_an_author() -> None:
    authors = ("Hoagy Cunningham", "Li Wei")
    assert authors_in(authors, "Copyright Hoagy Cunningham").full == ("Hoagy Cunningham",)
    assert authors_in(authors, "H. Cunningham").partial == ("Hoagy Cunningham",)
    assert authors_in(authors, "Jack Cunningham and a liwei") == ((), ())


def test_a_handle_needs_more_than_a_surname() -> None:
    authors = ("Oda Brandvold", "Li Xu")
    assert is_handle("obrandvold", authors) and is_handle("oda-brandvold", authors)
    assert not is_handle("brandvold", authors) and not is_handle("xbrandvold", authors)
    assert not is_handle("xu", authors)


def printed(digests: str, **known: object) -> Print:
    values = {"commits": [], "by_authors": [], "owned_by_author": False, **known}
    return Print.model_validate({"digests": list(digests), **values})


def test_copies_are_known_by_their_files_and_the_original_by_its_owner_or_history() -> None:
    one, other = printed("abcdef"), printed("abcdxy")
    assert likeness(one, other) == pytest.approx(4 / 6)
    assert is_copy_of(one, other) is None
    assert is_copy_of(one, printed("abc", owned_by_author=True)) is True
    original = printed("abc", commits=["2", "1"], by_authors=[True, True])
    fork = printed("abc", commits=["3", "2", "1"], by_authors=[False, True, True])
    stale = printed("abc", commits=["1"], by_authors=[True])
    assert is_copy_of(fork, original) is True and is_copy_of(original, fork) is False
    assert is_copy_of(original, stale) is False and is_copy_of(stale, original) is True


def test_files_are_ranked_by_how_much_of_the_method_they_have(
    paper: Document, repository: Repository
) -> None:
    more = {"tests/test_gate.py": GATE, "dripgate/config.yaml": "lr: 3.0e-4\n"}
    ranked = method_ranking(paper, repository(**more))
    assert ranked[0].path == "dripgate/gate.py"
    assert "line 7: The paper's 'a leak rate of 0.0125'" in ranked[0].reason
    assert not any(it.path.startswith("tests/") for it in ranked)
    assert ranked[1].path == "dripgate/config.yaml" and "learn" in ranked[1].reason


def test_terms_are_shown_in_the_words_of_the_paper_and_of_the_code_the_rarest_first(
    paper: Document, repository: Repository
) -> None:
    many = {f"dripgate/more_{i}.py": "LATENTS = 1  # latents\n" * 9 for i in range(9)}
    found = validate("x", paper, repository(**many)).validation
    lines = [it for it in found.evidence if it.kind == "terms" and it.file]
    assert [(it.says, it.place) for it in lines[:2]] == [
        ("The paper's 'drought penalty', here 'drought_penalty'", "dripgate/gate.py:18"),
        ("The paper's 'leaky threshold'", "dripgate/gate.py:1"),
    ]
    assert [it.file for it in lines if "'latents'" in it.says] == ["dripgate/more_0.py"]
    stems = ("leaki", "latent'", "reviv'", "penalti")
    assert not any(stem in it.says for stem in stems for it in lines)
    assert len(lines) == len({it.place for it in lines}) <= 12


def test_words_of_an_address_and_distant_words_are_no_term() -> None:
    [file] = code("# https://example.org/leaky/threshold\nclass LeakyThreshold: pass\n")
    terms = method_terms("The leaky threshold drips. A leaky threshold is leaky.")
    use = vocabulary_of([file], terms).files["a.py"]["leaki threshold"]
    assert term_evidence(file, use, terms).line == 2
    for text in ("# https://example.org/leaky/threshold", f"leaky = [{'1, ' * 40}]\nthreshold = 1"):
        found = vocabulary_of(code(text), terms).files.get("a.py", {})
        assert "leaki threshold" not in found and ("leaki" in found) is text.startswith("leaky")


def test_an_identifier_is_shown_whole_and_distant_words_by_both_ends() -> None:
    text = "n_components = 2\nquantile of the\n  gate" + "x" * 99
    at = text.index("components")
    assert spelled(text, at, at + 10) == "n_components"
    assert spelled(text, text.index("quantile"), text.index("gate") + 4).startswith(
        "quantile … gate"
    )
    assert len(spelled(text, text.index("gate"), text.index("gate") + 4)) < 50


def test_every_constant_has_a_reason() -> None:
    for table in (IDENTITY, METHOD):
        assert all(0 < it.value < 1 and len(it.reason) > 20 for it in table.values())


def test_long_lines_without_an_end_are_read_in_one_pass() -> None:
    # A pattern that starts again at every character would not end on these.
    for text in ("a" * 300_000, "a." * 150_000, "x: a" + " " * 300_000, "--a" * 100_000):
        assert assigned_numbers(code(text)) == []


def test_a_readme_of_blank_lines_and_open_braces_is_read(
    paper: Document, repository: Repository
) -> None:
    for page in ("\n" * 79_000, "@article{x,\n" * 6_000, "title = {" + "}" * 70_000):
        found = validate("x", paper, repository({**REPOSITORY, "README.md": page})).validation
        assert "names_paper" not in found.parts


def test_nested_lists_of_a_citation_file_are_not_written_out(
    paper: Document, repository: Repository
) -> None:
    rows = ["a0: &a0 [x, x]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    merged = ["a0: &a0 {x: 1}"]
    merged += [f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}" for i in range(1, 40)]
    for cff in ("\n".join([*rows, "title: *a29"]), "\n".join([*merged, "title: x"])):
        found = validate("x", paper, repository({**REPOSITORY, "CITATION.cff": cff})).validation
        assert "cff" not in found.parts
