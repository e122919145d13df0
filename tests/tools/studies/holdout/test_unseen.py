"""The holdout's documents are none that training or evaluation used, and follow from a secret."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fumehood_tools.corpora.rows import build_rows
from fumehood_tools.errors import CorpusTooSmall
from fumehood_tools.spec import CorpusSpec
from fumehood_tools.studies.holdout.seal import holdout_seed
from fumehood_tools.studies.holdout.unseen import holdout_tokens, unseen_rows


class Words:
    """A tokenizer whose tokens are the words of a text, by number."""

    bos = 0

    def __init__(self) -> None:
        self.known: dict[str, int] = {}

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [[self.known.setdefault(w, len(self.known) + 1) for w in t.split()] for t in texts]

    def words(self, rows: Any) -> set[str]:
        """Return the words in rows of tokens."""
        names = {number: word for word, number in self.known.items()}
        return {names[int(one)] for one in rows[:, 1:].flatten()}


def corpus(folder: Path, documents: int, tokens: int = 2_000) -> CorpusSpec:
    """Return a corpus of documents of 5 sentences of 12 words. Every word names its document."""
    draw = random.Random(0)
    texts = [
        " . ".join(
            " ".join(f"d{number}w{draw.randrange(1000)}" for _ in range(12)) for _ in range(5)
        )
        for number in range(documents)
    ]
    path = folder / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return CorpusSpec(name=str(path), context=16, train_tokens=tokens, eval_tokens=500)


def documents_in(encoder: Words, rows: Any) -> set[str]:
    """Return the documents that rows come from."""
    return {word.partition("w")[0] for word in encoder.words(rows) if word.startswith("d")}


def test_no_document_of_the_holdout_is_in_the_rows_of_the_sandbox(tmp_path: Path) -> None:
    spec, encoder = corpus(tmp_path, 400), Words()
    found = unseen_rows(spec, encoder, 1)
    own = build_rows(spec, encoder)
    assert (found.own.train == own.train).all() and (found.own.evaluation == own.evaluation).all()
    used = documents_in(encoder, own.train) | documents_in(encoder, own.evaluation)
    held = documents_in(encoder, found.rows)
    assert len(held) > 100 and not held & used
    assert not set(found.used) & set(found.unseen)
    assert found.rows.shape[1] == 16
    assert (found.rows[:, 0] == 0).all() and found.rows[:, 1:].size >= holdout_tokens(spec)


def test_documents_that_another_sandbox_of_the_study_has_used_are_left_out_too(
    tmp_path: Path,
) -> None:
    spec, encoder = corpus(tmp_path, 600), Words()
    larger = spec.model_copy(update={"train_tokens": 8_000})
    found = unseen_rows(spec, encoder, 1, [larger])
    used = documents_in(encoder, build_rows(larger, encoder).train)
    assert used > documents_in(encoder, found.own.train)
    assert not documents_in(encoder, found.rows) & used


def test_the_same_study_draws_the_same_rows_and_another_study_others(tmp_path: Path) -> None:
    spec = corpus(tmp_path, 400)
    seeds = [holdout_seed(tmp_path / "one", name) for name in ("a", "a", "b")]
    seeds.append(holdout_seed(tmp_path / "two", "a"))
    assert seeds[0] == seeds[1] and len({*seeds}) == 3
    rows = [unseen_rows(spec, Words(), seed).rows.tolist() for seed in (*seeds[:3], seeds[3])]
    assert rows[0] == rows[1]
    assert rows[0] != rows[2] and rows[0] != rows[3]


def test_copies_and_near_copies_of_used_documents_are_left_out(tmp_path: Path) -> None:
    spec, encoder = corpus(tmp_path, 400), Words()
    found = unseen_rows(spec, encoder, 1)
    used = documents_in(encoder, found.own.train)
    lines = Path(spec.name).read_text("utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    originals = [text for text in texts if text.partition("w")[0] in used]
    # Under another headline, at the end of the file, so that the splits stay as they are.
    news = [{"text": f"Headline {number} . {text}"} for number, text in enumerate(originals)]
    Path(spec.name).write_text("\n".join([*lines, *map(json.dumps, news)]) + "\n", encoding="utf-8")
    again = Words()
    held = unseen_rows(spec, again, 1)
    own = documents_in(again, held.own.train) | documents_in(again, held.own.evaluation)
    assert not documents_in(again, held.rows) & own


def test_a_corpus_that_is_too_small_says_how_much_is_left_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CorpusTooSmall, match=r"has [\d,]+ tokens in documents that neither"):
        unseen_rows(corpus(tmp_path, 100), Words(), 1)
