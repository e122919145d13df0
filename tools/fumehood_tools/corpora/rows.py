"""Convert documents to token rows: BOS, then context - 1 tokens of one passage.

Passages of at most 6,000 characters are shuffled with a fixed seed and tokenized until there are
enough rows, so 200,000 tokens take about a second for a corpus of any size. Passages that are too
short for a row are joined with blank lines. T = context, R = rows.
"""

import hashlib
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from fumehood_tools.corpora.sources import (
    SPEECH_SHARE,
    Document,
    opening_of,
    passages,
    read_documents,
)
from fumehood_tools.corpora.splitting import split_documents
from fumehood_tools.errors import CorpusTooSmall
from fumehood_tools.spec import CorpusSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SEED = 0
_BATCH = 64
_EVAL_SHARES = (0.08, 0.16, 0.32, 0.5)
# Enough text for the requested tokens, for any tokenizer and alphabet.
_CHARACTERS_PER_TOKEN = 12


class Encoder(Protocol):
    """The part of a tokenizer that this module uses."""

    bos: int

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text, without special tokens."""
        ...


class Documents(NamedTuple):
    """The sorted digests of the document families that the rows of each split come from."""

    train: list[str]
    evaluation: list[str]


class TokenRows(NamedTuple):
    """Token ids as int32: train_RT and evaluation_RT. Position 0 of every row is BOS."""

    train: "NDArray[np.int32]"
    evaluation: "NDArray[np.int32]"
    documents: Documents


def rows_needed(tokens: int, context: int) -> int:
    """Return the number of rows with at least `tokens` activations, not counting position 0."""
    return -(-tokens // (context - 1))


def build_rows(corpus: CorpusSpec, encoder: Encoder) -> TokenRows:
    """Return the rows of both splits. Raises CorpusTooSmall, which states the available tokens.

    The evaluation split takes the smallest share in _EVAL_SHARES that gives enough rows.
    """
    wanted = corpus.train_tokens + corpus.eval_tokens
    documents = read_documents(corpus.name, _CHARACTERS_PER_TOKEN * wanted)
    caps = caps_of(corpus)
    body = corpus.context - 1
    n_eval = rows_needed(corpus.eval_tokens, corpus.context)
    n_train = rows_needed(corpus.train_tokens, corpus.context)
    evaluation: list[list[int]] = []
    for share in _EVAL_SHARES:
        split = split_documents(documents, share)
        evaluation = take_rows(split.evaluation, n_eval, body, encoder, caps)
        if len(evaluation) == n_eval:
            break
    if len(evaluation) < n_eval:
        raise _too_small(corpus, "evaluation", len(evaluation) * body)
    train = take_rows(split.train, n_train, body, encoder, caps)
    if len(train) < n_train:
        raise _too_small(corpus, "training", len(train) * body)
    families = Documents(families_of(split.train), families_of(split.evaluation))
    return TokenRows(as_rows(train, encoder.bos), as_rows(evaluation, encoder.bos), families)


def caps_of(corpus: CorpusSpec) -> dict[str, float]:
    """Return source -> largest share of a corpus' rows that may come from it."""
    return {"sotu": SPEECH_SHARE} if corpus.name == "mixed" else {}


def families_of(documents: Sequence[Document]) -> list[str]:
    """Return the sorted digests of the documents' families (texts with the same opening)."""
    openings = {opening_of(one.text) for one in documents}
    return sorted(hashlib.sha256(text.encode()).hexdigest()[:16] for text in openings)


def take_rows(
    documents: Sequence[Document],
    wanted: int,
    body: int,
    encoder: Encoder,
    caps: Mapping[str, float],
    seed: int = _SEED,
) -> list[list[int]]:
    """Return up to `wanted` rows of `body` tokens in random order.

    caps: source -> largest share of the wanted rows that may come from it.
    """
    pieces = [Document(one.source, part) for one in documents for part in passages(one.text)]
    draw = random.Random(seed)
    draw.shuffle(pieces)
    room = {source: int(cap * wanted) for source, cap in caps.items()}
    used: Counter[str] = Counter()
    rows: list[list[int]] = []
    for source, row in _rows_of(pieces, body, encoder):
        if used[source] >= room.get(source, wanted):
            continue
        used[source] += 1
        rows.append(row)
        if len(rows) == wanted:
            break
    draw.shuffle(rows)
    return rows


def _rows_of(
    pieces: Sequence[Document], body: int, encoder: Encoder
) -> Iterator[tuple[str, list[int]]]:
    between = encoder.encode(["\n\n"])[0]
    short: list[int] = []
    for start in range(0, len(pieces), _BATCH):
        batch = pieces[start : start + _BATCH]
        for piece, ids in zip(batch, encoder.encode([one.text for one in batch]), strict=True):
            for first in range(0, len(ids) - body + 1, body):
                yield piece.source, ids[first : first + body]
            if len(ids) < body:
                short += ids + between
                if len(short) >= body:
                    yield piece.source, short[:body]
                    short = []


def as_rows(rows: Sequence[Sequence[int]], bos: int) -> "NDArray[np.int32]":
    """Return rows of token ids as one array, with the BOS token prepended to each row."""
    import numpy as np

    body = np.asarray(rows, dtype=np.int32)
    return np.concatenate([np.full((len(rows), 1), bos, dtype=np.int32), body], axis=1)


def _too_small(corpus: CorpusSpec, split: str, tokens: int) -> CorpusTooSmall:
    asked = corpus.train_tokens if split == "training" else corpus.eval_tokens
    key = "train_tokens" if split == "training" else "eval_tokens"
    least = 1_000 if split == "training" else 256
    cure = f"Set corpus.{key} to at most {tokens}, or choose" if tokens >= least else "Choose"
    return CorpusTooSmall(
        f"Corpus {Path(corpus.name).name} has {tokens:,} {split} tokens in whole rows of "
        f"{corpus.context}, but corpus.{key} is {asked:,}. {cure} a larger corpus: mixed has about "
        "9 million tokens."
    )
